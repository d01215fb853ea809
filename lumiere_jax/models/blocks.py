r"""Blocks of the image U-Net, on clips whose frames do not see one another.

  x ----------------- [resize] -- [1x1] ------------------------ + -> out
   \- norm - act - [resize] - conv - norm - scale, shift - act - conv -/
                                              ^ time, pooled text

Scale-shift residual blocks with the resize inside are BigGAN's, by way of ADM
(Dhariwal & Nichol 2021), which Imagen and DeepFloyd IF follow.
"""

import flax.linen as nn
import jax.numpy as jnp

from lumiere_jax.models import spec as specs
from lumiere_jax.nn import activations
from lumiere_jax.nn import conv
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.nn import norm
from lumiere_jax.nn import resample
from lumiere_jax.nn import saved
from lumiere_jax.types import Array

RESIZE = {
  None: lambda x: x,
  "down": resample.average_pool,
  "up": resample.repeat_pixels,
}


class ResidualBlock(nn.Module):
  """Scale-shift residual block: [B, T, H, W, C] -> [B, T, H', W', features].

  Attributes:
    features: channels out.
    spec: sizes and choices shared by the network.
    resize: None, "down" (halve) or "up" (double), inside the block.
    dtype: compute dtype.
    scale: what the sum is divided by.
  """

  features: int
  spec: specs.UNetSpec
  resize: str | None = None
  dtype: jnp.dtype = jnp.float32
  scale: float = 1.0

  @nn.compact
  def __call__(
    self,
    x: Array,
    embedding: Array,
    deterministic: bool = True,
    handed: Array | None = None,
  ) -> Array:
    """Applies the block.

    Args:
      x: [B, T, H, W, C].
      embedding: [B, E], one for all frames.
      deterministic: whether dropout is off.
      handed: [B, T, H, W, C'] features to be concatenated on channels; in
        here, so that the backward pass need not keep both halves twice.
    """
    x = saved.block_input(x)
    if handed is not None:
      handed = saved.block_input(handed)
      x = jnp.concatenate([x, handed * self.spec.skip_scale], axis=-1)
    act, variant = activations.get(self.spec.activation), self.spec.variant
    group_norm = lambda name: norm.FrameGroupNorm(
      self.spec.groups,
      dtype=self.dtype,
      epsilon=variant.group_epsilon,
      name=name,
    )
    convolve = lambda name, **kwargs: conv.SpatialConv(
      self.features, dtype=self.dtype, name=name, **kwargs
    )
    resize = RESIZE[self.resize]
    if variant.time_activated:
      embedding = act(embedding)
    hidden = convolve("conv_0")(resize(act(group_norm("norm_0")(x))))
    if variant.time_shift == "add":
      hidden = embed.shift(hidden, embedding, self.dtype)
      hidden = act(group_norm("norm_1")(hidden))
    else:
      hidden = group_norm("norm_1")(hidden)
      hidden = act(embed.scale_shift(hidden, embedding, self.dtype))
    hidden = nn.Dropout(self.spec.dropout)(hidden, deterministic=deterministic)
    hidden = convolve("conv_1", kernel_init=initial.ZEROS)(hidden)
    x = resize(x)
    if x.shape[-1] != self.features:
      x = convolve("shortcut", kernel_size=1)(x)
    return x + hidden if self.scale == 1.0 else (x + hidden) / self.scale


class StridedDownsample(nn.Module):
  """Halves height and width by a strided convolution (Efficient U-Net).

  Attributes:
    features: channels out.
    dtype: compute dtype.
  """

  features: int
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    return conv.SpatialConv(
      self.features, stride=2, dtype=self.dtype, name="conv"
    )(x)


class RepeatedUpsample(nn.Module):
  """Doubles height and width by repetition, then convolves (Efficient U-Net).

  Attributes:
    features: channels out.
    dtype: compute dtype.
  """

  features: int
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    return conv.SpatialConv(self.features, dtype=self.dtype, name="conv")(
      resample.repeat_pixels(x)
    )
