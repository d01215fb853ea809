"""Every kind of prediction says the same thing as every other."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import parameterization as parts
from lumiere_jax.diffusion import schedules

# Conversions divide by alpha or sigma, which are 0.08 at the ends of TIMES.
DIVIDED = dict(rtol=1e-4, atol=1e-4)
TIMES = jnp.array([0.05, 0.3, 0.7, 0.95])
PAIRS = list(itertools.product(parts.KINDS, parts.KINDS))


def _example(t=TIMES):
  clean = jax.random.uniform(
    jax.random.key(0), (len(t), 2, 4, 4, 3), minval=-1, maxval=1
  )
  noise = jax.random.normal(jax.random.key(1), clean.shape)
  schedule = schedules.Cosine()
  alpha, sigma = schedule.alpha(t), schedule.sigma(t)
  noisy = corruption.add_noise(clean, noise, alpha, sigma)
  return clean, noise, noisy, alpha, sigma


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_target_of_one_kind_converts_to_that_of_another(source, target):
  clean, noise, noisy, alpha, sigma = _example()
  given = parts.target(source, clean, noise, alpha, sigma)
  wanted = parts.target(target, clean, noise, alpha, sigma)
  got = parts.convert(given, noisy, alpha, sigma, source=source, target=target)
  np.testing.assert_allclose(got, wanted, **DIVIDED)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_there_and_back_again(source, target):
  # Not a true target but anything a network may say.
  _, _, noisy, alpha, sigma = _example()
  given = jax.random.normal(jax.random.key(2), noisy.shape)
  there = parts.convert(
    given, noisy, alpha, sigma, source=source, target=target
  )
  back = parts.convert(there, noisy, alpha, sigma, source=target, target=source)
  np.testing.assert_allclose(back, given, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("kind", [*parts.KINDS, "eps", "x"])
def test_clean_and_noise_are_recovered_from_any_kind(kind):
  clean, noise, noisy, alpha, sigma = _example()
  given = parts.target(kind, clean, noise, alpha, sigma)
  got = parts.to_clean(kind, given, noisy, alpha, sigma)
  np.testing.assert_allclose(got, clean, **DIVIDED)
  got = parts.to_noise(kind, given, noisy, alpha, sigma)
  np.testing.assert_allclose(got, noise, **DIVIDED)


def test_formulas_by_hand():
  # alpha 0.6, sigma 0.8, clean 1, noise 2: noisy = 2.2, v = 1.2 - 0.8.
  one = lambda x: jnp.full((1, 1), x)
  alpha, sigma = jnp.array([0.6]), jnp.array([0.8])
  target = lambda kind: parts.target(kind, one(1.0), one(2.0), alpha, sigma)
  np.testing.assert_allclose(target("v"), [[0.4]], rtol=1e-6)
  np.testing.assert_allclose(target("score"), [[-2.5]], rtol=1e-6)
  np.testing.assert_array_equal(target("clean"), [[1.0]])
  np.testing.assert_array_equal(target("noise"), [[2.0]])
  clean = parts.to_clean("v", one(0.4), one(2.2), alpha, sigma)
  np.testing.assert_allclose(clean, [[1.0]], rtol=1e-6)


def test_score_is_the_gradient_of_the_log_density():
  clean, noise, noisy, alpha, sigma = _example(jnp.array([0.4]))
  log_density = lambda z: -jnp.sum((z - alpha * clean) ** 2) / (2 * sigma**2)
  score = jax.grad(lambda z: log_density(z)[0])(noisy)
  got = parts.target("score", clean, noise, alpha, sigma)
  np.testing.assert_allclose(got, score, **DIVIDED)


@pytest.mark.parametrize("t", [0.0, 1.0])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_both_ends_of_time_stay_finite(source, target, t):
  clean, noise, noisy, alpha, sigma = _example(jnp.array([t]))
  given = parts.target(source, clean, noise, alpha, sigma)
  got = parts.convert(given, noisy, alpha, sigma, source=source, target=target)
  assert np.all(np.isfinite(got))


def test_pure_noise_keeps_its_digits_on_the_way_to_the_score():
  # Through the clean clip this would divide by an alpha of 4.5e-5 and back.
  _, noise, noisy, alpha, sigma = _example(jnp.array([1.0]))
  score = parts.convert(
    noise, noisy, alpha, sigma, source="noise", target="score"
  )
  np.testing.assert_allclose(score, -noise, rtol=1e-6)


def test_unknown_kind_is_refused_with_the_nearest():
  with pytest.raises(errors.ConfigError, match="Did you mean 'noise'"):
    parts.canonical("nois")
