"""Group normalisation of single frames.

Statistics never cross frames: the inflated network must treat each frame as
the image network would, a clip of any length must normalise alike, and frames
may live on different chips.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.nn import conv
from lumiere_jax.nn import initial
from lumiere_jax.nn import pixel_sums
from lumiere_jax.types import Array

_EPSILON = 1e-5


class FrameGroupNorm(nn.Module):
  """Normalises each frame's channel groups: [B, T, H, W, C] -> the same.

  Attributes:
    groups: number of groups; must divide C.
    affine: whether to learn a scale and an offset.
    dtype: dtype of the result; statistics are float32.
    epsilon: added to the variance.
  """

  groups: int = 32
  affine: bool = True
  dtype: jnp.dtype = jnp.float32
  epsilon: float = _EPSILON

  @nn.compact
  def __call__(self, x: Array) -> Array:
    errors.require_divisible(
      "number of channels",
      x.shape[-1],
      self.groups,
      because=f"group norm has {self.groups} groups",
    )
    frames = conv.fold_frames(x)
    normalised = GroupNorm(
      self.groups, self.affine, self.dtype, self.epsilon, name="norm"
    )(frames)
    return conv.unfold_frames(normalised, x.shape[1])


class GroupNorm(nn.Module):
  """Normalises groups of channels: [N, H, W, C] -> the same.

  Pixels are averaged first and channels of a group after, which are few by
  then: a reduction over both at once is slow on CPUs, and what normalises is
  one product and one sum a pixel.

  Attributes:
    groups: number of groups; must divide C.
    affine: whether to learn a scale and an offset.
    dtype: dtype of the result; statistics are float32.
    epsilon: added to the variance.
  """

  groups: int
  affine: bool = True
  dtype: jnp.dtype = jnp.float32
  epsilon: float = _EPSILON

  @nn.compact
  def __call__(self, x: Array) -> Array:
    channels = x.shape[-1]
    x = x.astype(jnp.float32)
    pixels = x.shape[1] * x.shape[2]
    mean, square = (
      self.of_groups(one / pixels) for one in pixel_sums.moments(x)
    )
    factor = jax.lax.rsqrt(jnp.maximum(square - mean**2, 0.0) + self.epsilon)
    offset = -mean * factor
    if self.affine:
      param = lambda name, init: self.param(
        name, initial.named(init, (None,)), (channels,)
      )
      scale = param("scale", initial.ONES)
      factor = factor * scale
      offset = offset * scale + param("bias", initial.ZEROS)
    factor, offset = (pixel_sums.settled(one, x) for one in (factor, offset))
    return pixel_sums.affine(x, factor, offset).astype(self.dtype)

  def of_groups(self, means: Array) -> Array:
    """[N, C] means of channels -> [N, C] those of their groups."""
    grouped = means.reshape(len(means), self.groups, -1)
    mean = jnp.mean(grouped, axis=-1, keepdims=True)
    return jnp.broadcast_to(mean, grouped.shape).reshape(means.shape)
