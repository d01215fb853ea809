r"""The U-Net that is an image network, or its space-time inflation.

Each frame runs through the same image layers; `TemporalSpec` puts temporal
modules between them, and without one there are none.  Every module that
inflation adds is named `temporal_...`, every other one belongs to the image
network, so the weights of a trained image network fit at the same paths.

            down_0 ------------------------------ up_0
    resize, temporal  \                        /  resize, temporal
                     down_1 -------------- up_1
               resize, temporal  \      /  resize, temporal
                           down_2  middle  up_2       temporal attention
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.models import blocks
from lumiere_jax.models import spec as specs
from lumiere_jax.models import temporal as temporal_blocks
from lumiere_jax.nn import attention
from lumiere_jax.nn import axes
from lumiere_jax.nn import conv
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.nn import norm
from lumiere_jax.nn import resample
from lumiere_jax.types import Array, Condition

REMAT = {
  "none": None,
  "blocks": jax.checkpoint_policies.nothing_saveable,
  "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}


class Level(nn.Module):
  """Blocks and resize of one level, in one direction.

  Attributes:
    level: 0 is the finest.
    spec: the image network's.
    temporal: what inflation adds, or None.
    remat: what the backward pass recomputes; see `REMAT`.
    dtype: compute dtype.
  """

  level: int
  spec: specs.UNetSpec
  temporal: specs.TemporalSpec | None = None
  remat: str = "none"
  dtype: jnp.dtype = jnp.float32

  @property
  def width(self) -> int:
    """Channels of this level."""
    return self.spec.widths[self.level]

  def module(self, block, *args, **kwargs):
    """Builds a block in this scope, recomputed in the backward pass or not."""
    if self.remat != "none":
      static = (3,) if block is blocks.ResidualBlock else ()
      block = nn.remat(block, policy=REMAT[self.remat], static_argnums=static)
    return block(*args, dtype=self.dtype, **kwargs)

  def block(self, index: int, x: Array, told: "Told") -> Array:
    """Residual block, attention and temporal convolution number `index`."""
    x = self.module(
      blocks.ResidualBlock, self.width, self.spec, name=f"block_{index}"
    )(x, told.embedding, told.deterministic)
    if self.level in self.spec.attention:
      x = self.attend(f"attention_{index}", x, told)
    spec = self.temporal
    if spec and spec.has_conv(self.level, self.spec.num_levels):
      x = self.module(
        temporal_blocks.TemporalConvBlock,
        self.spec,
        spec.layout,
        name=f"temporal_{index}",
      )(x)
    return x

  def attend(self, name: str, x: Array, told: "Told") -> Array:
    """Attention of pixels over pixels and text."""
    return self.module(
      attention.FrameAttention,
      head_dim=self.spec.head_dim,
      kind=self.spec.attention_kind,
      groups=self.spec.groups,
      name=name,
    )(x, told.text, told.text_mask)

  def temporal_factor(self) -> int:
    """Frames merged by this level's resize."""
    factors = self.temporal.factors if self.temporal else ()
    return factors[self.level] if self.level < len(factors) else 1

  def down(self, x: Array, told: "Told") -> Array:
    """Halves space, then divides time."""
    if self.spec.resize == "pooled":
      resize = blocks.ResidualBlock(
        self.width, self.spec, "down", dtype=self.dtype, name="resize"
      )
    else:
      resize = blocks.StridedDownsample(
        self.width, dtype=self.dtype, name="resize"
      )
    return self.resample(
      resample.TemporalDownsample, resize(x, told.embedding, told.deterministic)
    )

  def up(self, x: Array, told: "Told") -> Array:
    """Doubles space, then multiplies time."""
    if self.spec.resize == "pooled":
      resize = blocks.ResidualBlock(
        self.width, self.spec, "up", dtype=self.dtype, name="resize"
      )
    else:
      resize = blocks.RepeatedUpsample(
        self.width, dtype=self.dtype, name="resize"
      )
    return self.resample(
      resample.TemporalUpsample, resize(x, told.embedding, told.deterministic)
    )

  def resample(self, kind, x: Array) -> Array:
    """Temporal resize that follows a spatial one."""
    factor = self.temporal_factor()
    if factor == 1:
      return x
    return kind(
      factor,
      layout=self.temporal.layout,
      dtype=self.dtype,
      name="temporal_resize",
    )(x)


