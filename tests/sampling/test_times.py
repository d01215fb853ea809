"""Sampling times fall from the start to exactly zero."""

import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules
from lumiere_jax.sampling import times

SCHEDULES = [
  pytest.param(schedules.Cosine(), id="cosine"),
  pytest.param(schedules.Linear(), id="linear"),
  pytest.param(
    schedules.build("shifted_cosine", resolution=1024), id="shifted"
  ),
  pytest.param(schedules.build("squared_cosine"), id="squared_cosine"),
]


@pytest.mark.parametrize("t_start", [None, 1.0, 0.6, 1e-4])
@pytest.mark.parametrize("num_steps", [1, 2, 50])
@pytest.mark.parametrize("spacing", times.SPACINGS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_times_fall_strictly_to_zero(schedule, spacing, num_steps, t_start):
  grid = np.asarray(
    times.grid(schedule, num_steps, spacing=spacing, t_start=t_start)
  )
  assert grid.shape == (num_steps + 1,)
  assert grid[-1] == 0
  assert np.all(np.diff(grid) < 0)
  expected = times.start(schedule) if t_start is None else t_start
  if t_start is None and spacing in ("leading", "trailing"):
    ratio = 1000 // num_steps
    expected = 1 if spacing == "trailing" else 1.001 - ratio / 1000
  np.testing.assert_allclose(grid[0], expected, rtol=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_pure_noise_starts_where_logsnr_is_no_less_than_fifteen(schedule):
  start = times.start(schedule)
  assert schedule.logsnr(start) >= -15.01
  assert start <= 1
  if schedule == schedules.Linear():  # -10 at its end
    assert start == pytest.approx(1.0, abs=1e-5)


def test_time_spacing_is_even_in_time():
  grid = times.grid(schedules.Cosine(), 4, t_start=0.8)
  np.testing.assert_allclose(grid, [0.8, 0.6, 0.4, 0.2, 0.0], atol=1e-6)


@pytest.mark.parametrize("t_start", [None, 0.8])
def test_shifted_times_are_nearer_to_noise_and_begin_and_end_alike(t_start):
  even, late = (
    np.asarray(times.grid(schedules.Cosine(), 6, t_start=t_start, shift=shift))
    for shift in (1.0, 3.0)
  )
  np.testing.assert_array_equal(late[[0, -1]], even[[0, -1]])
  assert np.all(late[1:-1] > even[1:-1])
  # From the middle of what is unshifted: 3 / 2 of 1 / (1 + 2 / 2).
  half = times.grid(schedules.Cosine(), 2, t_start=1.0, shift=3.0)
  np.testing.assert_allclose(half, [1.0, 0.75, 0.0], atol=1e-6)


def test_a_shift_of_one_leaves_times_as_they_are_to_the_bit():
  grid = times.grid(schedules.Cosine(), 24, t_start=0.7, shift=1.0)
  want = times.grid(schedules.Cosine(), 24, t_start=0.7)
  np.testing.assert_array_equal(grid, want)
  np.testing.assert_array_equal(want, np.float32(0.7) * jnp.linspace(1, 0, 25))


def test_logsnr_spacing_is_even_in_logsnr_until_the_last_step():
  schedule = schedules.Cosine()
  grid = times.grid(schedule, 11, spacing="logsnr")
  steps = np.diff(schedule.logsnr(grid[:-1]))
  np.testing.assert_allclose(steps, 2.5, rtol=1e-3)


def test_unknown_spacing_is_refused():
  with pytest.raises(errors.ConfigError, match="Did you mean 'logsnr'"):
    times.grid(schedules.Cosine(), 4, spacing="log_snr")


def test_no_steps_are_refused():
  with pytest.raises(errors.ConfigError, match="at least 1"):
    times.grid(schedules.Cosine(), 0)


def test_steps_that_do_not_divide_a_thousand_are_spread():
  grid = lambda spacing: (
    1000 * np.asarray(times.grid(schedules.Betas(), 3, spacing=spacing))
  )
  np.testing.assert_allclose(grid("leading"), [667, 334, 1, 0], atol=1e-3)
  np.testing.assert_allclose(grid("trailing"), [1000, 667, 333, 0], atol=1e-3)


def test_listed_steps_are_visited_where_there_are_as_many():
  grid = lambda n, **kwargs: np.asarray(
    times.grid(schedules.Betas(), n, visits=(999, 500, 0), **kwargs)
  )
  np.testing.assert_allclose(grid(3), [1, 0.501, 0.001, 0], atol=1e-6)
  half = grid(3, t_start=0.5)
  np.testing.assert_allclose(half, grid(3) / 2, rtol=1e-6)
  np.testing.assert_array_equal(
    grid(4, spacing="leading"),
    times.grid(schedules.Betas(), 4, spacing="leading"),
  )


def test_more_steps_than_there_are_are_refused():
  with pytest.raises(errors.ConfigError, match="of 1000 that there are"):
    times.grid(schedules.Betas(), 1001, spacing="leading")
