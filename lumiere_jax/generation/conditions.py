"""From a prompt to what a network is told."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax.text import null
from lumiere_jax.types import Array, Condition, FrameCondition, Guided


def build(
  tokenizer: Callable[[list[str]], tuple[np.ndarray, np.ndarray]],
  encode: Callable[[Array, Array], tuple[Array, Array]],
  *,
  prompt: str | None,
  negative_prompt: str,
  num_clips: int,
  is_guided: bool,
  hears_silence: bool = False,
  low_res: Array | None = None,
  given: FrameCondition | None = None,
) -> Condition | Guided:
  """Encodes the prompts with a stage's own encoder.

  Args:
    tokenizer: captions -> (tokens [B, L], mask [B, L]).
    encode: (tokens, mask) -> embedding [B, L', E] float32 and its mask.
    prompt: what to show; None for the null prompt, the one that captions are
      dropped to in training.
    negative_prompt: what to steer away from; empty for the null prompt.
    num_clips: B; every clip is told the same.
    is_guided: whether to build both sides of guidance, or the prompt alone.
    hears_silence: whether the null prompt is the empty caption, encoded.
    low_res: [B, T, h, w, 3] float32 in [-1, 1], the clip to upsample.
    given: pixels of one clip, [T, H, W, ...], that all are given.
  """
  tokens, mask = tokenizer([prompt or "", negative_prompt])
  embedding, mask = encode(tokens, jnp.asarray(mask))
  unsaid = [prompt is None, not negative_prompt]
  if any(unsaid) and not hears_silence:
    embedding, mask = null.drop(embedding, mask, jnp.array(unsaid))

  repeat = lambda x: jnp.repeat(x[None], num_clips, axis=0)
  given = jax.tree.map(lambda x: repeat(jnp.asarray(x)), given)

  def told(side: int) -> Condition:
    return Condition(
      text=repeat(embedding[side]),
      text_mask=repeat(mask[side]),
      low_res=low_res,
      given=given,
    )

  return Guided(positive=told(0), negative=told(1)) if is_guided else told(0)
