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
import numpy as np

from lumiere_jax.nn import axes
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.types import Array


class Reader(nn.Module):
  """Questions about a text: [B, L, E] -> [B, K, V] logits.

  Questions of a group, such as all about the ball, are answered from one place
  of the text, by attention of one head.  Had each its own, the colour would be
  read off any word that is a colour, and whose it is would not be learned.

  Attributes:
    sizes: of each group, number of answers of each of its questions, K in all;
      class 0, "nothing is said", comes on top, and V is the largest of them
      plus one.
    dtype: compute dtype; logits are float32.
  """

  sizes: Sequence[Sequence[int]]
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, text: Array, mask: Array) -> Array:
    """Asks; `mask` is [B, L] bool. Logits of answers that are none: -1e9."""
    width, groups = text.shape[-1], len(self.sizes)
    text = nn.LayerNorm(dtype=self.dtype, name="norm")(text)
    questions = self.param(
      "questions",
      initial.named(initial.Initial("normal"), (None, "embed")),
      (groups, width),
    ).astype(self.dtype)
    project = lambda name, x: embed.dense(
      width, self.dtype, name, names=axes.TO_HEADS
    )(x)[:, :, None]
    asked = jnp.broadcast_to(questions, (len(text), groups, width))
    places = jax.nn.dot_product_attention(
      project("query", asked),
      project("key", text),
      project("value", text),
      mask=mask[:, None, None, :],
    )[:, :, 0]
    places = nn.gelu(
      embed.dense(width, self.dtype, "mix", names=axes.FROM_HEADS)(places)
      + questions
    )
    group_of = np.repeat(
      np.arange(groups), [len(group) for group in self.sizes]
    )
    sizes = np.concatenate([np.array(group) for group in self.sizes])
    kernel = self.param(
      "values",
      initial.named(
        initial.Initial("fan_in", len(sizes)), (None, "embed", None)
      ),
      (len(sizes), width, 1 + max(sizes)),
    )
    logits = jnp.einsum("bke,kev->bkv", places[:, group_of], kernel)
    exists = np.arange(1 + max(sizes)) <= sizes[:, None]
    return jnp.where(exists, logits.astype(jnp.float32), -1e9)
