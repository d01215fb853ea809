import itertools

import numpy as np
import pytest
import toys

from lumiere_jax.toybox import motion
from lumiere_jax.toybox import shapes
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world

SEEDS = range(3)
TIME = np.arange(40) / 8
ALONE = [action for action in words.ACTIONS if action not in words.PAIRED]
IN_THE_AIR = ("bounces", "rises", "falls")


def _tracks(action, shape="ball", time=TIME, **said):
  return motion.tracks(toys.enacted(action, shape, **said), time)


def _above(scene, tracks, k=0):
  """How high a thing is above the ground on which it would stand: [T]."""
  lift = shapes.heights(scene.things[k].shape, tracks.rotation[:, k])
  return tracks.position[:, k, 1] - tracks.radius[k] * lift


def _apart(tracks, i=0, j=1):
  """How far two things are from one another on the ground: [T]."""
  return np.hypot(*(tracks.position[:, i] - tracks.position[:, j])[:, ::2].T)


@pytest.mark.parametrize("action", words.ACTIONS)
def test_tracks_are_what_they_say(action):
  tracks = _tracks(action)
  n = len(tracks.radius)
  assert tracks.position.shape == (40, n, 3)
  assert tracks.rotation.shape == (40, n, 3, 3)
  for array in (tracks.position, tracks.rotation, tracks.radius):
    assert array.dtype == np.float32
  square = tracks.rotation @ tracks.rotation.swapaxes(-1, -2)
  np.testing.assert_allclose(
    square, np.broadcast_to(np.eye(3), square.shape), atol=1e-6
  )
  np.testing.assert_allclose(np.linalg.det(tracks.rotation), 1, atol=1e-5)


@pytest.mark.parametrize("shape", words.SHAPES)
@pytest.mark.parametrize("action", words.ACTIONS)
def test_nothing_sinks_into_the_ground_nor_floats_above_it(action, shape):
  for seed in SEEDS:
    scene = toys.enacted(action, shape, seed=seed)
    tracks = motion.tracks(scene, TIME)
    for k in range(len(scene.things)):
      above = _above(scene, tracks, k)
      assert above.min() >= -1e-4
      if k or action not in IN_THE_AIR:
        assert above.max() <= 1e-4


@pytest.mark.parametrize("size", motion.RADIUS)
def test_things_are_about_as_large_as_they_are_called(size):
  for seed in SEEDS:
    (radius,) = _tracks("still", size=size, seed=seed).radius
    assert abs(radius / motion.RADIUS[size] - 1) <= 0.05 + 1e-6


@pytest.mark.parametrize("action", words.ACTIONS)
def test_small_things_keep_apart(action):
  for seed in range(6):
    scene = toys.scene(
      "ball", "star", "cube", size="small", action=action, seed=seed
    )
    tracks = motion.tracks(scene, TIME)
    for i, j in ((0, 1), (0, 2), (1, 2)):
      touch = tracks.radius[i] + tracks.radius[j]
      gap = _apart(tracks, i, j).min() - touch
      # One that knocks goes where the other's side is, and no farther.
      is_hit = action == "knocks" and j == 1
      assert gap >= (-0.1 * touch - 1e-5 if is_hit else 0.1 - 1e-5)


@pytest.mark.parametrize("shape", words.SHAPES)
@pytest.mark.parametrize(
  ("action", "axis", "sign"),
  [
    ("rolls left", 0, -1),
    ("rolls right", 0, 1),
    ("slides towards", 2, 1),
    ("slides away", 2, -1),
  ],
)
def test_it_goes_where_it_should_all_the_time(action, axis, sign, shape):
  for seed in SEEDS:
    (place,) = _tracks(action, shape, seed=seed).position.swapaxes(0, 1)
    assert (sign * np.diff(place[:, axis]) > 0).all()
    assert sign * (place[-1] - place[0])[axis] > 2
    across = place[:, 2 - axis]
    np.testing.assert_allclose(across, across[0], atol=1e-6)


@pytest.mark.parametrize(("action", "sign"), [("left", -1), ("right", 1)])
def test_the_top_of_what_rolls_goes_ahead_as_far_as_the_rest(action, sign):
  tracks = _tracks(f"rolls {action}", time=np.array([2.5, 2.51]))
  before, after = tracks.rotation[:, 0]
  top = after @ before.T @ [0, 1, 0]
  moved = np.diff(tracks.position[:, 0, 0])
  assert sign * top[0] > 0
  np.testing.assert_allclose(tracks.radius * top[0], moved, rtol=1e-2)


@pytest.mark.parametrize("shape", words.SHAPES)
def test_what_rises_goes_up_and_nowhere_else(shape):
  for seed in SEEDS:
    place = _tracks("rises", shape, seed=seed).position[:, 0]
    assert (np.diff(place[:, 1]) >= 0).all()
    assert 1.2 < place[-1, 1] - place[0, 1] <= 1.8
    assert np.ptp(place[:, ::2], axis=0).max() == 0


@pytest.mark.parametrize("shape", words.SHAPES)
def test_what_falls_comes_down_and_stays_there(shape):
  for seed in SEEDS:
    scene = toys.enacted("falls", shape, seed=seed)
    above = _above(scene, motion.tracks(scene, TIME))
    assert above[0] > 2
    assert above[0] == pytest.approx(above.max())
    first = np.flatnonzero(above < 0.1)[0]
    assert (np.diff(above[:first]) <= 1e-6).all()
    np.testing.assert_allclose(above[-8:], 0, atol=1e-4)


