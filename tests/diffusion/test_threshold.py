"""The percentile without sorting is the percentile, and is one per clip."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import threshold


def _awkward():
  """Rows with ties, zeros, a wide range, and nothing of the kind."""
  generator = np.random.default_rng(0)
  rows = [
    generator.normal(size=101),
    generator.integers(-3, 4, size=101),
    np.zeros(101),
    10 ** generator.uniform(-30, 30, size=101),
  ]
  return np.float32(rows)


@pytest.mark.parametrize(
  ("values", "percentile"),
  [
    pytest.param(_awkward(), 0.0, id="smallest"),
    pytest.param(_awkward(), 0.333, id="between"),
    pytest.param(_awkward(), 0.995, id="imagen"),
    pytest.param(_awkward(), 1.0, id="largest"),
    pytest.param(np.float32([[1, 1, 2]]), 0.25, id="between_equals"),
    pytest.param(np.float32([[2.5]]), 0.5, id="one_value"),
  ],
)
def test_percentile_is_that_of_sorting(values, percentile):
  expected = np.quantile(np.abs(values), percentile, axis=1)
  got = threshold.magnitude_percentile(jnp.asarray(values), percentile)
  np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_clips_in_range_are_untouched():
  clean = jax.random.uniform(
    jax.random.key(0), (2, 2, 4, 4, 3), minval=-1, maxval=1
  )
  np.testing.assert_array_equal(threshold.dynamic(clean), clean)


def test_each_clip_is_divided_by_its_own_percentile():
  clean = jnp.array([[0.5, -1.0, 2.0], [0.5, -1.0, 4.0]])
  np.testing.assert_allclose(
    threshold.dynamic(clean, 1.0), [[0.25, -0.5, 1], [0.125, -0.25, 1]]
  )


def test_values_beyond_the_percentile_saturate():
  clean = jnp.concatenate([jnp.full((1, 99), 2.0), jnp.full((1, 1), 50.0)], 1)
  np.testing.assert_allclose(threshold.dynamic(clean, 0.9), np.ones((1, 100)))


def test_maximum_one_is_plain_clipping():
  clean = jnp.array([[0.5, -3.0, 2.0]])
  np.testing.assert_array_equal(
    threshold.dynamic(clean, 1.0, 1.0), [[0.5, -1.0, 1.0]]
  )


def test_maximum_limits_the_divisor():
  np.testing.assert_allclose(
    threshold.dynamic(jnp.array([[0.75, -3.0]]), 1.0, 1.5), [[0.5, -1.0]]
  )


@pytest.mark.parametrize("percentile", [-0.1, 99.5])
def test_percentile_must_be_a_fraction(percentile):
  with pytest.raises(errors.ConfigError, match="between 0 and 1"):
    threshold.dynamic(jnp.zeros((1, 2)), percentile)


def test_maximum_below_one_is_refused():
  with pytest.raises(errors.ConfigError, match="pixels that are in range"):
    threshold.dynamic(jnp.zeros((1, 2)), 0.995, 0.5)