class DownLevel(Level):
  """The way down: [B, T, H, W, C] -> features and what is handed across."""

  @nn.compact
  def __call__(self, x: Array, told: "Told") -> tuple[Array, list[Array]]:
    if self.spec.resize_first:
      x = self.down(x, told)
    handed = []
    for index in range(self.spec.blocks[self.level]):
      x = self.block(index, x, told)
      handed.append(x)
    is_last = self.level == self.spec.num_levels - 1
    if not self.spec.resize_first and not is_last:
      x = self.down(x, told)
      if self.spec.skips == "block":
        handed.append(x)
    return x, handed


class Middle(Level):
  """The coarsest level's middle, with the stack of temporal attention."""

  @nn.compact
  def __call__(self, x: Array, told: "Told") -> Array:
    blocks_in_middle = self.spec.skips == "block"
    if blocks_in_middle:
      x = self.residual("block_0", x, told)
    if self.spec.middle_attention:
      x = self.attend("attention_0", x, told)
    if blocks_in_middle:
      x = self.residual("block_1", x, told)
    for index in range(self.temporal.attention_blocks if self.temporal else 0):
      x = self.module(
        temporal_blocks.TemporalAttentionBlock,
        self.spec,
        self.temporal.head_dim or self.spec.head_dim,
        name=f"temporal_{index}",
      )(x)
    return x

  def residual(self, name: str, x: Array, told: "Told") -> Array:
    """A residual block without inflation."""
    return self.module(blocks.ResidualBlock, self.width, self.spec, name=name)(
      x, told.embedding, told.deterministic
    )


class UpLevel(Level):
  """The way up: features and what was handed across -> features."""

  @nn.compact
  def __call__(self, x: Array, handed: list[Array], told: "Told") -> Array:
    scale = self.spec.skip_scale
    per_block = self.spec.skips == "block"
    if not per_block:
      x = jnp.concatenate([x, handed.pop() * scale], axis=-1)
    for index in range(self.spec.blocks[self.level] + per_block):
      if per_block:
        x = jnp.concatenate([x, handed.pop() * scale], axis=-1)
      x = self.block(index, x, told)
    if self.spec.resize_first or self.level > 0:
      x = self.up(x, told)
    return x

  def temporal_factor(self) -> int:
    """An up level undoes the resize of the level that led down to it."""
    factors = self.temporal.factors if self.temporal else ()
    index = self.level if self.spec.resize_first else self.level - 1
    return factors[index] if 0 <= index < len(factors) else 1


@jax.tree_util.register_pytree_node_class
class Told:
  """What every block is told: embedding [B, E], text [B, L, D] and its mask."""

  def __init__(self, embedding, text, text_mask, deterministic=True):
    self.embedding = embedding
    self.text = text
    self.text_mask = text_mask
    self.deterministic = deterministic

  def tree_flatten(self):
    """Arrays apart from the flag."""
    return (self.embedding, self.text, self.text_mask), self.deterministic

  @classmethod
  def tree_unflatten(cls, deterministic, arrays):
    """Undoes `tree_flatten`."""
    return cls(*arrays, deterministic)


