"""Layers that add a bias to each channel of every place.

Flax's own layers, but for the gradient of the bias, a sum over all places:
XLA's CPU backend computes each frame's share one channel at a time, along with
whatever else led to the gradient, and in a training step of a small network
such sums took a tenth of the time (2 cores, jaxlib 0.10.2, November 2026).
A product with ones takes from a half (81,920 places, 64 channels) to a tenth
(20,480, 128) of what such a sum does; where there is little to sum up, as in
`pixel_sums`, neither matters.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax.nn import initial
from lumiere_jax.nn import pixel_sums
from lumiere_jax.types import Array


@jax.custom_vjp
def add(x: Array, bias: Array) -> Array:
  """x + bias: [..., C] with [C] -> [..., C], both of one dtype."""
  return x + bias


def _add_forward(x, bias):
  return add(x, bias), None


def _add_backward(_, gradient):
  return gradient, _over_places(gradient)


add.defvjp(_add_forward, _add_backward)


def _over_places(x: Array) -> Array:
  """Sums over all axes but the last."""
  places = tuple(range(x.ndim - 1))
  if pixel_sums.is_small(x.size):
    return x.sum(places)
  product = lambda x: jax.lax.dot_general(
    jnp.ones(x.shape[:-1], x.dtype), x, ((places, places), ((), ()))
  )
  return jax.lax.platform_dependent(
    x, cpu=product, default=lambda x: x.sum(places)
  )


class Dense(nn.Module):
  """A linear layer over channels: [..., C] -> [..., features].

  Attributes:
    features: channels out.
    kernel_init: initialiser of the kernel [C, features].
    bias_init: initialiser of the bias [features].
    use_bias: whether there is one.
    dtype: compute dtype; parameters stay float32.
  """

  features: int
  kernel_init: initial.Initial = initial.FAN_IN
  bias_init: initial.Initial = initial.ZEROS
  use_bias: bool = True
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    cast = lambda one: jnp.asarray(one, self.dtype)
    shape = x.shape[-1], self.features
    kernel = initial.param(self, "kernel", self.kernel_init, shape)
    x = jnp.dot(cast(x), cast(kernel))
    if not self.use_bias:
      return x
    return add(x, cast(initial.param(self, "bias", self.bias_init, shape[1:])))


class Conv(nn.Module):
  """A convolution of images: [N, H, W, C] -> [N, H', W', features].

  Attributes:
    features: channels out.
    kernel_size: height and width of the kernel.
    strides: along height and width.
    padding: pixels of zeros before and after, along each.
    kernel_init: initialiser of the kernel [h, w, C, features].
    bias_init: initialiser of the bias [features].
    dtype: compute dtype; parameters stay float32.
  """

  features: int
  kernel_size: Sequence[int]
  strides: Sequence[int] = (1, 1)
  padding: Sequence[tuple[int, int]] = ((0, 0), (0, 0))
  kernel_init: initial.Initial = initial.FAN_IN
  bias_init: initial.Initial = initial.ZEROS
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array) -> Array:
    cast = lambda one: jnp.asarray(one, self.dtype)
    shape = *self.kernel_size, x.shape[-1], self.features
    kernel = initial.param(self, "kernel", self.kernel_init, shape)
    bias = initial.param(self, "bias", self.bias_init, shape[-1:])
    out = jax.lax.conv_general_dilated(
      cast(x),
      cast(kernel),
      self.strides,
      self.padding,
      dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return add(out, cast(bias))
