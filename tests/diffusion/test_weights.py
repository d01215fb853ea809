"""Weights mean the same thing whatever the network predicts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import parameterization
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import weights


@pytest.mark.parametrize("kind", parameterization.KINDS)
@pytest.mark.parametrize(
  ("weight", "of_clean"),
  [
    (weights.min_snr, lambda snr: jnp.minimum(snr, 5)),
    (weights.velocity, lambda snr: jnp.minimum(1 + snr, 5)),
  ],
)
def test_the_same_error_weighs_alike_in_every_kind(weight, of_clean, kind):
  schedule, t = schedules.Cosine(), jnp.linspace(0.1, 0.9, 9)
  alpha, sigma = schedule.alpha(t), schedule.sigma(t)
  noisy, right, wrong = jax.random.normal(jax.random.key(0), (3, 9, 50))
  say = lambda clean: parameterization.convert(
    clean, noisy, alpha, sigma, source="clean", target=kind
  )
  error = jnp.mean((say(right) - say(wrong)) ** 2, axis=1)
  weighted = weight(schedule.logsnr(t), kind) * error
  snr = (alpha / sigma) ** 2
  expected = of_clean(snr) * jnp.mean((right - wrong) ** 2, axis=1)
  np.testing.assert_allclose(weighted, expected, rtol=1e-4)


@pytest.mark.parametrize("kind", parameterization.KINDS)
@pytest.mark.parametrize("name", weights.WEIGHTS)
def test_weights_are_finite_and_positive_over_all_noise_levels(name, kind):
  weight = weights.build(name)(jnp.linspace(-20, 20, 41), kind)
  assert weight.dtype == jnp.float32
  assert np.all(np.isfinite(weight))
  assert np.all(weight > 0)


def test_noise_prediction_counts_fully_up_to_an_snr_of_gamma():
  weight = weights.build(gamma=5.0)(jnp.log(jnp.array([1.0, 5.0, 10.0])), "eps")
  np.testing.assert_allclose(weight, [1.0, 1.0, 0.5], rtol=1e-6)


def test_velocity_is_uniform_in_v_up_to_gamma_and_counts_pure_noise():
  logsnr = jnp.log(jnp.array([1e-6, 1.0, 3.0]))
  weight = weights.build("velocity", gamma=4.0)
  np.testing.assert_allclose(weight(logsnr, "v"), np.ones(3), rtol=1e-6)
  np.testing.assert_allclose(weight(logsnr, "clean"), [1, 2, 4], rtol=1e-5)


def test_uniform_is_one():
  np.testing.assert_array_equal(weights.uniform(jnp.zeros(3), "v"), np.ones(3))


def test_unknown_weight_is_refused():
  with pytest.raises(errors.ConfigError, match="Did you mean 'min_snr'"):
    weights.build("min-snr")


def test_gamma_must_be_positive():
  with pytest.raises(errors.ConfigError, match="The usual one is 5"):
    weights.build(gamma=0.0)