class UNet(nn.Module):
  """Noisy frames in, prediction out: [B, T, H, W, 3] -> [B, T, H, W, 3 or 6].

  Attributes:
    spec: sizes and choices of the image network.
    temporal: what inflation adds; None for the image network itself.
    remat: what the backward pass recomputes: "none", "blocks" (everything
      inside a block) or "dots" (all but matrix products).
    dtype: compute dtype; parameters, input and output are float32.
  """

  spec: specs.UNetSpec
  temporal: specs.TemporalSpec | None = None
  remat: str = "none"
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self, noisy: Array, t: Array, condition: Condition, *, deterministic=True
  ) -> Array:
    """Predicts what the diffusion was parameterized to predict.

    Args:
      noisy: [B, T, H, W, 3] float32; images [B, H, W, 3] are clips of one
        frame.
      t: [B] float32 in [0, 1], diffusion time.
      condition: text [B, L, E] and its mask; low_res [B, T, h, w, 3] and
        noise_level [B] where the spec has `low_res`.
      deterministic: whether dropout is off.

    Returns:
      Shape of `noisy` with `spec.out_channels` channels, float32.

    Raises:
      ShapeError: T, H or W that the resizes cannot divide.
      ConfigError: low_res given or missing against the spec.
    """
    is_image = noisy.ndim == 4
    if is_image:
      noisy = noisy[:, None]
      condition = condition.map(lambda x: x, lambda x: x[:, None])
    self.check(noisy, condition)
    told = self.told(t, condition, deterministic)
    stem = self.stem(noisy, condition)
    x, across = self.descend(stem, told)
    x = Middle(**self.level(self.spec.num_levels - 1), name="middle")(x, told)
    for index in reversed(range(self.spec.num_levels)):
      level = UpLevel(**self.level(index), name=f"up_{index}")
      count = self.spec.blocks[index] + 1 if self.spec.skips == "block" else 1
      handed = [across.pop() for _ in range(count)][::-1]
      x = level(x, handed, told)
    if self.spec.resize_first:
      x = jnp.concatenate([x, stem * self.spec.skip_scale], axis=-1)
    out = self.head(x, told)
    return out[:, 0] if is_image else out

  def level(self, index: int) -> dict:
    """Arguments of level `index`."""
    return dict(
      level=index,
      spec=self.spec,
      temporal=self.temporal,
      remat=self.remat,
      dtype=self.dtype,
    )

  def check(self, noisy: Array, condition: Condition) -> None:
    """Refuses shapes that the resizes cannot divide."""
    _, frames, height, width, _ = noisy.shape
    factor = self.spec.spatial_factor
    because = f"the U-Net halves it {self.spec.num_resizes} times"
    errors.require_divisible("frame height", height, factor, because=because)
    errors.require_divisible("frame width", width, factor, because=because)
    if self.temporal and self.temporal.factors:
      errors.require_divisible(
        "number of frames",
        frames,
        temporal_factor(self.temporal),
        because="the U-Net divides the frame rate by it",
      )
    if (condition.low_res is not None) != self.spec.low_res:
      has = "has" if self.spec.low_res else "has no"
      was = "none was" if condition.low_res is None else "one was"
      raise errors.ConfigError(
        f"the network {has} low-resolution input, but {was} given."
      )

  def told(self, t: Array, condition: Condition, deterministic: bool) -> Told:
    """Embeds time, noise level and text."""
    spec, width = self.spec, self.spec.embedding_width
    scalar = lambda name: embed.ScalarEmbedding(
      spec.widths[0], width, spec.activation, dtype=self.dtype, name=name
    )
    embedding = scalar("time")(t)
    if spec.low_res:
      embedding += scalar("noise_level")(condition.noise_level)
    text = nn.LayerNorm(dtype=self.dtype, name="text_norm")(condition.text)
    if spec.pooled_text:
      pooled = attention.AttentionPool(
        min(spec.head_dim, text.shape[-1]), dtype=self.dtype, name="text_pool"
      )(text, condition.text_mask)
      pooled = embed.dense(width, self.dtype, "pooled_text")(pooled)
      embedding += nn.LayerNorm(dtype=self.dtype, name="pooled_norm")(pooled)
    text = embed.dense(
      spec.text_width or max(spec.widths), self.dtype, "text_project"
    )(text)
    pin = axes.constrain_clips
    return Told(
      pin(embedding), pin(text), pin(condition.text_mask), deterministic
    )

  def stem(self, noisy: Array, condition: Condition) -> Array:
    """First convolution, on the noisy clip and the resized low-res one."""
    x = noisy.astype(self.dtype)
    if self.spec.low_res:
      shape = (*noisy.shape[:-1], condition.low_res.shape[-1])
      low_res = jax.image.resize(condition.low_res, shape, "bilinear")
      x = jnp.concatenate([x, low_res.astype(self.dtype)], axis=-1)
    return conv.SpatialConv(
      self.spec.widths[0], dtype=self.dtype, name="conv_in"
    )(x)

  def descend(self, x: Array, told: Told) -> tuple[Array, list[Array]]:
    """All levels down; returns features and all that is handed across."""
    across = [x] if self.spec.skips == "block" else []
    for index in range(self.spec.num_levels):
      x, handed = DownLevel(**self.level(index), name=f"down_{index}")(x, told)
      across += handed if self.spec.skips == "block" else handed[-1:]
    return x, across

  def head(self, x: Array, told: Told) -> Array:
    """Last norm, activation and convolution, in float32."""
    act = getattr(nn, self.spec.activation)
    x = norm.FrameGroupNorm(self.spec.groups, name="norm_out")(x)
    if self.spec.resize_first:
      # What the first convolution handed over is wanted at some times and
      # noise at others, and no block after it knows the time.
      modulation = embed.dense(
        2 * x.shape[-1],
        jnp.float32,
        "modulation_out",
        kernel_init=initial.ZEROS,
      )(act(told.embedding))
      scale, shift = jnp.split(modulation[:, None, None, None], 2, axis=-1)
      x = x * (1 + scale) + shift
    return conv.SpatialConv(
      self.spec.out_channels, kernel_init=initial.ZEROS, name="conv_out"
    )(act(x))


def temporal_factor(temporal: specs.TemporalSpec | None) -> int:
  """Total factor by which frames are merged, N in the paper's notation."""
  factor = 1
  for step in temporal.factors if temporal else ():
    factor *= step
  return factor
