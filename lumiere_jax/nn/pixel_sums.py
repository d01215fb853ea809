"""Sums over the pixels of a frame, and what is scaled and shifted by them.

XLA's CPU backend reduces over pixels one channel at a time, striding through
memory: at 80 x 32 x 32 x 64 that took 6.7 ms on one core, more than the
convolution that follows takes for a tenth of its products (AVX-512, jaxlib
0.10.2, November 2026).  Adding slices up, 16 at a time, takes 0.9 ms; so on
CPUs sums are made of such additions, forward and backward, and elsewhere of
the compiler's own reduction.

What the sums lead to, a factor and an offset for each frame and channel, that
backend would work out anew for every pixel, inside a loop that then reads too
many arrays to be vectorised: norm, modulation and activation of as large a clip
took 26 ms, and 7 where both are `settled` before (2 cores).

Of small frames plain sums take twice as long as added slices, but no more than
0.4 ms for 80 frames (one core), and additions take far longer to compile.
"""

import functools
import math
import operator

import jax
import jax.numpy as jnp

from lumiere_jax.types import Array

_AT_A_TIME = 16
# Of a frame, never of a batch: what is summed in which order may not depend on
# how many clips there are.
_SMALL = 2**13


@jax.custom_vjp
def moments(x: Array) -> tuple[Array, Array]:
  """Sums over pixels: [N, H, W, C] float32 -> of x and of x x, each [N, C]."""
  return dot(x, None), dot(x, x)


def _moments_forward(x):
  return moments(x), x


def _moments_backward(x, gradient):
  first, second = gradient
  return (_spread(first) + 2 * x * _spread(second),)


moments.defvjp(_moments_forward, _moments_backward)


@jax.custom_vjp
def affine(x: Array, factor: Array, offset: Array) -> Array:
  """x factor + offset: [N, H, W, C] with [N, C] of each -> [N, H, W, C]."""
  return x * _spread(factor) + _spread(offset)


def _affine_forward(x, factor, offset):
  return affine(x, factor, offset), (x, factor)


def _affine_backward(saved, gradient):
  x, factor = saved
  return gradient * _spread(factor), dot(gradient, x), dot(gradient, None)


affine.defvjp(_affine_forward, _affine_backward)


def is_small(count: int) -> bool:
  """Whether so few numbers are not worth what is done here."""
  return count <= _SMALL


def settled(rows: Array, x: Array) -> Array:
  """The same [N, C], computed before it meets x [N, H, W, C], on CPUs.

  By a product with the identity, which is exact, and which the compiler merges
  with nothing; `jax.lax.optimization_barrier` it takes away too early.
  """
  if is_small(math.prod(x.shape[1:])):
    return rows
  product = lambda x: x @ jnp.eye(x.shape[-1], dtype=x.dtype)
  return jax.lax.platform_dependent(rows, cpu=product, default=lambda x: x)


def dot(x: Array, y: Array | None) -> Array:
  """Sums x y over pixels, or x: [N, H, W, C] of each -> [N, C]."""
  if is_small(math.prod(x.shape[1:])):
    return _reduced(x if y is None else x * y)
  if y is None:
    return jax.lax.platform_dependent(x, cpu=_by_slices, default=_reduced)
  return jax.lax.platform_dependent(
    x, y, cpu=_by_slices, default=lambda x, y: _reduced(x * y)
  )


def _reduced(x: Array) -> Array:
  return jnp.sum(x, axis=(1, 2))


def _by_slices(*factors: Array) -> Array:
  """Adds up products, 16 places at a time, until one is left."""
  rows = [x.reshape(len(x), -1, x.shape[-1]) for x in factors]
  while True:
    parts = _divisor(rows[0].shape[1])
    cut = [x.reshape(len(x), parts, -1, x.shape[-1]) for x in rows]
    products = [
      functools.reduce(operator.mul, [x[:, part] for x in cut])
      for part in range(parts)
    ]
    rows = [functools.reduce(operator.add, products)]
    if rows[0].shape[1] == 1:
      return rows[0][:, 0]


def _divisor(count: int) -> int:
  """The largest number of places that are added at a time."""
  divides = lambda parts: count % parts == 0
  few = [parts for parts in range(2, _AT_A_TIME + 1) if divides(parts)]
  return max(few, default=count)


def _spread(row: Array) -> Array:
  return row[:, None, None, :]
