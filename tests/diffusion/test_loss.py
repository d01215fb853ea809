"""The loss is per clip, weighted, in float32, and zero when it should be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.diffusion import loss
from lumiere_jax.diffusion import parameterization
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import weights


def _example():
  schedule, t = schedules.Cosine(), jnp.array([0.1, 0.5, 0.9])
  clean, noise = jax.random.normal(jax.random.key(0), (2, 3, 2, 4, 4, 3))
  return clean, noise, schedule.alpha(t), schedule.sigma(t), schedule.logsnr(t)


@pytest.mark.parametrize("weight", ["uniform", "min_snr"])
@pytest.mark.parametrize("kind", parameterization.KINDS)
def test_a_perfect_prediction_has_no_loss(kind, weight):
  clean, noise, alpha, sigma, logsnr = _example()
  prediction = parameterization.target(kind, clean, noise, alpha, sigma)
  got = loss.denoising_loss(
    kind, prediction, clean, noise, alpha, sigma, logsnr, weight
  )
  np.testing.assert_array_equal(got, np.zeros(3))


def test_a_constant_error_costs_its_square_times_the_weight_of_its_clip():
  clean, noise, alpha, sigma, logsnr = _example()
  error = jnp.array([1.0, 2.0, 3.0])
  prediction = noise + error[:, None, None, None, None]
  got = loss.denoising_loss(
    "noise", prediction, clean, noise, alpha, sigma, logsnr, "min_snr"
  )
  weight = np.minimum(5 / np.exp(logsnr), 1)
  np.testing.assert_allclose(got, weight * error**2, rtol=1e-5)


def test_bfloat16_predictions_are_compared_in_float32():
  # Errors of 2^-12 vanish beside 1 in bfloat16 but not in float32.
  clean, noise, alpha, sigma, logsnr = _example()
  prediction = jnp.ones_like(clean, jnp.bfloat16)
  near = jnp.full_like(clean, 1 + 2.0**-12)
  got = loss.denoising_loss(
    "clean", prediction, near, noise, alpha, sigma, logsnr, weights.uniform
  )
  assert got.dtype == jnp.float32
  np.testing.assert_allclose(got, np.full(3, 2.0**-24), rtol=1e-6)
