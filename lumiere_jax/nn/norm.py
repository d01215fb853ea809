"""Group normalisation of single frames.

Statistics never cross frames: the inflated network must treat each frame as
the image network would, a clip of any length must normalise alike, and frames
may live on different chips.
"""

import functools

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
    learned = ()
    if self.affine:
      learned = tuple(
        initial.param(self, name, initial.named(init, (None,)), x.shape[-1:])
        for name, init in (("scale", initial.ONES), ("bias", initial.ZEROS))
      )
    return _normalised(x, learned, self.groups, self.epsilon, self.dtype)


# A network has a hundred of them and few shapes: inside `jit` each shape is
# traced, differentiated and lowered once.
@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def _normalised(
  x: Array, learned: tuple, groups: int, epsilon: float, dtype: jnp.dtype
) -> Array:
  """See `GroupNorm`; `learned` is scale and bias, [C] each, or nothing."""
  x = x.astype(jnp.float32)
  pixels = x.shape[1] * x.shape[2]
  mean, square = (
    _of_groups(one / pixels, groups) for one in pixel_sums.moments(x)
  )
  factor = jax.lax.rsqrt(jnp.maximum(square - mean**2, 0.0) + epsilon)
  offset = -mean * factor
  if learned:
    scale, bias = learned
    factor, offset = factor * scale, offset * scale + bias
  factor, offset = (pixel_sums.settled(one, x) for one in (factor, offset))
  return pixel_sums.affine(x, factor, offset).astype(dtype)


def _of_groups(means: Array, groups: int) -> Array:
  """[N, C] means of channels -> [N, C] those of their groups."""
  grouped = means.reshape(len(means), groups, -1)
  mean = jnp.mean(grouped, axis=-1, keepdims=True)
  return jnp.broadcast_to(mean, grouped.shape).reshape(means.shape)
