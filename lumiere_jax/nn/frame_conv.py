"""Convolutions of frames, and the gradients of their kernels a few at a time.

XLA's CPU backend computes the gradient of a kernel as a convolution whose
window is a whole frame and whose channels are all frames, and copies such
windows side by side: of 80 frames of 32 x 32 one takes a third of a megabyte,
which is more than a cache holds, and 64 channels went at 5 GFLOP/s where
forward they go at 70 (one core, jaxlib 0.10.2, November 2026).  In eight frames
at a time they went at 30 to 45.  The sum of parts is the whole, so on CPUs the
gradient is made of such parts; elsewhere it is the compiler's own.
"""

from collections.abc import Sequence
import dataclasses
import functools
import math

import jax
import jax.numpy as jnp

from lumiere_jax.types import Array

# Pixels of so many frames at a time: 4,096 to 16,384 went alike.
_PIXELS = 8_192
_MOST_PARTS = 64

Padding = Sequence[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class _Layout:
  """All of a convolution but its numbers, hashable."""

  strides: tuple[int, int]
  padding: tuple[tuple[int, int], ...]
  frames: tuple[int, int, int, int]
  kernel: tuple[int, int, int, int]

  def __call__(self, x: Array, kernel: Array) -> Array:
    return jax.lax.conv_general_dilated(
      x,
      kernel,
      self.strides,
      self.padding,
      dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def convolve(
  x: Array, kernel: Array, strides: Sequence[int], padding: Padding
) -> Array:
  """Convolves each frame: [N, H, W, C] -> [N, H', W', C'].

  Args:
    x: [N, H, W, C].
    kernel: [h, w, C, C'], of the same dtype.
    strides: along height and width.
    padding: pixels of zeros before and after, along each.

  Returns:
    [N, H', W', C'] of the same dtype.
  """
  padding = tuple((before, after) for before, after in padding)
  layout = _Layout(tuple(strides), padding, x.shape, kernel.shape)
  return _convolve(layout, x, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _convolve(layout: _Layout, x: Array, kernel: Array) -> Array:
  return layout(x, kernel)


def _forward(layout, x, kernel):
  # A kernel that is not trained asks for nothing of what it convolved.
  saved = (
    x.value if kernel.perturbed else None,
    kernel.value if x.perturbed else None,
  )
  return layout(x.value, kernel.value), saved


def _backward(layout, saved, gradient):
  x, kernel = saved
  if isinstance(gradient, jax.custom_derivatives.SymbolicZero):
    return None, None
  of_x = of_kernel = None
  if kernel is not None:
    like = jax.ShapeDtypeStruct(layout.frames, gradient.dtype)
    plain = lambda x: layout(x, kernel)
    (of_x,) = jax.linear_transpose(plain, like)(gradient)
  if x is not None:
    of_kernel = _of_kernel(layout, x, gradient)
  return of_x, of_kernel


_convolve.defvjp(_forward, _backward, symbolic_zeros=True)


def _of_kernel(layout: _Layout, x: Array, gradient: Array) -> Array:
  """The gradient of the kernel: [N, H, W, C] and [N, H', W', C'] -> its own."""
  like = jax.ShapeDtypeStruct(layout.kernel, x.dtype)

  def whole(x, gradient):
    return jax.linear_transpose(functools.partial(layout, x), like)(gradient)[0]

  count = parts(len(x), math.prod(x.shape[1:3]))
  if count == 1:
    return whole(x, gradient)

  def in_parts(x, gradient):
    # Each has frames of every clip, so that devices that share the clips out
    # share the parts out.
    split = lambda y: y.reshape(-1, count, *y.shape[1:])
    pairs = split(x), split(gradient)
    found = (
      whole(*(y[:, k] for y in pairs)).astype(jnp.float32) for k in range(count)
    )
    return sum(found).astype(x.dtype)

  return jax.lax.platform_dependent(x, gradient, cpu=in_parts, default=whole)


def parts(frames: int, pixels: int) -> int:
  """In how many parts, all alike, so many frames of so many pixels are taken.

  As few as make them small, and not more than a program can spell out.
  """
  most = min(frames, _MOST_PARTS)
  known = [n for n in range(1, most + 1) if frames % n == 0]
  enough = [n for n in known if n * _PIXELS >= frames * pixels]
  return enough[0] if enough else known[-1]
