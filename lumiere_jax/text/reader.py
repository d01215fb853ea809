"""Reads out of a text embedding what the text says.

A text encoder that is trained from nothing by the diffusion loss alone learns
what words mean very slowly.  Ours is taught to read first: of captions whose
meaning is known it must say, attribute by attribute, what they say.  The
reader that asks is thrown away; the encoder is then frozen, as Imagen's is.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax.nn import attention
from lumiere_jax.nn import axes
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.types import Array


class Reader(nn.Module):
  """One question for each attribute: [B, L, E] -> [B, K, V] logits.

  Attributes:
    sizes: number of values of each of the K attributes; class 0, "nothing is
      said", comes on top, and V is the largest of them plus one.
    head_dim: channels of an attention head.
    dtype: compute dtype; logits are float32.
  """

  sizes: Sequence[int]
  head_dim: int = 32
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, text: Array, mask: Array) -> Array:
    """Asks; `mask` is [B, L] bool. Logits of values that are none: -1e9."""
    width, count = text.shape[-1], len(self.sizes)
    text = nn.LayerNorm(dtype=self.dtype, name="norm")(text)
    questions = self.param(
      "questions",
      initial.named(initial.Initial("normal"), (None, "embed")),
      (count, width),
    ).astype(self.dtype)
    heads = lambda name, x: attention.split_heads(
      embed.dense(width, self.dtype, name, names=axes.TO_HEADS)(x),
      self.head_dim,
    )
    asked = jnp.broadcast_to(questions, (len(text), count, width))
    answers = jax.nn.dot_product_attention(
      heads("query", asked),
      heads("key", text),
      heads("value", text),
      mask=mask[:, None, None, :],
    ).reshape(len(text), count, width)
    answers = nn.gelu(
      embed.dense(width, self.dtype, "mix", names=axes.FROM_HEADS)(answers)
      + questions
    )
    most = 1 + max(self.sizes)
    kernel = self.param(
      "values",
      initial.named(initial.Initial("fan_in", count), (None, "embed", None)),
      (count, width, most),
    )
    logits = jnp.einsum("bke,kev->bkv", answers, kernel).astype(jnp.float32)
    exists = jnp.arange(most) <= jnp.array(self.sizes)[:, None]
    return jnp.where(exists, logits, -1e9)
