"""Group normalisation of single frames.

Statistics never cross frames: the inflated network must treat each frame as
the image network would, a clip of any length must normalise alike, and frames
may live on different chips.
"""

import flax.linen as nn
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.nn import conv
from lumiere_jax.nn import initial
from lumiere_jax.types import Array


class FrameGroupNorm(nn.Module):
  """Normalises each frame's channel groups: [B, T, H, W, C] -> the same.

  Attributes:
    groups: number of groups; must divide C.
    affine: whether to learn a scale and an offset.
    dtype: dtype of the result; statistics are float32.
  """

  groups: int = 32
  affine: bool = True
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    errors.require_divisible(
      "number of channels",
      x.shape[-1],
      self.groups,
      because=f"group norm has {self.groups} groups",
    )
    normalised = nn.GroupNorm(
      num_groups=self.groups,
      epsilon=1e-5,
      use_bias=self.affine,
      use_scale=self.affine,
      scale_init=initial.named(initial.ONES, (None,)),
      bias_init=initial.named(initial.ZEROS, (None,)),
      dtype=self.dtype,
      name="norm",
    )(conv.fold_frames(x))
    return conv.unfold_frames(normalised, x.shape[1])
