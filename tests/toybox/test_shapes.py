import math

import numpy as np
import pytest
import toys

from lumiere_jax.toybox import motion
from lumiere_jax.toybox import shapes
from lumiere_jax.toybox import words

NAMES = tuple(shapes.DISTANCES)
# Points on each surface, by the geometry of the shape.
_NOTCH = [0.52 * math.sin(math.pi / 5), 0.52 * math.cos(math.pi / 5), 0.1]
SURFACE = {
  "ball": [[0.95, 0, 0], [0, -0.95, 0], [0.57, 0, 0.76]],
  "cube": [[0.72, 0.3, 0.1], [0, -0.72, 0], [0.2, 0.5, 0.72]],
  "cylinder": [[0.72, 0.2, 0], [0, 0.85, 0], [0.432, -0.5, 0.576]],
  "cone": [[0, 0.95, 0], [0.45, 0, 0], [0.3, -0.95, 0]],
  "ring": [[1.04, 0, 0], [0.4, 0, 0], [0.72, 0, 0.32]],
  "star": [[0, 1.15, 0], [0, 0, 0.3], _NOTCH],
  "diamond": [[0.95, 0, 0], [0, 1.15, 0], [0.475, 0, 0.475]],
}
# How high each stands, upright; a star on two of its tips.
UPRIGHT = {
  "ball": 0.95,
  "cube": 0.72,
  "cylinder": 0.85,
  "cone": 0.95,
  "ring": 1.04,
  "star": 1.15 * math.cos(math.pi / 5),
  "diamond": 1.15,
}
# A star is found by rays that seldom meet its tips.
SUNK = dict.fromkeys(NAMES, 0.05) | {"ball": 0.005, "star": 0.1}


def _column(*points):
  return np.array(points, np.float32).T


def _spread(count, far, seed=0):
  """Points [3, N] all over a cube that holds every shape."""
  rng = np.random.default_rng(seed)
  return rng.uniform(-far, far, (3, count)).astype(np.float32)


def test_all_that_has_a_name_has_a_shape():
  assert {*words.SHAPES} == {*NAMES} == {*shapes.BOUND}


@pytest.mark.parametrize("shape", NAMES)
def test_it_is_negative_inside_zero_on_the_surface_and_positive_outside(shape):
  distance, surface = shapes.DISTANCES[shape], _column(*SURFACE[shape])
  np.testing.assert_allclose(distance(surface), 0, atol=1e-6)
  # The middle of a ring is a hole, that of its tube is not.
  centre = _column([0.72, 0, 0]) if shape == "ring" else _column([0, 0, 0])
  assert distance(centre) < -0.25
  assert (distance(centre + 0.9 * (surface - centre)) < 0).all()
  assert (distance(centre + 1.1 * (surface - centre)) > 0).all()


def test_a_ring_has_a_hole():
  np.testing.assert_allclose(shapes.ring(_column([0, 0, 0])), 0.4, atol=1e-6)


@pytest.mark.parametrize("shape", NAMES)
@pytest.mark.parametrize("near", [2.0, 0.3, 0.03])
def test_it_never_says_that_a_surface_is_farther_than_it_is(shape, near):
  distance, p = shapes.DISTANCES[shape], _spread(20_000, 1.6)
  q = p + near * _spread(20_000, 1.0, seed=1)
  apart = np.linalg.norm(p - q, axis=0)
  assert (np.abs(distance(p) - distance(q)) <= apart + 1e-6).all()


@pytest.mark.parametrize("shape", NAMES)
def test_its_bound_holds_it(shape):
  hull, bound = shapes.hull(shape), shapes.BOUND[shape]
  far = np.linalg.norm(hull, axis=0)
  assert hull.shape[1] > 1000
  assert far.max() <= bound + 1e-5
  assert far.max() > 0.97 * bound
  way = _spread(20_000, 1.0)
  way *= np.float32(1.001 * bound) / np.linalg.norm(way, axis=0)
  assert (shapes.DISTANCES[shape](way) > 0).all()


def test_a_ball_faces_away_from_its_centre():
  want = _spread(1000, 1.0)
  want /= np.linalg.norm(want, axis=0)
  found = shapes.normals(shapes.ball, want * np.float32(0.95))
  np.testing.assert_allclose(found, want, atol=2e-3)


@pytest.mark.parametrize(
  ("shape", "point", "way"),
  [
    ("cube", [0.3, -0.2, 0.72], [0, 0, 1]),
    ("cylinder", [0.2, 0.85, 0.1], [0, 1, 0]),
    ("cone", [0.45, 0, 0], [1.9, 0.9, 0]),
    ("ring", [0.4, 0, 0], [-1, 0, 0]),
    ("star", [0.1, 0.2, 0.3], [0, 0, 1]),
    ("diamond", [0.3, 0.42368, -0.3], [1.15, 0.95, -1.15]),
  ],
  ids=lambda value: value if isinstance(value, str) else "",
)
def test_faces_face_where_they_should(shape, point, way):
  found = shapes.normals(shapes.DISTANCES[shape], _column(point))[:, 0]
  np.testing.assert_allclose(found, way / np.linalg.norm(way), atol=2e-3)


@pytest.mark.parametrize("shape", NAMES)
def test_it_stands_as_high_as_it_is(shape):
  found = shapes.heights(shape, np.eye(3))
  np.testing.assert_allclose(found, UPRIGHT[shape], atol=0.015)


@pytest.mark.parametrize("axis", ["x", "z"])
def test_a_cube_on_its_edge_stands_higher(axis):
  angles = np.radians([0, 45, 90])
  # Its edges are rounded by 0.04.
  want = [0.72, 0.68 * math.sqrt(2) + 0.04, 0.72]
  found = shapes.heights("cube", motion.turn(axis, angles))
  np.testing.assert_allclose(found, want, atol=1e-3)


def test_a_ball_stands_as_high_however_it_is_turned():
  angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (3, 50))
  x, y, z = map(motion.turn, "xyz", angles)
  np.testing.assert_allclose(shapes.heights("ball", x @ y @ z), 0.95, atol=4e-3)


@pytest.mark.parametrize("shape", NAMES)
def test_what_tumbles_keeps_to_the_ground(shape):
  around = motion.turn("z", np.linspace(0, 2 * np.pi, 60))
  for tilt in (-0.35, 0.0, 0.2):
    rotation = around @ motion.turn("y", tilt)
    sunk = toys.support(shape, -rotation[:, 1]) - shapes.heights(
      shape, rotation
    )
    assert sunk.min() > -1e-3
    assert sunk.max() < SUNK[shape]


def test_what_does_not_turn_is_measured_once_and_the_same():
  one = motion.turn("y", 0.7)
  found = shapes.heights("diamond", np.broadcast_to(one, (5, 3, 3)))
  assert found.shape == (5,)
  np.testing.assert_array_equal(found, shapes.heights("diamond", one))
