"""Guidance is linear and knows its two special weights."""

import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax.diffusion import guidance
from lumiere_jax.diffusion import parameterization


def _pair():
  return jax.random.normal(jax.random.key(0), (2, 3, 2, 4, 4, 3))


def test_weight_one_is_positive_and_zero_is_negative():
  positive, negative = _pair()
  one = guidance.combine(positive, negative, 1.0)
  np.testing.assert_allclose(one, positive, atol=1e-6)
  np.testing.assert_array_equal(
    guidance.combine(positive, negative, 0.0), negative
  )


def test_equal_estimates_are_untouched_by_any_weight():
  positive, _ = _pair()
  np.testing.assert_array_equal(
    guidance.combine(positive, positive, 30.0), positive
  )


def test_each_clip_may_have_its_own_weight():
  guided = guidance.combine(
    jnp.ones((2, 1)), jnp.zeros((2, 1)), jnp.array([2.0, 5.0])
  )
  np.testing.assert_array_equal(guided, [[2.0], [5.0]])


def test_guiding_v_is_guiding_the_clean_clip():
  positive, negative = _pair()
  noisy, alpha, sigma = positive + 1, jnp.full(3, 0.6), jnp.full(3, 0.8)
  clean = lambda v: parameterization.to_clean("v", v, noisy, alpha, sigma)
  np.testing.assert_allclose(
    clean(guidance.combine(positive, negative, 7.0)),
    guidance.combine(clean(positive), clean(negative), 7.0),
    rtol=1e-5,
    atol=1e-5,
  )


def test_bfloat16_is_combined_in_float32():
  # 7 * (1.0078125 - 1) + 1 needs more than bfloat16's eight bits of mantissa.
  positive = jnp.full((1, 1), 1.0078125, jnp.bfloat16)
  negative = jnp.full((1, 1), 257 / 256 + 1, jnp.bfloat16)
  guided = guidance.combine(positive, negative, 0.25)
  assert guided.dtype == jnp.float32
  exact = 0.25 * np.float32(positive) + 0.75 * np.float32(negative)
  np.testing.assert_array_equal(guided, exact)
