"""Attention over the pixels of a frame, over text, and over time.

Imagen and DeepFloyd IF let one softmax choose between pixels and words: text
keys and values are concatenated to those of the pixels.  Lumiere's temporal
attention runs per pixel along time.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.nn import axes
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.nn import norm
from lumiere_jax.nn import relative_bias
from lumiere_jax.nn import saved
from lumiere_jax.nn import softmax_attention
from lumiere_jax.nn import timeline as timelines
from lumiere_jax.types import Array, Timeline

KINDS = ("joint", "cross", "self")
_KEY_EPSILON = 1e-5


def split_heads(x: Array, head_dim: int) -> Array:
  """[..., heads * head_dim] -> [..., heads, head_dim]."""
  errors.require_divisible(
    "attention width",
    x.shape[-1],
    head_dim,
    because=f"each head has {head_dim} channels",
  )
  return x.reshape(*x.shape[:-1], -1, head_dim)


class FrameAttention(nn.Module):
  """Attention of a frame's pixels: [B, T, H, W, C] -> the same, residual.

  Attributes:
    head_dim: channels a head.
    kind: "joint" attends to pixels and text in one softmax, "cross" to text
      alone, "self" to pixels alone.
    groups: groups of the pre-normalisation.
    chunk: queries at a time; see `nn.softmax_attention`.
    dtype: compute dtype; softmax is float32.
    key_norm: norm of the text before its keys and values: None, "layer" or
      "group", whose statistics are of all tokens.
    key_groups: groups of that.
  """

  head_dim: int = 64
  kind: str = "joint"
  groups: int = 32
  chunk: int | None = softmax_attention.CHUNK
  dtype: jnp.dtype = jnp.float32
  key_norm: str | None = None
  key_groups: int = 32

  @nn.compact
  def __call__(self, x: Array, text: Array, text_mask: Array) -> Array:
    """Attends.

    Args:
      x: [B, T, H, W, C] features.
      text: [B, L, D] text features, one sequence a clip.
      text_mask: [B, L] bool, True where a token may be attended to.

    Returns:
      [B, T, H, W, C], `x` plus the attention's projected output.
    """
    errors.require_one_of("attention kind", self.kind, KINDS)
    x = saved.block_input(x)
    batch, frames, height, width, channels = x.shape
    pixels = norm.FrameGroupNorm(self.groups, dtype=self.dtype, name="norm")(x)
    pixels = pixels.reshape(batch * frames, height * width, channels)
    heads = lambda name, inputs: split_heads(
      embed.dense(channels, self.dtype, name, names=axes.TO_HEADS)(inputs),
      self.head_dim,
    )
    query, keys, values, mask = heads("query", pixels), [], [], []
    if self.kind != "cross":
      keys.append(heads("key", pixels))
      values.append(heads("value", pixels))
      mask.append(jnp.ones(keys[0].shape[:2], bool))
    if self.kind != "self":
      text = self.normalised(text)
      # Projected once a clip, then repeated: T times fewer FLOPs.
      keys.append(jnp.repeat(heads("text_key", text), frames, axis=0))
      values.append(jnp.repeat(heads("text_value", text), frames, axis=0))
      mask.append(jnp.repeat(text_mask, frames, axis=0))
    attended = softmax_attention.attend(
      query,
      jnp.concatenate(keys, axis=1),
      jnp.concatenate(values, axis=1),
      jnp.concatenate(mask, axis=1),
      chunk=self.chunk,
    )
    out = embed.dense(
      channels,
      self.dtype,
      "out",
      kernel_init=initial.ZEROS,
      names=axes.FROM_HEADS,
    )(attended.reshape(pixels.shape))
    return x + out.reshape(x.shape)

  def normalised(self, text: Array) -> Array:
    """[B, L, D] text as keys and values are made of it."""
    if self.key_norm == "layer":
      return nn.LayerNorm(
        epsilon=_KEY_EPSILON, dtype=self.dtype, name="text_norm"
      )(text)
    if self.key_norm == "group":
      normalise = norm.GroupNorm(
        self.key_groups,
        dtype=self.dtype,
        epsilon=_KEY_EPSILON,
        name="text_norm",
      )
      return normalise(text[:, None])[:, 0]
    return text


class TemporalAttention(nn.Module):
  """Attention of each pixel along time: [B, T, H, W, C] -> the same.

  The result is a zero-initialised projection, to be added by the caller.

  Attributes:
    head_dim: channels a head.
    groups: groups of the pre-normalisation.
    dtype: compute dtype; softmax is float32.
  """

  head_dim: int = 64
  groups: int = 32
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self,
    x: Array,
    timeline: Timeline | None = None,
    embedding: Array | None = None,
  ) -> Array:
    """Attends.

    Args:
      x: [B, T, H, W, C] features.
      timeline: where the frames live; None for all here.
      embedding: [B, E] or [B, T, E], already activated, by which the normalised
        features are scaled and shifted; None for neither.
    """
    timeline = timeline or timelines.Whole(x.shape[1])
    batch, frames, height, width, channels = x.shape
    rows = norm.FrameGroupNorm(self.groups, dtype=self.dtype, name="norm")(x)
    rows = embed.scale_shift(rows, embedding, self.dtype)
    rows = rows.transpose(0, 2, 3, 1, 4).reshape(-1, frames, channels)
    query, key, value = (
      split_heads(
        embed.dense(channels, self.dtype, name, names=axes.TO_HEADS)(rows),
        self.head_dim,
      )
      for name in ("query", "key", "value")
    )
    bias = relative_bias.RelativeBias(query.shape[2], name="relative")(
      timeline.num_frames
    )
    # Each device asks for its own frames and is answered by all.
    bias, exists = timeline.rows(bias)
    attended = jax.nn.dot_product_attention(
      query,
      timeline.gather(key, 1),
      timeline.gather(value, 1),
      bias=bias.astype(self.dtype),
      mask=None if exists is None else exists[None, None, None],
    )
    out = embed.dense(
      channels,
      self.dtype,
      "project",
      kernel_init=initial.ZEROS,
      names=axes.FROM_HEADS,
    )(attended.reshape(rows.shape))
    out = out.reshape(batch, height, width, frames, channels)
    return out.transpose(0, 3, 1, 2, 4)


class AttentionPool(nn.Module):
  """One vector from a masked sequence: [B, L, E] -> [B, E].

  The query is the masked mean plus a learned offset, and it may attend to
  itself, as in GLIDE and DeepFloyd IF's pooled text.

  Attributes:
    head_dim: channels a head.
    dtype: compute dtype; mean and softmax are float32.
  """

  head_dim: int = 64
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array, mask: Array) -> Array:
    weight = mask.astype(jnp.float32)[..., None]
    mean = (x * weight).sum(1) / jnp.maximum(weight.sum(1), 1.0)
    offset = initial.param(
      self,
      "offset",
      initial.named(initial.Initial("normal", x.shape[-1] ** -0.5), (None,)),
      (x.shape[-1],),
    )
    query = (mean + offset)[:, None].astype(self.dtype)
    sequence = jnp.concatenate([query, x.astype(self.dtype)], axis=1)
    mask = jnp.pad(mask, ((0, 0), (1, 0)), constant_values=True)
    heads = lambda name, inputs: split_heads(
      embed.dense(x.shape[-1], self.dtype, name, names=axes.TO_HEADS)(inputs),
      self.head_dim,
    )
    pooled = jax.nn.dot_product_attention(
      heads("query", query),
      heads("key", sequence),
      heads("value", sequence),
      mask=mask[:, None, None, :],
    )
    return pooled.reshape(x.shape[0], -1)
