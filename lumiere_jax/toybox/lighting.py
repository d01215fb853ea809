"""What light makes of surfaces: ground, sky and things of a scene."""

import dataclasses

import numpy as np

from lumiere_jax.toybox import daylight
from lumiere_jax.toybox import looks
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import tracing


@dataclasses.dataclass(frozen=True)
class Empty:
  """The world without things, from one place.

  Attributes:
    far: [N] float32, distances; infinite in the sky.
    sky: [N, 3] linear light, right where the sky is.
    low: indices of the pixels that show the ground.
    points: [M, 3] world points of those.
    pattern: [M, 3] colour of the ground there.
    haze: [M, 1] share of them that is haze.
  """

  far: np.ndarray
  sky: np.ndarray
  low: np.ndarray
  points: np.ndarray
  pattern: np.ndarray
  haze: np.ndarray


class Surfaces:
  """Surfaces of one scene under its light.

  Attributes:
    colors: [3] linear colour of each thing.
    ground: the ground's pattern.
    world: what lights them.
    turn: [2, 2], by which the pattern is turned; x and z in rows.
    shift: [2] units by which it is moved then.
  """

  def __init__(self, scene: scenes.Scene):
    """Args: scene, of which things, ground, sky and seed are read."""
    rng = np.random.default_rng([scene.seed, 3])
    self._materials = [thing.material for thing in scene.things]
    self.colors = [looks.color(thing.color) for thing in scene.things]
    self.ground = looks.ground(scene.ground)
    self._light = looks.light(scene.sky)
    self.world = daylight.World(
      self._light, looks.ambient(scene.sky), self.ground.mean
    )
    self.shift = rng.uniform(0, 8, 2).astype(np.float32)
    angle = rng.uniform(-0.35, 0.35) + rng.choice((0.0, np.pi / 2))
    cos, sin = np.cos(angle), np.sin(angle)
    self.turn = np.array([[cos, -sin], [sin, cos]], np.float32)

  def empty(self, eye, ways: np.ndarray, pixel: float) -> Empty:
    """The world without things.

    Args:
      eye: [3] where it is seen from.
      ways: [N, 3] float32, directions.
      pixel: width of a pixel at distance 1.
    """
    length = np.sqrt(_dot(ways, ways))
    up = ways[:, 1] / length
    low = np.flatnonzero(up < -2e-3)
    reach = -eye[1] / ways[low, 1]
    points = eye + ways[low] * reach[:, None]
    far = np.full(len(ways), np.inf, np.float32)
    far[low] = reach * length[low]
    # A pixel sees a strip, longer than wide where it looks along the ground.
    width = far[low] * pixel / np.sqrt(-up[low])
    x, z = (points[:, (0, 2)] @ self.turn + self.shift).T
    return Empty(
      far=far,
      sky=looks.sky_color(self._light, up),
      low=low,
      points=points,
      pattern=self.ground.color(x, z, width),
      haze=daylight.haze(far[low]),
    )

  def lit(self, empty: Empty, bodies: list[tracing.Body]) -> np.ndarray:
    """Light [N, 3] of the ground, in the shadow of things, and of the sky."""
    sun = np.ones(len(empty.points), np.float32)
    sky = np.ones(len(empty.points), np.float32)
    for body in bodies:
      sun = np.minimum(sun, tracing.shadow(body, self._light, empty.points))
      sky *= daylight.sky_left(body.position - empty.points, body.radius)
    linear = empty.sky.copy()
    linear[empty.low] = self.world.ground(empty.pattern, empty.haze, sun, sky)
    return linear

  def shade(self, k: int, bodies, eye, ways, far) -> np.ndarray:
    """Light [N, 3] that comes from thing `k` along rays that meet it.

    Args:
      k: its number, from 0.
      bodies: all things.
      eye: [3] where the rays come from.
      ways: [N, 3] their directions.
      far: [N] how far they go.
    """
    body, points = bodies[k], eye + ways * far[:, None]
    inside = body.inside(points)
    normal = body.normals(inside)
    base = self.colors[k] * body.stripes(inside)[:, None]
    sun = np.maximum(normal @ self._light.sun, 0)
    outside = points + normal * np.float32(0.02)
    for other in bodies:
      if other is not body:
        sun = sun * tracing.shadow(other, self._light, outside)
    # Towards the ground it darkens, as where things touch.
    touch = np.minimum(points[:, 1] / (0.35 * body.radius), 1)[:, None]
    painted = base * self.world.diffuse(normal, sun, touch)
    if self._materials[k] == "matte":
      return painted
    out = (body.rotation @ inside).T
    return self.world.polished(base, painted, normal, out, ways, touch)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  return np.einsum("ni,ni->n", a, b)
