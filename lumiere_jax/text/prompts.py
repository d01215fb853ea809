"""What a prompt may be."""

from lumiere_jax import errors

MAX_CHARACTERS = 2_000


def check(prompt: str) -> str:
  """Returns the prompt without surrounding space.

  Raises:
    ConfigError: it is empty, or longer than any encoder reads.
  """
  prompt = prompt.strip()
  if not prompt:
    raise errors.ConfigError(
      "the prompt is empty; say what to show, for example "
      '--prompt "a red ball bounces on the grass".'
    )
  if len(prompt) > MAX_CHARACTERS:
    raise errors.ConfigError(
      f"the prompt has {len(prompt):,} characters; the limit is "
      f"{MAX_CHARACTERS:,}, so shorten it to what is seen in five seconds."
    )
  return prompt
