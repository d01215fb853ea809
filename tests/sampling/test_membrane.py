"""What is painted bends until it meets what is given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.sampling import membrane
from lumiere_jax.types import FrameCondition


def _given(video, known):
  known = jnp.broadcast_to(
    jnp.asarray(known, jnp.float32), (*video.shape[:-1], 1)
  )
  return FrameCondition(video=video * known, known=known)


# Compiled as a whole: piece by piece takes five times as long.
meet = jax.jit(membrane.meet, static_argnums=(2, 3))


def _meet(estimate, given, stiffness):
  """Whatever is missing counts as light."""
  return meet(estimate, given, stiffness, np.inf)


def _noise(seed, *shape):
  return jax.random.normal(jax.random.key(seed), shape)


def _at_frames(num_frames, *numbers):
  known = jnp.isin(jnp.arange(num_frames), jnp.array(numbers))
  return known[None, :, None, None, None]


def test_a_gap_between_two_pixels_becomes_their_mean():
  video = jnp.array([1.0, 0.0, 3.0]).reshape(1, 1, 1, 3, 1)
  known = jnp.array([1.0, 0.0, 1.0]).reshape(1, 1, 1, 3, 1)
  bent = _meet(jnp.zeros_like(video), _given(video, known), 7.0)
  np.testing.assert_allclose(bent[0, 0, 0, :, 0], [1, 2, 3], atol=1e-6)


@pytest.mark.parametrize("is_half", [False, True])
def test_a_light_that_is_off_by_as_much_everywhere_is_put_right(is_half):
  video = jnp.full((2, 6, 8, 8, 3), 0.3)
  known = jax.random.uniform(jax.random.key(0), (2, 6, 8, 8, 1)) < 0.3
  if is_half:  # most of what is given is far from any border
    known = jnp.broadcast_to(jnp.arange(8)[:, None] < 6, (2, 6, 8, 8, 1))
  bent = _meet(video - 0.2, _given(video, known), 400.0)
  np.testing.assert_allclose(bent, video, atol=1e-5)


@pytest.mark.parametrize("stiffness", [1.0, 400.0])
def test_between_two_frames_it_goes_evenly_from_one_to_the_other(stiffness):
  line = jnp.linspace(-1, 1, 16)
  video = jnp.broadcast_to(line[None, :, None, None, None], (1, 16, 4, 4, 3))
  given = _given(video, _at_frames(16, 0, 15))
  bent = _meet(jnp.zeros_like(video), given, stiffness)
  np.testing.assert_allclose(bent, video, atol=0.08)


def test_beside_a_frame_that_is_given_no_jump_is_left_and_all_others_stay():
  """An estimate that goes on evenly, after a first frame of another light."""
  line = jnp.arange(12.0)[None, :, None, None, None]
  estimate = jnp.broadcast_to(0.01 * line, (1, 12, 4, 4, 3))
  given = _given(jnp.full_like(estimate, 0.5), _at_frames(12, 0))
  steps = jnp.diff(_meet(estimate, given, 25.0), axis=1)
  assert jnp.abs(steps[:, 0]).max() < 1e-3
  np.testing.assert_allclose(steps[:, 1:], 0.01, atol=1e-3)


def test_what_is_painted_keeps_its_curvature():
  """Laplace's equation: what is added has none, away from the border."""
  estimate = _noise(1, 1, 8, 16, 16, 1)
  known = jnp.ones((1, 8, 16, 16, 1)).at[:, :, 4:12, 4:12].set(0)
  given = _given(_noise(2, 1, 8, 16, 16, 1), known)
  added = _meet(estimate, given, 1.0) - estimate
  middle = added[:, 1:-1, 5:11, 5:11]
  mean = (
    sum(
      jnp.roll(added, k, axis)[:, 1:-1, 5:11, 5:11]
      for axis in (1, 2, 3)
      for k in (-1, 1)
    )
    / 6
  )
  assert jnp.abs(added).max() > 1
  assert jnp.abs(mean - middle).max() < 0.05