@pytest.mark.parametrize("shape", words.SHAPES)
def test_what_bounces_touches_the_ground_again_and_again(shape):
  time = np.arange(320) / 64
  for seed in SEEDS:
    scene = toys.enacted("bounces", shape, seed=seed)
    above = _above(scene, motion.tracks(scene, time))
    low = (above[1:-1] < above[:-2]) & (above[1:-1] <= above[2:])
    touched = np.flatnonzero(low & (above[1:-1] < 0.08))
    assert len(touched) >= 2
    for first, then in itertools.pairwise(touched):
      assert above[first:then].max() > 0.3


@pytest.mark.parametrize("shape", words.SHAPES)
def test_what_spins_turns_on_the_spot(shape):
  for seed in SEEDS:
    tracks = _tracks("spins", shape, seed=seed)
    np.testing.assert_allclose(np.ptp(tracks.position, axis=0), 0, atol=1e-5)
    facing = tracks.rotation[:, 0, :, 2]
    np.testing.assert_allclose(facing[:, 1], 0, atol=1e-6)
    angle = np.unwrap(np.arctan2(facing[:, 0], facing[:, 2]))
    turns = np.diff(angle) / np.diff(TIME) / (2 * np.pi)
    np.testing.assert_allclose(turns, turns[0], rtol=1e-3)
    assert 0.44 < abs(turns[0]) < 0.81


def test_what_stands_still_stands_still():
  tracks = _tracks("still", "star")
  assert np.ptp(tracks.position, axis=0).max() == 0
  assert np.ptp(tracks.rotation, axis=0).max() == 0


@pytest.mark.parametrize("shape", words.SHAPES)
def test_what_orbits_keeps_its_distance(shape):
  for seed in SEEDS:
    tracks = _tracks("orbits", shape, seed=seed)
    assert np.ptp(tracks.position[:, 1], axis=0).max() == 0
    np.testing.assert_allclose(_apart(tracks), _apart(tracks)[0], atol=1e-5)
    x, _, z = (tracks.position[:, 0] - tracks.position[:, 1]).T
    angle = np.unwrap(np.arctan2(x, z))
    assert abs(angle[-1] - angle[0]) > 2 * np.pi  # once around and more
    assert len({*np.sign(np.diff(angle))}) == 1


@pytest.mark.parametrize("shape", words.SHAPES)
def test_what_is_knocked_moves_when_it_is_hit(shape):
  time = np.arange(320) / 64
  for seed in SEEDS:
    tracks = _tracks("knocks", shape, time, seed=seed)
    moved = tracks.position[:, :, 0] - tracks.position[0, :, 0]
    other = np.abs(moved[:, 1])
    hit = np.flatnonzero(other > 0)[0] - 1
    # The one comes, and stays where the other was hit and goes the same way.
    assert 1.3 < time[hit] < 2.25
    assert (np.abs(np.diff(moved[:hit, 0])) > 0).all()
    assert np.ptp(moved[hit + 1 :, 0]) == 0
    assert (np.diff(other[hit:]) > 0).all()
    assert np.sign(moved[-1, 0]) == np.sign(moved[-1, 1])
    assert other[-1] > 0.8
    touch = 0.9 * tracks.radius.sum()
    assert _apart(tracks).argmin() in (hit, hit + 1)
    assert touch - 1e-5 <= _apart(tracks).min() < touch + 0.05


def test_the_seed_decides():
  one, again, other = (_tracks("knocks", seed=seed) for seed in (5, 5, 6))
  np.testing.assert_array_equal(one.position, again.position)
  np.testing.assert_array_equal(one.rotation, again.rotation)
  np.testing.assert_array_equal(one.radius, again.radius)
  assert not np.array_equal(one.position, other.position)


@pytest.mark.parametrize("action", words.ACTIONS)
def test_other_rates_and_lengths_show_the_same_motion(action):
  for seed in SEEDS:
    want = _tracks(action, "star", seed=seed)
    fine = _tracks(action, "star", np.arange(80) / 16, seed=seed)
    short = _tracks(action, "star", TIME[:9], seed=seed)
    for name in ("position", "rotation"):
      # Heights are sums in another order where other frames are computed.
      ours = getattr(want, name)
      np.testing.assert_allclose(getattr(fine, name)[::2], ours, atol=1e-6)
      np.testing.assert_allclose(getattr(short, name), ours[:9], atol=1e-6)


@pytest.mark.parametrize("axis", "xyz")
def test_turns_turn_one_axis_to_the_next(axis):
  k = "xyz".index(axis)
  found = motion.turn(axis, np.pi / 2)
  np.testing.assert_allclose(found @ np.eye(3)[k], np.eye(3)[k], atol=1e-12)
  first, then = np.eye(3)[[(k + 1) % 3, (k + 2) % 3]]
  np.testing.assert_allclose(found @ first, then, atol=1e-12)


def test_what_stands_beside_stands_still_and_in_the_picture():
  for index in range(100):
    scene = world.scene("test", index)
    beside = 2 if scene.action in words.PAIRED else 1
    if len(scene.things) == beside:
      continue
    place = motion.tracks(scene, TIME[::8]).position[:, beside:]
    assert np.ptp(place, axis=0).max() == 0
    assert np.abs(place[..., 0]).max() <= 1.6
