"""Sums over pixels, however they are made, and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.nn import norm
from lumiere_jax.nn import pixel_sums

# The first two are of large frames, the others of small ones.
SHAPES = [
  *((2, 32, 32, 16), (1, 17, 61, 9), (2, 32, 32, 4)),
  *((3, 6, 10, 2), (1, 1, 1, 5), (2, 17, 3, 4)),
]


def _draw(*shape):
  return jax.random.normal(jax.random.key(0), shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_moments_are_sums_over_pixels(shape):
  x = _draw(*shape)
  first, second = pixel_sums.moments(x)
  np.testing.assert_allclose(first, x.sum((1, 2)), rtol=1e-5, atol=1e-4)
  np.testing.assert_allclose(second, (x * x).sum((1, 2)), rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_are_those_of_the_plain_formulas(shape):
  x, row = _draw(*shape), _draw(shape[0], shape[-1])
  weight = jnp.sin(x)

  def ours(x, factor, offset):
    first, second = pixel_sums.moments(x)
    out = pixel_sums.affine(x, factor + first / 100, offset + second / 100)
    return (out * weight).sum()

  def plain(x, factor, offset):
    first, second = x.sum((1, 2)), (x * x).sum((1, 2))
    spread = lambda row: row[:, None, None, :]
    out = x * spread(factor + first / 100) + spread(offset + second / 100)
    return (out * weight).sum()

  found = jax.grad(ours, (0, 1, 2))(x, row, 2 * row)
  wanted = jax.grad(plain, (0, 1, 2))(x, row, 2 * row)
  for one, other in zip(found, wanted, strict=True):
    scale = float(jnp.abs(other).max())
    np.testing.assert_allclose(one / scale, other / scale, atol=1e-5)


def test_accelerators_keep_their_own_reduction():
  module, x = norm.FrameGroupNorm(2), _draw(1, 2, 32, 32, 16)
  params = module.init(jax.random.key(0), x)
  step = jax.jit(jax.grad(lambda p, x: module.apply(p, x).sum(), (0, 1)))
  lowered = lambda platform: step.trace(params, x).lower(
    lowering_platforms=(platform,)
  )
  on_tpu, on_cpu = (lowered(name).as_text() for name in ("tpu", "cpu"))
  assert "slice" not in on_tpu
  assert "slice" in on_cpu


def test_small_frames_compile_to_little_however_many():
  lowered = lambda x: jax.jit(pixel_sums.moments).lower(x).as_text()
  assert "slice" in lowered(_draw(1, 32, 32, 9))
  assert "slice" not in lowered(_draw(16, 32, 32, 8))
