"""A small video network that says what a clip of the toybox shows.

Two frames at a time, convolutions down to 4 x 4 pixels, then a transformer over
what is left, then one answer for each question about the scene.  Things are
read at places, 8 x 8 to a frame: what shape is there, if any, and of what
colour.  A kind is there where both are said of one place, so that a green ring
is known by rings and by green things, whether or not one was ever shown.  It is
trained on clips whose truth is known and never sees a generated one.
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
    shapes: number of shapes.
    colors: number of colours; of kinds, there are shapes x colours.
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

  shapes: int
  colors: int
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
    [B, kinds, values], name of a scene's -> [B, values]; of places "shape at"
    [B, T / 2, 8, 8, 1 + shapes], none first, "actor at" [B, T / 2, 8, 8], and
    "color at" and so on, [B, T / 2, 8, 8, values]; and "features" [B, E], what
    it saw, for distances between sets of clips.
    """
    fine, coarse = self.look(video)
    batch, width = len(video), coarse.shape[-1]
    x = coarse.reshape(batch, -1, width)
    place = initial.param(
      self,
      "places",
      initial.named(initial.Initial("normal", 0.02), (None, "embed")),
      (x.shape[1], width),
    )
    x = x + place.astype(self.dtype)
    for layer in range(self.layers):
      x = Layer(self.head_dim, self.dtype, name=f"layer_{layer}")(x)
    seen = nn.LayerNorm(dtype=self.dtype, name="norm_out")(x)
    things = self.things(fine, seen.reshape(coarse.shape))
    seen = seen.astype(jnp.float32)
    scene = {
      name: embed.dense(count, jnp.float32, name)(
        Pool(self.head_dim, name=f"pool_{name}")(seen)
      )
      for name, count in self.of_scenes.items()
    }
    return things | scene | {"features": jnp.mean(seen, 1)}

  def look(self, video: Array) -> tuple[Array, Array]:
    """Features of two frames each, at 8 pixels and at 4: [B, T / 2, ...]."""
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
    levels = []
    for level, width in enumerate(self.widths):
      if level:
        x = conv.SpatialConv(
          width, stride=2, dtype=self.dtype, name=f"down_{level}"
        )(x)
      x = Block(width, self.groups, self.dtype, name=f"block_{level}")(x)
      levels.append(x)
    return levels[1], levels[2]

  def things(self, fine: Array, coarse: Array) -> dict[str, Array]:
    """Answers of places, and from them those of kinds."""
    width = fine.shape[-1]
    wide = jnp.repeat(jnp.repeat(coarse, 2, axis=2), 2, axis=3)
    x = embed.dense(width, self.dtype, "join")(
      jnp.concatenate([fine, wide], axis=-1)
    )
    x = Block(width, self.groups, self.dtype, name="block_places")(x)
    shape, color, actor, *rest = self.at_places(nn.gelu(x))
    sure = _of_both(shape, color)
    weight = jnp.exp(sure.reshape(len(sure), -1, sure.shape[-1]))
    weight = weight / (jnp.sum(weight, axis=1, keepdims=True) + 1e-6)
    gather = lambda at: jnp.einsum(
      "bpk,bpv->bkv", weight, at.reshape(len(x), -1, at.shape[-1])
    )
    of_kinds = dict(zip(self.of_kinds, rest, strict=True))
    at = {"shape": shape, "color": color, "actor": actor[..., 0]} | of_kinds
    return {name: gather(x) for name, x in of_kinds.items()} | {
      "present": Presence(name="present")(sure),
      "actor": gather(actor)[..., 0],
      **{f"{name} at": x for name, x in at.items()},
    }

  def at_places(self, x: Array) -> list[Array]:
    """Shape or none, colour, whether it acts, and what is asked of kinds."""
    counts = (1 + self.shapes, self.colors, 1, *self.of_kinds.values())
    found = embed.dense(sum(counts), self.dtype, "at_places")(x)
    ends = [sum(counts[: k + 1]) for k in range(len(counts) - 1)]
    return jnp.split(found.astype(jnp.float32), ends, axis=-1)


def _of_both(shape: Array, color: Array) -> Array:
  """Log probability of each kind: [..., 1 + m] and [..., n] -> [..., m n]."""
  shape = jax.nn.log_softmax(shape)[..., 1:, None]
  color = jax.nn.log_softmax(color)[..., None, :]
  return (shape + color).reshape(*shape.shape[:-2], -1)


class Presence(nn.Module):
  """Whether a kind is there, from where it seems to be and for how long.

  [B, T, H, W, kinds] log probabilities -> [B, kinds] logits.  All kinds are
  asked alike, so that one that was never there is found like any other.
  """

  width: int = 16
  least: float = -8.0

  @nn.compact
  def __call__(self, sure: Array) -> Array:
    best = jnp.maximum(jnp.max(sure, axis=(2, 3)), self.least)
    # In which frames does not matter, in how many does.
    profile = jnp.sort(best, axis=1).swapaxes(1, 2) / self.least
    hidden = nn.gelu(embed.dense(self.width, jnp.float32, "up")(profile))
    learned = embed.dense(1, jnp.float32, "down")(hidden)[..., 0]
    # Before anything is learned: there, if it is likely in a quarter of them.
    quarter = max(1, profile.shape[-1] // 4)
    return learned + 4 * (1 - 4 * jnp.mean(profile[..., -quarter:], axis=-1))


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
    questions = initial.param(
      self,
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
