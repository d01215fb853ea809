"""Reads out of a text what it says, and hands that on.

A text encoder that is trained from nothing by the diffusion loss alone learns
what words mean very slowly, and so does an image network that has to find out
which of two hundred bytes say what it wants to know.  Ours is taught to read
first: of captions whose meaning is known it must say, attribute by attribute,
what they say.  The encoder is then frozen, as Imagen's is, and what its reader
answers is what the image network is told: a few places instead of many tokens,
each the sum of the vectors of its answers.  An answer has the same vector in
every place, so that red is learned once, and not for each thing that is red.
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

NEVER = -1e9  # logit of an answer that there is not


class Reader(nn.Module):
  """Questions about a text: [B, L, E] -> [B, K, V] logits.

  Questions of a group, such as all about the ball, are answered from one place
  of the text, by attention of one head.  Had each its own, the colour would be
  read off any word that is a colour, and whose it is would not be learned.

  Attributes:
    sizes: of each of G groups, number of answers of each of its questions, K in
      all; class 0, "nothing is said", comes on top, and V is the largest of
      them plus one.
    shared: whether groups of the same several questions share what answers
      them, so that green is one thing, of a ring that was never green too. The
      first of each is whether there is such a thing; the others are answered
      without knowing who asks, and by "nothing" where there is none.
    dtype: compute dtype; logits are float32.
  """

  sizes: Sequence[Sequence[int]]
  shared: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, text: Array, mask: Array) -> Array:
    """Asks; `mask` is [B, L] bool. Logits of answers that are none: `NEVER`."""
    width, groups = text.shape[-1], len(self.sizes)
    text = nn.LayerNorm(dtype=self.dtype, name="norm")(text)
    questions = initial.param(
      self,
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
    places = embed.dense(width, self.dtype, "mix", names=axes.FROM_HEADS)(
      places
    )
    group_of, rank_of = _order(self.sizes)
    asks = (rank_of == 0) | (not self.shared)
    places = nn.gelu(places[:, group_of] + questions[group_of] * asks[:, None])
    sizes = np.concatenate([np.array(group) for group in self.sizes])
    kernel_of = _kernels(self.sizes, self.shared)
    count = 1 + max(kernel_of)
    kernel = initial.param(
      self,
      "values",
      initial.named(initial.Initial("fan_in", count), (None, "embed", None)),
      (count, width, 1 + max(sizes)),
    )[kernel_of]
    logits = jnp.einsum("bke,kev->bkv", places, kernel).astype(jnp.float32)
    first = logits[:, np.flatnonzero(rank_of == 0)[group_of]]
    lacks = nn.relu(first[..., 0] - first[..., 1])
    logits = logits.at[..., 0].add(lacks * ~asks)
    exists = np.arange(1 + max(sizes)) <= sizes[:, None]
    return jnp.where(exists, logits, NEVER)


class Answers(nn.Module):
  """What was answered, as text features: [B, K, V] logits -> [B, G, E].

  The vectors are drawn once and never trained: nothing that is learned from
  captions says how alike answers should be.

  Attributes:
    sizes: as the reader's.
    width: E.
  """

  sizes: Sequence[Sequence[int]]
  width: int

  @nn.compact
  def __call__(self, logits: Array) -> Array:
    group_of, rank_of = _order(self.sizes)
    groups, questions = len(self.sizes), max(map(len, self.sizes))
    vectors = lambda name, *shape: initial.param(
      self,
      name,
      initial.named(
        initial.Initial("normal"), (*(None for _ in shape), "embed")
      ),
      (*shape, self.width),
    )
    answers = vectors("answers", questions, logits.shape[-1])
    told = jnp.einsum("bkv,kve->bke", jax.nn.softmax(logits), answers[rank_of])
    places = jax.nn.one_hot(group_of, groups, dtype=told.dtype)
    return jnp.einsum("bke,kg->bge", told, places) + vectors("places", groups)


def _kernels(sizes: Sequence[Sequence[int]], shared: bool) -> np.ndarray:
  """Of each question, the number of the kernel that answers it: [K] int."""
  known: dict = {}
  for number, group in enumerate(sizes):
    is_one_of_many = shared and len(group) > 1
    name = tuple(group) if is_one_of_many else number
    for rank in range(len(group)):
      known.setdefault((number, rank), (name, rank))
  names = list(dict.fromkeys(known.values()))
  return np.array([names.index(name) for name in known.values()])


def _order(sizes: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
  """Of each question, its group and its rank in it: [K] and [K] int."""
  counts = [len(group) for group in sizes]
  ranks = [np.arange(count) for count in counts]
  return np.repeat(np.arange(len(sizes)), counts), np.concatenate(ranks)
