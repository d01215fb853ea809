"""The null prompt: what stands for "no text" in classifier-free guidance."""

import jax.numpy as jnp

from lumiere_jax.types import Array


def drop(
  embedding: Array,
  mask: Array,
  dropped: Array,
  unsaid: tuple[Array, Array] | None = None,
) -> tuple[Array, Array]:
  """Replaces the text of some clips by the null prompt.

  Imagen zeroes the embedding; one token stays visible so that attention to
  text alone still has something to attend to.  DeepFloyd IF was told the
  embedding of the empty caption.

  Args:
    embedding: [B, L, E] output of the text encoder.
    mask: [B, L] bool, True on real tokens.
    dropped: [B] bool, True where the text is to be hidden.
    unsaid: the null prompt's embedding [1, L, E] and mask [1, L]; None zeroes.

  Returns:
    Embedding and mask of the shapes given.
  """
  if unsaid is not None:
    nothing, seen = unsaid
    return (
      jnp.where(dropped[:, None, None], nothing, embedding),
      jnp.where(dropped[:, None], seen, mask),
    )
  first = jnp.arange(mask.shape[1]) == 0
  return (
    jnp.where(dropped[:, None, None], 0.0, embedding),
    jnp.where(dropped[:, None], first, mask),
  )
