"""Solvers on data whose denoiser and whose answer are known.

For pixels drawn from N(MEAN, SPREAD^2) the perfect denoiser is linear,

  E[x | z] = MEAN + alpha SPREAD^2 / p (z - alpha MEAN),
  p(t) = alpha^2 SPREAD^2 + sigma^2,

the probability flow keeps (z - alpha MEAN) / sqrt(p), and so DDIM and the
DPM-Solver must carry each z to MEAN + SPREAD (z_1 - alpha_1 MEAN) / sqrt(p_1).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import solvers
from lumiere_jax.types import Estimate

MEAN, SPREAD = 0.3, 0.5
COSINE = schedules.Cosine()
ALL = [
  pytest.param(solvers.Ddim(), id="ddim"),
  pytest.param(solvers.Ddim(eta=1.0), id="ddim_eta"),
  pytest.param(solvers.Ddpm(gamma=0.0), id="ddpm_small"),
  pytest.param(solvers.Ddpm(gamma=1.0), id="ddpm_large"),
  pytest.param(solvers.DpmSolverPlusPlus2M(), id="dpmpp_2m"),
]


def _gaussian(noisy, t):
  alpha, sigma = COSINE.alpha(t)[:, None], COSINE.sigma(t)[:, None]
  power = alpha**2 * SPREAD**2 + sigma**2
  return MEAN + alpha * SPREAD**2 / power * (noisy - alpha * MEAN)


def _flow(noisy, t_start):
  """Where the probability flow carries `noisy` by time 0."""
  alpha, sigma = COSINE.alpha(t_start), COSINE.sigma(t_start)
  scale = SPREAD / jnp.sqrt(alpha**2 * SPREAD**2 + sigma**2)
  return MEAN + scale * (noisy - alpha * MEAN)


def _solve(solver, noisy, times, denoise=_gaussian):
  """Plain loop over `times`."""

  def step(state, x):
    noisy, carry = state
    t, s, noise = x
    full = lambda value: jnp.full(noisy.shape[0], value)
    estimate = Estimate(denoise(noisy, full(t)))
    return solver.step(
      COSINE, noisy, estimate, full(t), full(s), noise, carry
    ), None

  times = jnp.asarray(times, jnp.float32)
  noise = None
  if solver.needs_noise:
    draw = np.random.default_rng(7).standard_normal
    noise = draw((len(times) - 1, *noisy.shape), np.float32)
  state = noisy, solver.init(noisy)
  (clean, _), _ = jax.lax.scan(step, state, (times[:-1], times[1:], noise))
  return clean


def _noisy(shape=(2, 64)):
  return jax.random.normal(jax.random.key(0), shape)


@pytest.mark.parametrize("solver", ALL)
@pytest.mark.parametrize("num_steps", [1, 10])
def test_a_point_mass_is_returned_exactly(solver, num_steps):
  point = jax.random.uniform(jax.random.key(1), (2, 64))
  times = np.linspace(1, 0, num_steps + 1)
  clean = _solve(solver, _noisy(), times, lambda noisy, t: point)
  np.testing.assert_array_equal(clean, point)


@pytest.mark.parametrize("solver", [ALL[0], ALL[4]])
def test_knowing_the_clip_a_step_stays_on_its_noisy_line(solver):
  clean, noise = jax.random.normal(jax.random.key(2), (2, 2, 64))
  t, s = jnp.array([0.9, 0.5]), jnp.array([0.6, 0.2])
  on_line = lambda t: (
    COSINE.alpha(t)[:, None] * clean + COSINE.sigma(t)[:, None] * noise
  )
  carry = solver.init(clean)
  got, _ = solver.step(COSINE, on_line(t), Estimate(clean), t, s, None, carry)
  np.testing.assert_allclose(got, on_line(s), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("solver", [ALL[0], ALL[4]])
def test_many_steps_follow_the_probability_flow(solver):
  times = np.linspace(0.999, 0, 1001)
  clean = _solve(solver, _noisy(), times)
  np.testing.assert_allclose(clean, _flow(_noisy(), 0.999), atol=5e-3)


@pytest.mark.parametrize(
  ("solver", "order"),
  [
    pytest.param(solvers.Ddim(), 1, id="ddim_first"),
    pytest.param(solvers.DpmSolverPlusPlus2M(), 2, id="dpmpp_2m_second"),
  ],
)
def test_halving_the_steps_costs_what_the_order_says(solver, order):
  # Equal steps of logSNR, not as far as 0, where the last step is order one.
  def error(num_steps):
    times = COSINE.time(jnp.linspace(-6.0, 6.0, num_steps + 1))
    clean = _solve(solver, _noisy(), times)
    alpha, sigma = COSINE.alpha(times[-1]), COSINE.sigma(times[-1])
    scale = jnp.sqrt(alpha**2 * SPREAD**2 + sigma**2) / SPREAD
    exact = alpha * MEAN + scale * (_flow(_noisy(), times[0]) - MEAN)
    return jnp.abs(clean - exact).max()

  ratio = error(32) / error(64)
  np.testing.assert_allclose(np.log2(ratio), order, atol=0.3)


def test_the_second_order_solver_beats_ddim_at_equal_cost():
  times = COSINE.time(jnp.linspace(-8.0, 8.0, 20))
  times = jnp.append(times, 0.0)
  error = lambda solver: np.abs(
    _solve(solver, _noisy(), times) - _flow(_noisy(), times[0])
  ).max()
  assert error(solvers.DpmSolverPlusPlus2M()) < error(solvers.Ddim()) / 3


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_ancestral_sampling_has_the_mean_and_variance_of_the_data(gamma):
  noisy = _noisy((4, 4_000))
  times = np.linspace(1, 0, 401)
  clean = np.asarray(_solve(solvers.Ddpm(gamma=gamma), noisy, times))
  # 16,000 values: one standard error is 0.004 of the mean, 0.6 % of the
  # deviation; 400 steps of finite length cost about one per cent more.
  np.testing.assert_allclose(clean.mean(), MEAN, atol=0.015)
  np.testing.assert_allclose(clean.std(), SPREAD, rtol=0.025)


def test_ancestral_sampling_with_eta_has_the_variance_of_the_data():
  times = np.linspace(1, 0, 401)
  clean = np.asarray(_solve(solvers.Ddim(eta=1.0), _noisy((4, 4_000)), times))
  np.testing.assert_allclose(clean.std(), SPREAD, rtol=0.025)


def _one_step(solver, noise, mix=None, clean=0.2):
  t, s = jnp.array([0.7]), jnp.array([0.5])
  one = lambda value: jnp.full((1, 1), value)
  estimate = Estimate(one(clean), None if mix is None else one(mix))
  args = COSINE, one(1.3), estimate, t, s, one(noise), solver.init(one(1.3))
  return float(solver.step(*args)[0][0, 0])


def test_ddim_with_eta_one_is_ancestral_with_the_smallest_variance():
  for noise in (0.0, 1.7):
    np.testing.assert_allclose(
      _one_step(solvers.Ddim(eta=1.0), noise),
      _one_step(solvers.Ddpm(gamma=0.0), noise),
      rtol=1e-5,
    )


def test_ancestral_step_is_bayes_rule():
  """Against q(z_s | z_t, x) from two Gaussians, in plain numbers."""
  alpha_t, sigma_t = np.cos(0.35 * np.pi), np.sin(0.35 * np.pi)
  alpha_s, sigma_s = np.cos(0.25 * np.pi), np.sin(0.25 * np.pi)
  # z_t | z_s ~ N(a z_s, b^2), z_s | x ~ N(alpha_s x, sigma_s^2).
  a = alpha_t / alpha_s
  b2 = sigma_t**2 - a**2 * sigma_s**2
  variance = 1 / (a**2 / b2 + 1 / sigma_s**2)
  mean = variance * (a * 1.3 / b2 + alpha_s * 0.2 / sigma_s**2)
  small = solvers.Ddpm(gamma=0.0)
  np.testing.assert_allclose(_one_step(small, 0.0), mean, rtol=1e-5)
  deviation = _one_step(small, 1.0) - _one_step(small, 0.0)
  np.testing.assert_allclose(deviation**2, variance, rtol=1e-4)
  # The largest is b^2, that of the step with nothing known of x.
  large = solvers.Ddpm(gamma=1.0)
  deviation = _one_step(large, 1.0) - _one_step(large, 0.0)
  np.testing.assert_allclose(deviation**2, b2, rtol=1e-4)


def test_gamma_interpolates_the_logarithm_of_the_variance():
  def log_deviation(gamma):
    solver = solvers.Ddpm(gamma=gamma)
    return np.log(_one_step(solver, 1.0) - _one_step(solver, 0.0))

  ends = log_deviation(0.0), log_deviation(1.0)
  middle = log_deviation(0.25)
  np.testing.assert_allclose(middle, 0.75 * ends[0] + 0.25 * ends[1], rtol=1e-4)


def test_a_learned_variance_replaces_gamma():
  assert _one_step(solvers.Ddpm(gamma=0.0), 1.0, mix=0.25) == pytest.approx(
    _one_step(solvers.Ddpm(gamma=0.25), 1.0), rel=1e-6
  )


@pytest.mark.parametrize("solver", ALL)
def test_the_last_step_returns_the_estimate_without_noise(solver):
  noisy = _noisy()
  estimate = Estimate(_gaussian(noisy, jnp.full(2, 0.1)))
  clean, _ = solver.step(
    COSINE,
    noisy,
    estimate,
    jnp.full(2, 0.1),
    jnp.zeros(2),
    jnp.full_like(noisy, 100.0),
    solver.init(noisy),
  )
  np.testing.assert_array_equal(clean, estimate.clean)


def test_noise_is_asked_for_only_by_solvers_that_use_it():
  assert not solvers.Ddim().needs_noise
  assert solvers.Ddim(eta=0.1).needs_noise
  assert solvers.Ddpm().needs_noise
  assert not solvers.DpmSolverPlusPlus2M().needs_noise


def test_build_makes_what_it_is_asked_for():
  assert solvers.build("ddim", eta=0.5) == solvers.Ddim(eta=0.5)
  assert solvers.build("ddpm", gamma=0.5) == solvers.Ddpm(gamma=0.5)
  assert solvers.build("dpmpp_2m") == solvers.DpmSolverPlusPlus2M()


def test_unknown_sampler_is_refused_with_the_nearest():
  with pytest.raises(errors.ConfigError, match="Did you mean 'ddim'"):
    solvers.build("dim")


@pytest.mark.parametrize(
  "make", [lambda: solvers.Ddim(eta=1.5), lambda: solvers.Ddpm(gamma=-1.0)]
)
def test_fractions_out_of_range_are_refused(make):
  with pytest.raises(errors.ConfigError, match="between 0 and 1"):
    make()
