"""Spatial and temporal resampling of the Space-Time U-Net.

"We perform temporal down- and up-sampling after each pre-trained spatial
resizing module" (Lumiere, section 3.1): down is a temporal convolution
followed by a stride, up is frame duplication followed by a temporal
convolution, both initialised as the identity.  At initialisation they are
nearest-neighbour frame picking, so every kept frame is exactly what the image
network makes of it.
"""

import flax.linen as nn
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.nn import conv
from lumiere_jax.nn import initial
from lumiere_jax.nn import timeline as timelines
from lumiere_jax.types import Array, Timeline


def average_pool(video: Array, factor: int = 2) -> Array:
  """Mean of each factor x factor block: H, W -> H / factor, W / factor."""
  *lead, height, width, channels = video.shape
  blocks = video.reshape(
    *lead, height // factor, factor, width // factor, factor, channels
  )
  return blocks.mean(axis=(-4, -2))


def repeat_pixels(video: Array, factor: int = 2) -> Array:
  """Nearest-neighbour upsampling: H, W -> H * factor, W * factor."""
  return video.repeat(factor, axis=-3).repeat(factor, axis=-2)


class TemporalDownsample(nn.Module):
  """Drops the frame rate: [B, T, H, W, C] -> [B, T / factor, H, W, C].

  Attributes:
    factor: frames in per frame out.
    layout: see `conv.convolve_frames`.
    timeline: where the frames of `x` live; None for all here.
    dtype: compute dtype; parameters stay float32.
  """

  factor: int = 2
  layout: str = "rows"
  timeline: Timeline | None = None
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    timeline = self.timeline or timelines.Whole(x.shape[1])
    errors.require_divisible(
      "number of frames",
      timeline.num_frames,
      self.factor,
      because=f"a temporal downsample keeps one frame in {self.factor}",
    )
    x = _identity_conv(self, x, timeline)
    # A strided convolution with SAME padding would pad only the end and keep
    # frames 1, 3, 5, ...; the slice keeps 0, 2, 4, ... as frame picking must.
    return timeline.thin(x, self.factor)


class TemporalUpsample(nn.Module):
  """Raises the frame rate: [B, T, H, W, C] -> [B, T * factor, H, W, C].

  Attributes:
    factor: frames out per frame in.
    layout: see `conv.convolve_frames`.
    timeline: where the frames of `x` live; None for all here.
    dtype: compute dtype; parameters stay float32.
  """

  factor: int = 2
  layout: str = "rows"
  timeline: Timeline | None = None
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    timeline = self.timeline or timelines.Whole(x.shape[1])
    x = timeline.repeat(x, self.factor)
    return _identity_conv(self, x, timeline.multiplied(self.factor))


def _identity_conv(module: nn.Module, x: Array, timeline: Timeline) -> Array:
  return conv.TemporalConv(
    x.shape[-1],
    kernel_init=initial.COPY_CENTRE_FRAME,
    layout=module.layout,
    dtype=module.dtype,
    name="conv",
  )(x, timeline)
