import numpy as np
import pytest
import toys

from lumiere_jax.toybox import camera
from lumiere_jax.toybox import words

TIME = np.arange(21) / 4
LOOK_AT = np.array([0, 0.85, 0], np.float32)
SEEDS = range(4)


def _views(move, seed=0, time=TIME):
  return camera.views(toys.scene(camera=move, seed=seed), time)


def _shown(views, point=LOOK_AT):
  """Where a point of the world is in the frames: [T, 3]."""
  points = np.broadcast_to(point, (len(views.eye), 1, 3))
  return views.project(points)[:, 0]


def _distance(views):
  return np.linalg.norm(views.eye - LOOK_AT, axis=-1)


def _azimuth(views):
  return np.degrees(np.arctan2(views.eye[:, 0], views.eye[:, 2]))


@pytest.mark.parametrize("move", words.CAMERAS)
def test_views_are_what_they_say(move):
  views = _views(move)
  assert views.eye.shape == (21, 3)
  assert views.axes.shape == (21, 3, 3)
  assert views.eye.dtype == views.axes.dtype == np.float32
  square = views.axes.swapaxes(-1, -2) @ views.axes
  np.testing.assert_allclose(
    square, np.broadcast_to(np.eye(3), square.shape), atol=1e-6
  )
  np.testing.assert_allclose(np.linalg.det(views.axes), 1, atol=1e-5)
  # The horizon is level, and the eye above the ground.
  np.testing.assert_allclose(views.axes[:, 1, 0], 0, atol=1e-6)
  assert views.eye[:, 1].min() > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_still_camera_looks_at_the_middle_and_stays(seed):
  views = _views("still", seed)
  assert np.ptp(views.eye, axis=0).max() == 0
  assert np.ptp(views.axes, axis=0).max() == 0
  x, y, far = _shown(views).T
  np.testing.assert_allclose([x, y], 0.5, atol=1e-6)
  np.testing.assert_allclose(far, _distance(views), rtol=1e-6)


def test_right_is_right_up_is_up_and_far_is_small():
  views = _views("still")
  right = _shown(views, LOOK_AT + np.float32([0.5, 0, 0]))[0]
  above = _shown(views, LOOK_AT + np.float32([0, 0.5, 0]))[0]
  behind = _shown(views, LOOK_AT + np.float32([0.5, 0, -4]))[0]
  assert right[0] > 0.5
  assert right[1] == pytest.approx(0.5)
  assert above[1] < 0.5
  assert above[0] == pytest.approx(0.5)
  assert 0.5 < behind[0] < right[0]
  assert behind[2] > right[2] + 3


def test_a_point_at_the_edge_of_the_view_is_at_the_edge_of_the_frame():
  views = _views("still")
  edge = views.eye[0] + views.axes[0] @ [camera.HALF_VIEW, 0, -1]
  np.testing.assert_allclose(
    _shown(views, edge.astype(np.float32))[0], [1, 0.5, 1], atol=1e-5
  )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("move", "sign"), [("in", -1), ("out", 1)])
def test_zooms_change_the_distance_alone(move, sign, seed):
  views = _views(f"zooms {move}", seed)
  moved = sign * np.diff(_distance(views))
  assert (moved >= -1e-6).all()
  assert sign * (_distance(views)[-1] - _distance(views)[0]) > 2
  np.testing.assert_allclose(_shown(views)[:, :2], 0.5, atol=1e-6)
  np.testing.assert_allclose(_azimuth(views), 0, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("move", "sign"), [("left", 1), ("right", -1)])
def test_what_stands_goes_the_other_way_than_a_pan(move, sign, seed):
  views = _views(f"pans {move}", seed)
  x = sign * _shown(views)[:, 0]
  assert (np.diff(x) >= -1e-6).all()
  assert x[-1] - x[0] > 0.2
  # Where the camera looks goes with it, and it stays where it is.
  assert sign * (views.axes[-1] - views.axes[0])[0, 2] > 0.1
  assert np.ptp(views.eye, axis=0).max() == 0


def test_circling_goes_around_either_way():
  ways = set()
  for seed in range(8):
    views = _views("circles", seed)
    moved = np.diff(_azimuth(views))
    ways.add(np.sign(_azimuth(views)[-1]))
    assert (moved * np.sign(_azimuth(views)[-1]) >= -1e-4).all()
    assert 56 - 1e-3 <= abs(moved.sum()) <= 76 + 1e-3
    np.testing.assert_allclose(_distance(views), _distance(views)[0], rtol=1e-5)
    np.testing.assert_allclose(_shown(views)[:, :2], 0.5, atol=1e-5)
  assert ways == {-1, 1}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crane_goes_up_and_looks_down(seed):
  views = _views("cranes up", seed)
  assert (np.diff(views.eye[:, 1]) >= -1e-6).all()
  assert views.eye[-1, 1] - views.eye[0, 1] > 2
  np.testing.assert_allclose(_shown(views)[:, :2], 0.5, atol=1e-5)


@pytest.mark.parametrize("move", words.CAMERAS)
def test_other_rates_show_other_frames_of_the_same_move(move):
  coarse, fine = _views(move), _views(move, time=np.arange(41) / 8)
  np.testing.assert_array_equal(fine.eye[::2], coarse.eye)
  np.testing.assert_array_equal(fine.axes[::2], coarse.axes)


def test_the_seed_decides_where_a_camera_stands():
  one, again, other = (_views("still", seed).eye for seed in (3, 3, 4))
  np.testing.assert_array_equal(one, again)
  assert not np.array_equal(one, other)
