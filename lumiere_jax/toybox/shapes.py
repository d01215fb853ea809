"""Shapes as signed distance functions, all about one unit from middle to end.

A distance function takes points [3, N] float32 in the thing's own axes (y is
up) and returns [N] float32, at most the distance to the surface and negative
inside: rays may be stepped by it (sphere tracing, Hart 1996).  Coordinates
come first because each is computed with by itself.  What is given is computed
with by the library that it is an array of: numpy here, jax in `rendering`.
"""

from collections.abc import Callable
import functools
import math

import numpy as np

Distance = Callable[[np.ndarray], np.ndarray]

_BALL = 0.95
_CUBE = 0.72
_CYLINDER = (0.72, 0.85)  # radius, half height
_CONE = (0.9, 0.95)  # radius at the bottom, half height
_RING = (0.72, 0.32)  # radii of the circle and of the tube
_STAR = (1.15, 0.52, 0.3)  # outer and inner radius, half thickness
_DIAMOND = (0.95, 1.15)  # half width, half height
_ROUND = 0.04


def ball(p: np.ndarray) -> np.ndarray:
  """A sphere."""
  return _length(*p) - _BALL


def cube(p: np.ndarray) -> np.ndarray:
  """A box of equal sides, its edges rounded a little."""
  xp = p.__array_namespace__()
  q = xp.abs(p) - (_CUBE - _ROUND)
  inner = xp.maximum(xp.maximum(q[0], q[1]), q[2])
  return _length(*xp.maximum(q, 0)) + xp.minimum(inner, 0) - _ROUND


def cylinder(p: np.ndarray) -> np.ndarray:
  """An upright cylinder, its edges rounded a little."""
  xp = p.__array_namespace__()
  radius, half = _CYLINDER
  side = _length(p[0], p[2]) - (radius - _ROUND)
  cap = xp.abs(p[1]) - (half - _ROUND)
  outside = _length(xp.maximum(side, 0), xp.maximum(cap, 0))
  return outside + xp.minimum(xp.maximum(side, cap), 0) - _ROUND


def cone(p: np.ndarray) -> np.ndarray:
  """An upright cone."""
  xp = p.__array_namespace__()
  radius, half = _CONE
  slope = radius / (2 * half)
  side = _length(p[0], p[2]) - slope * (half - p[1])
  return xp.maximum(side / math.hypot(1, slope), -p[1] - half)


def ring(p: np.ndarray) -> np.ndarray:
  """A torus that stands on its edge and faces along z."""
  radius, tube = _RING
  return _length(_length(p[0], p[1]) - radius, p[2]) - tube


def star(p: np.ndarray) -> np.ndarray:
  """A five-pointed star that faces along z."""
  xp = p.__array_namespace__()
  outer, inner, half = _STAR
  fifth = 2 * math.pi / 5
  angle = xp.arctan2(p[0], p[1])
  # All ten half points are one, folded over one another.
  angle = xp.abs(angle - fifth * xp.round(angle / fifth))
  out = _length(p[0], p[1])
  x, y = out * xp.sin(angle), out * xp.cos(angle)
  # From the tip (0, outer) to the notch beside it.
  right = inner * math.sin(fifth / 2)
  down = outer - inner * math.cos(fifth / 2)
  side = ((y - outer) * right + x * down) / math.hypot(right, down)
  return xp.maximum(side, xp.abs(p[2]) - half)


def diamond(p: np.ndarray) -> np.ndarray:
  """Two pyramids, base to base."""
  xp = p.__array_namespace__()
  width, height = _DIAMOND
  x, y, z = xp.abs(p)
  scale = 1 / math.sqrt(2 / width**2 + 1 / height**2)
  return ((x + z) * (scale / width) + y * (scale / height)) - scale


DISTANCES: dict[str, Distance] = {
  "ball": ball,
  "cube": cube,
  "cylinder": cylinder,
  "cone": cone,
  "ring": ring,
  "star": star,
  "diamond": diamond,
}


# Radius of a sphere that holds the shape.
BOUND = {
  "ball": _BALL,
  "cube": _CUBE * math.sqrt(3),
  "cylinder": math.hypot(*_CYLINDER),
  "cone": math.hypot(*_CONE),
  "ring": sum(_RING),
  "star": math.hypot(_STAR[0], _STAR[2]),
  "diamond": max(_DIAMOND),
}


def normals(distance: Distance, p: np.ndarray) -> np.ndarray:
  """Directions [3, N] in which the distance grows, by differences."""
  step = np.float32(2e-3)
  corners = np.array(
    [[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32
  )
  found = 0 * p
  for corner in corners[..., None]:
    found = found + corner * distance(p + step * corner)
  return found / p.__array_namespace__().maximum(_length(*found), 1e-8)


@functools.cache
def hull(shape: str) -> np.ndarray:
  """[3, N] float32 points on the surface, enough to stand on."""
  rng = np.random.default_rng(0)
  way = rng.normal(size=(3, 4000)).astype(np.float32)
  way /= _length(*way)
  distance = DISTANCES[shape]
  # From outside inwards; where there is a hole nothing is met.
  point = way * np.float32(1.05 * BOUND[shape])
  for _ in range(60):
    point = point - way * (0.7 * distance(point))
  return point[:, np.abs(distance(point)) < 1e-2]


def heights(shape: str, rotation: np.ndarray) -> np.ndarray:
  """How far the centre is above the ground on which the shape stands.

  Args:
    shape: its name.
    rotation: [..., 3, 3], from its own axes to the world's.

  Returns:
    [...] float32, in its own units.
  """
  if rotation.strides[0] == 0:  # the same all the time
    return np.broadcast_to(
      heights(shape, rotation[:1].copy()), rotation.shape[:-2]
    )
  down = rotation[..., 1, :].astype(np.float32)
  return -(down @ hull(shape)).min(-1)


def _length(*x: np.ndarray) -> np.ndarray:
  return x[0].__array_namespace__().sqrt(sum(one * one for one in x))
