"""Levels of the U-Net: blocks at one resolution, and the resize between two.

Each image block is followed by what inflation adds to it; `models.unet` has
the drawing.
"""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax.models import blocks
from lumiere_jax.models import execution as executions
from lumiere_jax.models import spec as specs
from lumiere_jax.models import temporal as temporal_blocks
from lumiere_jax.nn import attention
from lumiere_jax.nn import resample
from lumiere_jax.types import Array, Timeline


class Level(nn.Module):
  """Blocks and resize of one level, in one direction.

  Attributes:
    level: 0 is the finest.
    spec: the image network's.
    temporal: what inflation adds, or None.
    execution: how it is run.
    dtype: compute dtype.
    prefix: where in the network it stands; None for where it is bound.
  """

  level: int
  spec: specs.UNetSpec
  temporal: specs.TemporalSpec | None = None
  execution: executions.Execution = executions.Execution()
  dtype: jnp.dtype = jnp.float32
  prefix: tuple[str, ...] | None = None
  way: ClassVar[str] = "down"

  @property
  def width(self) -> int:
    """Channels of this level."""
    return self.spec.widths[self.level]

  @property
  def residual_scale(self) -> float:
    """What the sum that a residual block returns is divided by."""
    variant = self.spec.variant
    if self.way == "middle" and variant.middle_scale is not None:
      return variant.middle_scale
    return variant.residual_scale

  def module(self, block, *args, name: str, static=(), **kwargs):
    """Builds a block in this scope, run as the execution says."""
    path = self.path if self.prefix is None else self.prefix
    block = self.execution.wrap(block, (*path, name), self.level, static)
    return block(*args, dtype=self.dtype, name=name, **kwargs)

  def residual(self, name, x, told: "Told", resize=None, handed=None) -> Array:
    """A residual block."""
    block = self.module(
      *(blocks.ResidualBlock, self.width, self.spec, resize),
      name=name,
      static=(3,),
      scale=self.residual_scale,
    )
    return block(x, told.embedding, told.deterministic, handed)

  def block(self, index, x, told: "Told", timeline, handed=None) -> Array:
    """Residual block, attention and temporal convolution number `index`."""
    x = self.residual(f"block_{index}", x, told, handed=handed)
    if self.spec.attends(self.level, self.way):
      x = self.attend(f"attention_{index}", x, told)
    spec = self.temporal
    if spec and spec.has_conv(self.level, self.spec.num_levels):
      x = self.module(
        *(temporal_blocks.TemporalConvBlock, self.spec, spec.layout, timeline),
        name=f"temporal_{index}",
      )(x, told.along(timeline))
    return x

  def alike(self, indices: range, x: Array, told: "Told", timeline) -> Array:
    """Blocks of equal shapes, to which nothing is handed: a loop, if told."""
    if not self.execution.scan or self.is_initializing() or len(indices) < 2:
      for index in indices:
        x = self.block(index, x, told, timeline)
      return x
    first, params = indices[0], self.variables["params"]
    fields = {
      field: getattr(self, field)
      for field in ("level", "spec", "temporal", "execution", "dtype")
    }
    one = OneBlock(
      **fields,
      prefix=self.path,
      index=first,
      timeline=timeline,
      way=self.way,
    )
    own = lambda index: {
      f"{kind}_{first}": params[f"{kind}_{index}"]
      for kind in ("block", "attention", "temporal")
      if f"{kind}_{index}" in params
    }
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *map(own, indices))
    step = lambda x, weights: (one.apply({"params": weights}, x, told), None)
    return jax.lax.scan(step, x, stacked)[0]

  def attend(self, name: str, x: Array, told: "Told") -> Array:
    """Attention of pixels over pixels and text."""
    return self.module(
      attention.FrameAttention,
      head_dim=self.spec.head_dim_at(self.level, self.way),
      kind=self.spec.attention_kind_at(self.level, self.way),
      key_norm=self.spec.variant.key_norm,
      key_groups=self.spec.variant.key_groups,
      groups=self.spec.groups,
      chunk=self.execution.attention_chunk,
      name=name,
    )(x, told.text, told.text_mask)

  def temporal_factor(self) -> int:
    """Frames merged by this level's resize."""
    factors = self.temporal.factors if self.temporal else ()
    return factors[self.level] if self.level < len(factors) else 1

  def down(self, x: Array, told: "Told", timeline) -> tuple[Array, Timeline]:
    """Halves space, then divides time."""
    x = self.resize(x, told, "down", blocks.StridedDownsample)
    return self.resample(resample.TemporalDownsample, x, timeline)

  def up(self, x: Array, told: "Told", timeline) -> tuple[Array, Timeline]:
    """Doubles space, then multiplies time."""
    x = self.resize(x, told, "up", blocks.RepeatedUpsample)
    return self.resample(resample.TemporalUpsample, x, timeline)

  def resize(self, x: Array, told: "Told", way: str, strided) -> Array:
    """The image network's own resize."""
    if self.spec.resize_at(self.level, way) == "pooled":
      return self.residual("resize", x, told, resize=way)
    width = self.width
    if way == "up" and self.level == 0:
      width = self.spec.stem_width or width
    return self.module(strided, width, name="resize")(x)

  def resample(self, kind, x: Array, timeline) -> tuple[Array, Timeline]:
    """Temporal resize that follows a spatial one."""
    factor = self.temporal_factor()
    if factor == 1:
      return x, timeline
    x = self.module(
      *(kind, factor, self.temporal.layout, timeline), name="temporal_resize"
    )(x)
    is_down = kind is resample.TemporalDownsample
    change = timeline.divided if is_down else timeline.multiplied
    return x, change(factor)


