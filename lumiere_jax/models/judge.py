"""A small video network that says what a clip of the toybox shows.

Two frames at a time, convolutions down to 4 x 4 pixels, then a transformer over
what is left, then one answer for each question.  It is trained on clips whose
truth is known and never sees a generated one.
"""

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax.nn import attention
from lumiere_jax.nn import axes
from lumiere_jax.nn import conv
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.nn import norm
from lumiere_jax.types import Array


class Judge(nn.Module):
  """Clip to answers: [B, T, S, S, 3] float32 in [-1, 1] -> dict of logits.

  Attributes:
    kinds: number of kinds of things.
    of_kinds: name -> number of values, asked of every kind.
    of_scenes: name -> number of values, asked of the scene.
    frames: T, even.
    stem: factor by which the first convolution shrinks a frame; S / stem is
      16.
    widths: channels at 16, 8 and 4 pixels.
    layers: of the transformer.
    head_dim: channels of an attention head.
    groups: groups of group norm.
    dtype: compute dtype; logits are float32.
  """

  kinds: int
  of_kinds: Mapping[str, int]
  of_scenes: Mapping[str, int]
  frames: int = 40
  stem: int = 2
  widths: tuple[int, int, int] = (32, 64, 128)
  layers: int = 2
  head_dim: int = 32
  groups: int = 16
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, video: Array) -> dict[str, Array]:
    """Returns "present" and "actor" [B, kinds], name of a kind's attribute ->
    [B, kinds, values], name of a scene's -> [B, values]; and "features" [B, E],
    what it saw, for distances between sets of clips.
    """
    batch, frames, *sides, channels = video.shape
    # Two frames as one of twice the channels: half the work, and what moved
    # between them stays.
    pairs = video.reshape(batch, frames // 2, 2, *sides, channels)
    pairs = jnp.moveaxis(pairs, 2, -2).reshape(
      batch, frames // 2, *sides, 2 * channels
    )
    x = conv.SpatialConv(
      self.widths[0],
      kernel_size=2 * self.stem + 1,
      stride=self.stem,
      dtype=self.dtype,
      name="conv_in",
    )(pairs.astype(self.dtype))
    for level, width in enumerate(self.widths):
      if level:
        x = conv.SpatialConv(
          width, stride=2, dtype=self.dtype, name=f"down_{level}"
        )(x)
      x = Block(width, self.groups, self.dtype, name=f"block_{level}")(x)
    width = x.shape[-1]
    x = x.reshape(batch, -1, width)
    place = self.param(
      "places",
      initial.named(initial.Initial("normal", 0.02), (None, "embed")),
      (x.shape[1], width),
    )
    x = x + place.astype(self.dtype)
    for layer in range(self.layers):
      x = Layer(self.head_dim, self.dtype, name=f"layer_{layer}")(x)
    seen = nn.LayerNorm(dtype=self.dtype, name="norm_out")(x)
    return self.answers(seen.astype(jnp.float32))

  def answers(self, seen: Array) -> dict[str, Array]:
    """One attention pool for each question about the scene, and for kinds."""
    names = ("kinds", "actor", *self.of_scenes)
    pooled = {
      name: Pool(self.head_dim, name=f"pool_{name}")(seen) for name in names
    }
    dense = lambda name, width, x: embed.dense(width, jnp.float32, name)(x)
    found = {
      "present": dense("present", self.kinds, pooled["kinds"]),
      "actor": dense("actor", self.kinds, pooled["actor"]),
      "features": pooled["kinds"],
    }
    for name, count in self.of_kinds.items():
      flat = dense(name, self.kinds * count, pooled["kinds"])
      found[name] = flat.reshape(-1, self.kinds, count)
    for name, count in self.of_scenes.items():
      found[name] = dense(name, count, pooled[name])
    return found


class Block(nn.Module):
  """Residual block, in space and along time: [B, T, H, W, C] -> the same."""

  width: int
  groups: int
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, x: Array) -> Array:
    group_norm = lambda name: norm.FrameGroupNorm(
      self.groups, dtype=self.dtype, name=name
    )
    hidden = nn.gelu(group_norm("norm_0")(x))
    hidden = conv.SpatialConv(self.width, dtype=self.dtype, name="conv")(hidden)
    hidden = nn.gelu(group_norm("norm_1")(hidden))
    hidden = conv.TemporalConv(
      self.width, dtype=self.dtype, name="temporal_conv"
    )(hidden)
    return x + hidden


class Layer(nn.Module):
  """Layer of a transformer: [B, N, E] -> the same."""

  head_dim: int
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, x: Array) -> Array:
    width = x.shape[-1]
    inner = nn.LayerNorm(dtype=self.dtype, name="norm_0")(x)
    heads = lambda name: attention.split_heads(
      embed.dense(width, self.dtype, name, names=axes.TO_HEADS)(inner),
      self.head_dim,
    )
    attended = jax.nn.dot_product_attention(
      heads("query"), heads("key"), heads("value")
    ).reshape(x.shape)
    dense = lambda name, size, names: embed.dense(
      size, self.dtype, name, names=names
    )
    x = x + dense("project", width, axes.FROM_HEADS)(attended)
    inner = nn.LayerNorm(dtype=self.dtype, name="norm_1")(x)
    hidden = nn.gelu(dense("up", 2 * width, axes.DENSE)(inner))
    return x + dense("down", width, ("mlp", "embed"))(hidden)


class Pool(nn.Module):
  """Attention of several learned questions: [B, N, E] -> [B, 2 E].

  Attributes:
    head_dim: channels of an attention head.
    count: questions.
  """

  head_dim: int
  count: int = 2

  @nn.compact
  def __call__(self, x: Array) -> Array:
    width = x.shape[-1]
    questions = self.param(
      "questions",
      initial.named(initial.Initial("normal"), (None, "embed")),
      (self.count, width),
    )
    heads = lambda name, inputs: attention.split_heads(
      embed.dense(width, jnp.float32, name, names=axes.TO_HEADS)(inputs),
      self.head_dim,
    )
    asked = jnp.broadcast_to(questions, (len(x), self.count, width))
    found = jax.nn.dot_product_attention(
      heads("query", asked), heads("key", x), heads("value", x)
    )
    return nn.gelu(found.reshape(len(x), -1))
