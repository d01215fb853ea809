"""The null prompt: what stands for "no text" in classifier-free guidance."""

import jax.numpy as jnp

from lumiere_jax.types import Array


def drop(embedding: Array, mask: Array, dropped: Array) -> tuple[Array, Array]:
  """Replaces the text of some clips by the null prompt.

  Imagen zeroes the embedding; one token stays visible so that attention to
  text alone still has something to attend to.

  Args:
    embedding: [B, L, E] output of the text encoder.
    mask: [B, L] bool, True on real tokens.
    dropped: [B] bool, True where the text is to be hidden.

  Returns:
    Embedding and mask of the shapes given.
  """
  first = jnp.arange(mask.shape[1]) == 0
  return (
    jnp.where(dropped[:, None, None], 0.0, embedding),
    jnp.where(dropped[:, None], first, mask),
  )