class OneBlock(Level):
  """One of several blocks that are alike, by itself.

  Attributes:
    index: its number.
    timeline: where the frames live.
    way: of the level that it is of.
  """

  index: int = 0
  way: str = "down"
  timeline: Timeline | None = None

  @nn.compact
  def __call__(self, x: Array, told: "Told") -> Array:
    return self.block(self.index, x, told, self.timeline)


class DownLevel(Level):
  """The way down: [B, T, H, W, C] -> features and what is handed across."""

  @nn.compact
  def __call__(
    self, x: Array, told: "Told", timeline: Timeline
  ) -> tuple[Array, list[Array], Timeline]:
    if self.spec.resize_first:
      x, timeline = self.down(x, told, timeline)
    handed, count = [], self.spec.blocks[self.level]
    if self.spec.skips == "level":
      x = self.block(0, x, told, timeline)
      x = self.alike(range(1, count), x, told, timeline)
      handed.append(x)
    else:
      for index in range(count):
        x = self.block(index, x, told, timeline)
        handed.append(x)
    is_last = self.level == self.spec.num_levels - 1
    if not self.spec.resize_first and not is_last:
      x, timeline = self.down(x, told, timeline)
      if self.spec.skips == "block":
        handed.append(x)
    return x, handed, timeline


class Middle(Level):
  """The coarsest level's middle, with the stack of temporal attention."""

  way = "middle"

  @nn.compact
  def __call__(self, x: Array, told: "Told", timeline: Timeline) -> Array:
    count = self.spec.variant.middle_blocks if self.spec.skips == "block" else 0
    if count > 0:
      x = self.residual("block_0", x, told)
    if self.spec.middle_attention:
      x = self.attend("attention_0", x, told)
    if count > 1:
      x = self.residual("block_1", x, told)
    for index in range(self.temporal.attention_blocks if self.temporal else 0):
      x = self.module(
        temporal_blocks.TemporalAttentionBlock,
        self.spec,
        self.temporal.head_dim or self.spec.head_dim,
        timeline,
        self.temporal.placed,
        name=f"temporal_{index}",
      )(x, told.along(timeline))
    return x


class UpLevel(Level):
  """The way up: features and what was handed across -> features."""

  way = "up"

  @nn.compact
  def __call__(
    self, x: Array, handed: list[Array], told: "Told", timeline: Timeline
  ) -> tuple[Array, Timeline]:
    count = self.spec.blocks[self.level]
    if self.spec.skips == "level":
      x = self.block(0, x, told, timeline, handed.pop())
      x = self.alike(range(1, count), x, told, timeline)
    else:
      for index in range(count + 1):
        x = self.block(index, x, told, timeline, handed.pop())
    if self.spec.resize_first or self.level > 0:
      x, timeline = self.up(x, told, timeline)
    return x, timeline

  def temporal_factor(self) -> int:
    """An up level undoes the resize of the level that led down to it."""
    factors = self.temporal.factors if self.temporal else ()
    index = self.level if self.spec.resize_first else self.level - 1
    return factors[index] if 0 <= index < len(factors) else 1


@jax.tree_util.register_pytree_node_class
class Told:
  """What blocks are told, one of each a clip.

  Attributes:
    embedding: [B, E], for blocks of the image network.
    text: [B, L, D], likewise.
    text_mask: [B, L] bool.
    temporal: [B, E], or [B, N, E] of all frames of the clip, already
      activated, for temporal blocks; None where they are told nothing.
    deterministic: whether dropout is off.
  """

  def __init__(
    self, embedding, text, text_mask, temporal=None, deterministic=True
  ):
    self.embedding = embedding
    self.text = text
    self.text_mask = text_mask
    self.temporal = temporal
    self.deterministic = deterministic

  def along(self, timeline: Timeline) -> Array | None:
    """`temporal`, of frames as a timeline has them here: [B, T, E] or [B, E].

    A frame of a coarse level is the first of those that were merged to it.
    """
    if self.temporal is None or self.temporal.ndim == 2:
      return self.temporal
    factor = self.temporal.shape[1] // timeline.num_frames
    return timeline.own(self.temporal[:, ::factor])

  def tree_flatten(self):
    """Arrays apart from the flag."""
    arrays = (self.embedding, self.text, self.text_mask, self.temporal)
    return arrays, self.deterministic

  @classmethod
  def tree_unflatten(cls, deterministic, arrays):
    """Undoes `tree_flatten`."""
    return cls(*arrays, deterministic)
