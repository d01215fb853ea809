r"""The blocks that inflation adds: all that Lumiere trains.

Convolution-based block (every level but the coarsest, section 3.1, Fig. 4):

  T2I layer -- + --------------------------------------------------> out
               \- conv 3x3 - norm - act - conv time - norm - act - linear -/

Attention-based block (coarsest level only, several stacked): attention of each
pixel along time, then the linear layer.  Both linear layers start at zero, so
at initialisation the inflated network is the image network.  The paper does
not print norm and activation; group norm and the image network's activation
are ours.

Nor does it say whether these blocks know the text.  The image layers, frozen,
have learned from single frames, which cannot tell "rolls to the left" from
"rolls to the right"; so ours may be told (`TemporalSpec.told`): diffusion time
and text scale and shift what is normalised, and a perceptron then follows each
attention, which by itself is linear in its values.  What they are told may say
where in the clip each frame is, too (`TemporalSpec.placed`): attention knows
frames by their distance alone, convolutions by the zeros beyond a clip's ends,
and before anything shows, "rolls to the left" is "at the right early, at the
left late".
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from lumiere_jax.models import spec as specs
from lumiere_jax.nn import activations
from lumiere_jax.nn import attention
from lumiere_jax.nn import axes
from lumiere_jax.nn import conv
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.nn import norm
from lumiere_jax.nn import saved
from lumiere_jax.types import Array, Timeline

# Half periods of cosines that tell where a frame is in the clip, and a place in
# either direction of the frame.
MOMENT_WAVES, PLACE_WAVES = 8, 3


class TemporalConvBlock(nn.Module):
  """Factorized space-time convolution: [B, T, H, W, C] -> the same, residual.

  Attributes:
    spec: the image network's, for groups and activation.
    layout: see `nn.conv.convolve_frames`.
    timeline: where the frames live; None for all here.
    dtype: compute dtype.
  """

  spec: specs.UNetSpec
  layout: str = "rows"
  timeline: Timeline | None = None
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array, embedding: Array | None = None) -> Array:
    """Applies the block; `embedding` [B, E] or [B, T, E], None if not told."""
    x = saved.block_input(x)
    act = activations.get(self.spec.activation)
    channels = x.shape[-1]
    group_norm = lambda name: norm.FrameGroupNorm(
      self.spec.groups, dtype=self.dtype, name=name
    )
    hidden = conv.SpatialConv(channels, dtype=self.dtype, name="spatial_conv")(
      x
    )
    hidden = act(group_norm("norm_0")(hidden))
    hidden = conv.TemporalConv(
      channels, layout=self.layout, dtype=self.dtype, name="conv"
    )(hidden, self.timeline)
    hidden = group_norm("norm_1")(hidden)
    hidden = act(embed.scale_shift(hidden, embedding, self.dtype))
    out = embed.dense(
      channels,
      self.dtype,
      "project",
      kernel_init=initial.ZEROS,
      names=axes.FROM_HEADS,
    )(hidden)
    return x + out


class TemporalHead(nn.Module):
  """Corrects a prediction along time: [B, T, H, W, O] -> the same, residual.

  A convolution block on patches of 2 x 2 pixels of the prediction and of the
  noisy clip: at full resolution, but a quarter of the places, which is a fifth
  of the time of a block before the last convolution (2 CPU cores, November
  2026).

  Attributes:
    spec: the image network's, for width, groups and activation.
    layout: see `nn.conv.convolve_frames`.
    timeline: where the frames live; None for all here.
    dtype: compute dtype.
  """

  spec: specs.UNetSpec
  layout: str = "rows"
  timeline: Timeline | None = None
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self, out: Array, noisy: Array, embedding: Array | None = None
  ) -> Array:
    """Corrects `out`; `embedding` [B, E] or [B, T, E], None if not told."""
    act, width = activations.get(self.spec.activation), self.spec.widths[0]
    group_norm = lambda name: norm.FrameGroupNorm(
      self.spec.groups, dtype=self.dtype, name=name
    )
    both = jnp.concatenate([out, noisy.astype(out.dtype)], axis=-1)
    hidden = conv.SpatialConv(width, dtype=self.dtype, name="spatial_conv")(
      patches(both).astype(self.dtype)
    )
    hidden = act(group_norm("norm_0")(hidden))
    hidden = conv.TemporalConv(
      width, kernel_size=5, layout=self.layout, dtype=self.dtype, name="conv"
    )(hidden, self.timeline)
    hidden = group_norm("norm_1")(hidden)
    hidden = act(embed.scale_shift(hidden, embedding, self.dtype))
    correction = embed.dense(
      4 * out.shape[-1],
      jnp.float32,
      "project_out",
      kernel_init=initial.ZEROS,
      names=axes.FROM_HEADS,
    )(hidden.astype(jnp.float32))
    return out + pixels(correction)


def patches(video: Array) -> Array:
  """[B, T, H, W, C] -> [B, T, H / 2, W / 2, 4 C]: 2 x 2 pixels side by side."""
  *lead, height, width, channels = video.shape
  cut = video.reshape(*lead, height // 2, 2, width // 2, 2, channels)
  cut = jnp.moveaxis(cut, -4, -3)
  return cut.reshape(*lead, height // 2, width // 2, 4 * channels)


def pixels(video: Array) -> Array:
  """Undoes `patches`."""
  *lead, height, width, channels = video.shape
  cut = video.reshape(*lead, height, width, 2, 2, channels // 4)
  cut = jnp.moveaxis(cut, -3, -4)
  return cut.reshape(*lead, 2 * height, 2 * width, channels // 4)


class TemporalAttentionBlock(nn.Module):
  """Attention along time: [B, T, H, W, C] -> the same, residual.

  Where it is told anything, a perceptron follows.

  Attributes:
    spec: the image network's, for groups and activation.
    head_dim: channels a head.
    timeline: where the frames live; None for all here.
    placed: whether the perceptron knows where in the frame it is.
    dtype: compute dtype.
  """

  spec: specs.UNetSpec
  head_dim: int = 64
  timeline: Timeline | None = None
  placed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array, embedding: Array | None = None) -> Array:
    """Applies the block; `embedding` [B, E] or [B, T, E], None if not told."""
    x = saved.block_input(x)
    out = attention.TemporalAttention(
      head_dim=self.head_dim,
      groups=self.spec.groups,
      dtype=self.dtype,
      name="attention",
    )(x, self.timeline, embedding)
    x = x + out
    if embedding is None:
      return x
    perceptron = ToldPerceptron(
      self.spec, self.placed, dtype=self.dtype, name="perceptron"
    )
    return x + perceptron(x, embedding)


class ToldPerceptron(nn.Module):
  """Perceptron at each place of each frame: [B, T, H, W, C] -> the same.

  The result is a zero-initialised projection, to be added by the caller.

  Attributes:
    spec: the image network's, for groups and activation.
    placed: whether it knows where in the frame it is.
    dtype: compute dtype.
  """

  spec: specs.UNetSpec
  placed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array, embedding: Array) -> Array:
    """Applies the layers, told `embedding`, [B, E] or [B, T, E]."""
    channels = x.shape[-1]
    hidden = norm.FrameGroupNorm(
      self.spec.groups, dtype=self.dtype, name="norm"
    )(x)
    hidden = embed.scale_shift(hidden, embedding, self.dtype)
    if self.placed:
      hidden += self.place(*x.shape[2:])
    hidden = embed.dense(2 * channels, self.dtype, "widen")(hidden)
    return embed.dense(
      channels,
      self.dtype,
      "project",
      kernel_init=initial.ZEROS,
      names=axes.FROM_MLP,
    )(activations.get(self.spec.activation)(hidden))

  def place(self, height: int, width: int, channels: int) -> Array:
    """Embeds where in the frame each place is: -> [H, W, C], zeros at first."""
    down, across = (
      np.pad(
        embed.waves(count, PLACE_WAVES), ((0, 0), (1, 0)), constant_values=1.0
      )
      for count in (height, width)
    )
    both = np.einsum("hi,wj->hwij", down, across).reshape(height, width, -1)
    both = both[..., 1:]  # which says something
    return embed.dense(
      channels,
      self.dtype,
      "place",
      kernel_init=initial.ZEROS,
      use_bias=False,
    )(both)
