"""Convolutions of a factorized space-time network.

A (2+1)-D network convolves space and time apart.  A 5-D convolution with a
1 x 3 x 3 kernel computes the spatial half, but compilers do it badly: on a
v5p chip the folded 2-D form was estimated at 0.063 ms against 0.150 (August
2026), and on CPUs it halves a step.  So frames fold into the batch for space,
and pixels fold into the batch (or into one axis) for time.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.nn import axes
from lumiere_jax.nn import bias
from lumiere_jax.nn import initial
from lumiere_jax.nn import saved
from lumiere_jax.nn import timeline as timelines
from lumiere_jax.types import Array, Timeline

LAYOUTS = ("rows", "plane")


def fold_frames(video: Array) -> Array:
  """[B, T, H, W, C] -> [B.T, H, W, C]."""
  return video.reshape(-1, *video.shape[2:])


def unfold_frames(frames: Array, num_frames: int) -> Array:
  """[B.T, H, W, C] -> [B, T, H, W, C]."""
  return frames.reshape(-1, num_frames, *frames.shape[1:])


class SpatialConv(nn.Module):
  """Convolves each frame: [B, T, H, W, C] -> [B, T, H', W', features].

  Attributes:
    features: channels out.
    kernel_size: side of the square kernel.
    stride: spatial stride; padding keeps the centre tap on pixels 0, s, 2s...
    kernel_init: initialiser of the kernel [k, k, C, features].
    dtype: compute dtype; parameters stay float32.
  """

  features: int
  kernel_size: int = 3
  stride: int = 1
  kernel_init: initial.Initial = initial.FAN_IN
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    pad = (self.kernel_size - 1) // 2
    frames = bias.Conv(
      self.features,
      (self.kernel_size, self.kernel_size),
      strides=(self.stride, self.stride),
      padding=((pad, pad), (pad, pad)),
      kernel_init=initial.named(self.kernel_init, axes.CONV_2D),
      bias_init=initial.named(initial.ZEROS, ("conv_out",)),
      dtype=self.dtype,
      name="conv",
    )(fold_frames(x))
    return saved.convolved(unfold_frames(frames, x.shape[1]))


def convolve_frames(
  video: Array, kernel: Array, layout: str, padding: int | None = None
) -> Array:
  """Convolves along time with zero padding: [B, T, H, W, C] -> [..., C'].

  Args:
    video: [B, T, H, W, C].
    kernel: [k, C, C'], k odd.
    layout: "rows" runs one 1-D convolution over [B.H.W, T, C], the faster one
      on CPUs (gradient 3x) and on TPUs for large narrow maps; "plane" runs a
      (k, 1) convolution over [B, T, H.W, C], the faster one on TPUs elsewhere.
    padding: frames of zeros at either end; None for as many as keep T.

  Returns:
    [B, T', H, W, C'] in the dtype of `video`; T' is T unless `padding` says
    otherwise.
  """
  batch, frames, height, width, _ = video.shape
  pad = (kernel.shape[0] - 1) // 2 if padding is None else padding
  if layout == "plane":
    plane = video.reshape(batch, frames, height * width, -1)
    out = jax.lax.conv_general_dilated(
      plane,
      kernel[:, None],
      (1, 1),
      ((pad, pad), (0, 0)),
      dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return out.reshape(batch, -1, height, width, out.shape[-1])
  rows = video.transpose(0, 2, 3, 1, 4).reshape(-1, frames, video.shape[-1])
  out = jax.lax.conv_general_dilated(
    rows, kernel, (1,), ((pad, pad),), dimension_numbers=("NWC", "WIO", "NWC")
  )
  out = out.reshape(batch, height, width, -1, out.shape[-1])
  return out.transpose(0, 3, 1, 2, 4)


class TemporalConv(nn.Module):
  """Convolves each pixel along time: [B, T, H, W, C] -> [B, T, H, W, features].

  Attributes:
    features: channels out.
    kernel_size: odd number of frames.
    kernel_init: initialiser of the kernel [k, C, features].
    layout: see `convolve_frames`.
    dtype: compute dtype; parameters stay float32.
  """

  features: int
  kernel_size: int = 3
  kernel_init: initial.Initial = initial.FAN_IN
  layout: str = "rows"
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array, timeline: Timeline | None = None) -> Array:
    """Convolves; `timeline` says where the frames live, None for all here."""
    timeline = timeline or timelines.Whole(x.shape[1])
    errors.require_one_of("temporal convolution layout", self.layout, LAYOUTS)
    kernel = initial.param(
      self,
      "kernel",
      initial.named(self.kernel_init, axes.CONV_1D),
      (self.kernel_size, x.shape[-1], self.features),
    )
    offset = initial.param(
      self,
      "bias",
      initial.named(initial.ZEROS, ("conv_out",)),
      (self.features,),
    )
    x, padding = timeline.margins(
      x.astype(self.dtype), (self.kernel_size - 1) // 2
    )
    out = convolve_frames(
      x, jnp.asarray(kernel, self.dtype), self.layout, padding
    )
    return saved.convolved(bias.add(out, offset.astype(self.dtype)))
