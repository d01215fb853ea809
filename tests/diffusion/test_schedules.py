"""Schedules against their inverses and the paper's own formulas."""

import chex
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules

ALL = [
  pytest.param(schedules.Cosine(), id="cosine"),
  pytest.param(schedules.Linear(), id="linear"),
  pytest.param(schedules.Linear(beta_min=2.0, beta_max=2.0), id="constant"),
  pytest.param(schedules.Shifted(schedules.Cosine(), 256), id="shifted"),
  pytest.param(schedules.Shifted(schedules.Linear(), 32), id="shifted_linear"),
  pytest.param(schedules.Betas(), id="squared_cosine"),
  pytest.param(schedules.Betas("linear"), id="linear_betas"),
]


@pytest.mark.parametrize("schedule", ALL)
def test_time_undoes_logsnr(schedule):
  t = jnp.linspace(0.01, 0.99, 99)
  chex.assert_trees_all_close(schedule.time(schedule.logsnr(t)), t, rtol=1e-5)


@pytest.mark.parametrize("schedule", ALL)
def test_alpha_and_sigma_lie_on_the_unit_circle(schedule):
  t = jnp.linspace(0, 1, 201)
  total = schedule.alpha(t) ** 2 + schedule.sigma(t) ** 2
  chex.assert_trees_all_close(total, jnp.ones(201), rtol=1e-6)


@pytest.mark.parametrize("schedule", ALL)
def test_logsnr_falls_and_stays_within_its_bounds(schedule):
  logsnr = np.asarray(schedule.logsnr(jnp.linspace(0, 1, 1001)))
  assert np.all(np.diff(logsnr) <= 0)
  assert np.all(np.diff(logsnr[10:-10]) < 0)
  assert np.abs(logsnr).max() <= 20
  assert np.all(np.isfinite(logsnr))


@pytest.mark.parametrize("schedule", ALL)
def test_logsnr_is_that_of_alpha_and_sigma(schedule):
  t = jnp.linspace(0.02, 0.98, 49)
  ratio = 2 * jnp.log(schedule.alpha(t) / schedule.sigma(t))
  chex.assert_trees_all_close(ratio, schedule.logsnr(t), rtol=1e-5, atol=1e-5)


def test_cosine_is_the_cosine_up_to_its_ends():
  t = np.array([0.0, 1e-3, 0.25, 0.5, 0.75, 0.999, 1.0])
  alpha = schedules.Cosine().alpha(jnp.asarray(t, jnp.float32))
  sigma = schedules.Cosine().sigma(jnp.asarray(t, jnp.float32))
  np.testing.assert_allclose(alpha[:-1], np.cos(np.pi * t / 2)[:-1], rtol=1e-4)
  np.testing.assert_allclose(sigma[1:], np.sin(np.pi * t / 2)[1:], rtol=1e-4)
  np.testing.assert_allclose(alpha[-1], np.exp(-10), rtol=1e-5)
  np.testing.assert_allclose(sigma[0], np.exp(-10), rtol=1e-5)


def test_linear_is_the_limit_of_a_thousand_betas():
  survive = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
  alpha = schedules.Linear().alpha(jnp.arange(1, 1001) / 1000)
  np.testing.assert_allclose(alpha[99:499] ** 2, survive[99:499], rtol=0.02)


def test_doubling_the_resolution_shifts_logsnr_by_log_four():
  t = jnp.linspace(0.1, 0.9, 9)
  small = schedules.build("shifted_cosine", resolution=64)
  large = schedules.build("shifted_cosine", resolution=128)
  chex.assert_trees_all_close(small.logsnr(t), schedules.Cosine().logsnr(t))
  np.testing.assert_allclose(
    small.logsnr(t) - large.logsnr(t), np.log(4), rtol=1e-5
  )


def test_build_makes_what_it_is_asked_for():
  assert schedules.build() == schedules.Cosine()
  linear = schedules.build("linear", beta_max=10.0)
  assert linear == schedules.Linear(beta_max=10.0)


def test_unknown_schedule_is_refused_with_the_nearest():
  with pytest.raises(errors.ConfigError, match="Did you mean 'cosine'"):
    schedules.build("cosin")


def test_falling_betas_are_refused():
  with pytest.raises(errors.ConfigError, match="0 < beta_min <= beta_max"):
    schedules.Linear(beta_min=3.0, beta_max=1.0)


def test_resolution_must_be_positive():
  with pytest.raises(errors.ConfigError, match="must be positive"):
    schedules.Shifted(schedules.Cosine(), 0)


def test_subclasses_must_say_their_formulas():
  with pytest.raises(NotImplementedError):
    schedules.Schedule().logsnr(0.5)
  with pytest.raises(NotImplementedError):
    schedules.Schedule().time(0.5)


def test_betas_are_the_published_ones():
  # Nichol and Dhariwal (2021), equation 17 and what follows it.
  f = lambda u: np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
  t = np.arange(1, 999) / 1000
  schedule = schedules.build("squared_cosine")
  np.testing.assert_allclose(schedule.alpha(t) ** 2, f(t) / f(0), rtol=1e-4)
  last = schedule.alpha(1.0) ** 2 / schedule.alpha(0.999) ** 2
  np.testing.assert_allclose(last, 0.001, rtol=1e-4)
  kept = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
  alpha = schedules.build("linear_betas").alpha(np.arange(1, 1001) / 1000)
  np.testing.assert_allclose(alpha**2, kept, rtol=1e-4)
  kept = np.cumprod(1 - np.linspace(0.03, 0.1, 1000) ** 2)
  scaled = schedules.build("scaled_linear_betas", beta_min=9e-4, beta_max=0.01)
  alpha = scaled.alpha(np.arange(1, 1001) / 1000)
  np.testing.assert_allclose(alpha**2, kept, rtol=1e-4)


def test_steps_count_from_nought_and_are_met_exactly():
  schedule = schedules.build("squared_cosine")
  steps = np.arange(1000)
  t = ((steps + 1) / 1000).astype(np.float32)
  np.testing.assert_allclose(1000 * schedule.told(t), steps, atol=2e-4)
  np.testing.assert_array_equal(
    schedule.logsnr(t), schedules._table(schedule)[1:]
  )
  assert schedule.told(0.0) == 0
  assert schedules.Cosine().told(0.25) == 0.25


def test_betas_out_of_range_are_refused():
  with pytest.raises(errors.ConfigError, match="0 < beta_min <= beta_max < 1"):
    schedules.build("linear_betas", beta_max=2.0)
  with pytest.raises(errors.ConfigError, match="kind of betas"):
    schedules.Betas("cosine")


def test_shifting_times_keeps_the_ends_and_is_undone_by_its_inverse():
  t = np.linspace(0, 1, 11)
  shifted = schedules.shift_times(t, 4.0)
  np.testing.assert_array_equal(shifted[[0, -1]], [0, 1])
  assert shifted[5] == pytest.approx(0.8)  # 4 / 2 over 1 + 3 / 2
  np.testing.assert_allclose(schedules.shift_times(shifted, 0.25), t)


@pytest.mark.parametrize("shift", [0.0, -1.0, float("nan")])
def test_a_shift_that_is_none_is_refused(shift):
  with pytest.raises(errors.ConfigError, match="it is above 0"):
    schedules.require_shift(shift)