@pytest.mark.parametrize("stiffness", [1.0, 25.0])
def test_it_is_what_solving_all_equations_at_once_gives(stiffness):
  shape = 12, 6, 6
  known = np.asarray(jax.random.uniform(jax.random.key(4), shape) < 0.1)
  video = _noise(5, 1, *shape, 1)
  given = _given(video, known[None, ..., None])
  bent = _meet(jnp.zeros_like(video), given, stiffness)
  # A row for each pixel: itself where it is given, else its neighbours' mean.
  number = np.arange(known.size).reshape(shape)
  table, wanted = np.eye(known.size), np.zeros(known.size)
  for place in np.ndindex(shape):
    if known[place]:
      wanted[number[place]] = video[0][place][0]
      continue
    near = {}
    for axis, weight in enumerate((stiffness, 1.0, 1.0)):
      for step in (-1, 1):
        other = list(place)
        other[axis] += step
        if 0 <= other[axis] < shape[axis]:
          near[number[tuple(other)]] = weight
    for other, weight in near.items():
      table[number[place], other] = -weight / sum(near.values())
  solved = np.linalg.solve(table, wanted).reshape(shape)
  off = np.abs(bent[0, ..., 0] - solved).max() / np.ptp(solved)
  assert off < 0.04


def test_what_is_stiffer_along_time_hands_a_frame_on_for_longer():
  board = jnp.tile(jnp.array([[1.0, -1.0], [-1.0, 1.0]]), (4, 4))
  video = jnp.broadcast_to(board[None, None, :, :, None], (1, 16, 8, 8, 1))
  given = _given(video, _at_frames(16, 0))
  handed = [
    jnp.abs(_meet(jnp.zeros_like(video), given, x)).mean((0, 2, 3, 4))
    for x in (25.0, 400.0)
  ]
  assert handed[0][8] < 0.1 < handed[1][8] < handed[1][2]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_nothing_given(share):
  estimate, video = _noise(1, 1, 5, 6, 4, 3), _noise(2, 1, 5, 6, 4, 3)
  bent = _meet(estimate, _given(video, share), 400.0)
  np.testing.assert_array_equal(bent, video if share else estimate)


def test_what_is_given_comes_back_to_the_bit():
  estimate, video = _noise(1, 1, 5, 6, 4, 3), _noise(2, 1, 5, 6, 4, 3)
  known = jax.random.uniform(jax.random.key(3), (1, 5, 6, 4, 1)) < 0.5
  bent = _meet(estimate, _given(video, known), 400.0)
  where = np.broadcast_to(known, video.shape)
  np.testing.assert_array_equal(bent[where], video[where])


def test_a_clip_is_the_same_whatever_is_bent_beside_it():
  estimate, video = _noise(1, 3, 7, 8, 8, 3), _noise(2, 3, 7, 8, 8, 3)
  known = jax.random.uniform(jax.random.key(3), (3, 7, 8, 8, 1)) < 0.5
  together = _meet(estimate, _given(video, known), 400.0)
  for k in range(3):
    one = slice(k, k + 1)
    alone = _meet(estimate[one], _given(video[one], known[one]), 400.0)
    np.testing.assert_array_equal(together[one], alone)


def test_what_is_another_thing_pulls_no_more_than_light_may():
  """A wall to the left misses 1.1 of one channel, 0.55 of another."""
  wall = jnp.array([0.9, 0.35, -0.2])
  video = jnp.zeros((1, 2, 4, 8, 3)).at[:, :, :, 0].set(wall)
  known = (jnp.arange(8) == 0)[None, None, None, :, None]
  bent = meet(jnp.full(video.shape, -0.2), _given(video, known), 4.0)
  np.testing.assert_allclose(bent[..., 0, :], video[..., 0, :])
  painted = -0.2 + np.array([0.25, 0.125, 0.0])
  np.testing.assert_allclose(
    bent[..., 1:, :], np.broadcast_to(painted, (1, 2, 4, 7, 3)), atol=1e-5
  )


@pytest.mark.parametrize(("missing", "painted"), [(0.24, 0.24), (0.26, 0.25)])
def test_light_misses_a_quarter_at_most(missing, painted):
  video = jnp.full((1, 1, 1, 3, 3), missing)
  known = jnp.array([1, 0, 1])[None, None, None, :, None]
  for sign in (1, -1):
    bent = meet(jnp.zeros_like(video), _given(sign * video, known), 4.0)
    np.testing.assert_allclose(bent[0, 0, 0, 1], sign * painted, atol=1e-6)
