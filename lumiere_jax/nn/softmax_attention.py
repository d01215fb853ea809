"""Softmax attention that never holds all of its logits.

A frame of 64 x 64 pixels has 4,096 queries and as many keys: 24 heads of 20
frames would fill 16 GB with logits in bfloat16, kept or computed again for the
backward pass.  Queries come a chunk at a time instead, and the backward pass
computes each chunk's logits again.  JAX has no fused kernel for TPUs behind
`jax.nn.dot_product_attention`.
"""

import functools

import jax
import jax.numpy as jnp

from lumiere_jax.types import Array

# Queries at a time. Logits of a chunk, 256 x 4,224 for 64 x 64 pixels and
# their text, are 2 MB a head.
CHUNK = 256


def attend(
  query: Array,
  key: Array,
  value: Array,
  mask: Array | None = None,
  *,
  chunk: int | None = CHUNK,
) -> Array:
  """Attends, a chunk of queries at a time.

  Args:
    query: [B, N, heads, D].
    key: [B, M, heads, D].
    value: [B, M, heads, D].
    mask: [B, M] bool, True where a key may be attended to; None for all.
    chunk: queries at a time; all at once if None, or where it does not divide
      N, or is no fewer.

  Returns:
    [B, N, heads, D] in the dtype of `query`; softmax is float32.
  """
  mask = None if mask is None else mask[:, None, None, :]
  whole = functools.partial(
    jax.nn.dot_product_attention, key=key, value=value, mask=mask
  )
  length = query.shape[1]
  if chunk is None or length <= chunk or length % chunk:
    return whole(query)
  parts = query.reshape(query.shape[0], -1, chunk, *query.shape[2:])
  out = jax.lax.map(jax.checkpoint(whole), jnp.moveaxis(parts, 1, 0))
  return jnp.moveaxis(out, 0, 1).reshape(query.shape)
