"""What light makes of surfaces: ground, sky and things of a scene."""

import dataclasses

import numpy as np

from lumiere_jax.toybox import looks
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import tracing

# Units at which half of the ground is haze.
_HAZE = 34.0
# The sun's light on what faces it, relative to the sky's.
_SUN = 1.25


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
  """

  def __init__(self, scene: scenes.Scene):
    """Args: scene, of which things, ground, sky and seed are read."""
    rng = np.random.default_rng([scene.seed, 3])
    self._materials = [thing.material for thing in scene.things]
    self.colors = [looks.color(thing.color) for thing in scene.things]
    self.ground = looks.ground(scene.ground)
    self._light = looks.light(scene.sky)
    self._ambient = looks.ambient(scene.sky)
    self._shift = rng.uniform(0, 8, 2).astype(np.float32)
    angle = rng.uniform(-0.35, 0.35) + rng.choice((0.0, np.pi / 2))
    cos, sin = np.cos(angle), np.sin(angle)
    self._turn = np.array([[cos, -sin], [sin, cos]], np.float32)
    direct = _SUN * self._light.color * self._light.sun[1]
    self._open_ground = self.ground.mean * (self._ambient + direct)

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
    x, z = (points[:, (0, 2)] @ self._turn + self._shift).T
    return Empty(
      far=far,
      sky=looks.sky_color(self._light, up),
      low=low,
      points=points,
      pattern=self.ground.color(x, z, width),
      haze=1 - np.exp2(-np.square(far[low] / _HAZE))[:, None],
    )

  def lit(self, empty: Empty, bodies: list[tracing.Body]) -> np.ndarray:
    """Light [N, 3] of the ground, in the shadow of things, and of the sky."""
    sun = np.ones(len(empty.points), np.float32)
    sky = np.ones(len(empty.points), np.float32)
    for body in bodies:
      sun = np.minimum(sun, tracing.shadow(body, self._light, empty.points))
      away = body.position - empty.points
      square = _dot(away, away)
      # What a ball hides of the sky above a point of the ground.
      hidden = away[:, 1] * body.radius**2 / (square * np.sqrt(square))
      sky *= 1 - np.minimum(0.9 * hidden, 0.85)
    direct = _SUN * self._light.sun[1] * self._light.color
    light = sun[:, None] * direct + sky[:, None] * self._ambient
    surface = empty.pattern * light
    linear = empty.sky.copy()
    linear[empty.low] = surface + (self._light.low - surface) * empty.haze
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
    diffuse = _SUN * sun[:, None] * self._light.color + self._around(normal)
    diffuse *= 0.55 + 0.45 * touch
    if self._materials[k] == "matte":
      return base * diffuse
    # Polished faces bulge a little, or those of a cube would each show one
    # spot of the world and look as dull as paint.
    out = (body.rotation @ inside).T
    bulged = normal + 0.7 * out / np.sqrt(_dot(out, out))[:, None]
    bulged /= np.sqrt(_dot(bulged, bulged))[:, None]
    return 0.3 * base * diffuse + self._mirrored(base, bulged, ways, touch)

  def _mirrored(self, base, normal, ways, touch) -> np.ndarray:
    """What metal shows: the world in its own colour, and the sun."""
    facing = _dot(ways, normal)[:, None]
    mirror = ways - 2 * facing * normal
    # Along its edges all metal is white (Schlick 1994, with another power).
    tint = base + (1 - base) * (0.03 + 0.25 * np.maximum(1 + facing, 0) ** 4)
    shine = np.maximum(mirror @ self._light.sun, 0)[:, None]
    spot = (1.6 * shine**32 + 0.15 * shine**8) * (self._light.color + 0.25)
    return 1.15 * tint * self._surroundings(mirror) * (0.6 + 0.4 * touch) + spot

  def _around(self, normal) -> np.ndarray:
    """Light [N, 3] from sky and ground on what faces so."""
    up = (0.5 + 0.5 * normal[:, 1])[:, None]
    bounced = 0.6 * self._open_ground
    return bounced + (self._ambient - bounced) * up

  def _surroundings(self, ways) -> np.ndarray:
    """What is in directions [N, 3]: sky above, ground below."""
    sky = looks.sky_color(self._light, np.maximum(ways[:, 1], 0))
    sky = sky + 0.5 * self._ambient
    # A bright band all around, as of a studio's lamps: metal shows what is
    # about it, and the open world has too little of that to be seen in it.
    band = np.exp(-np.square((ways[:, 1] - 0.38) / 0.13))[:, None]
    sky = sky + band * (0.9 * self._light.color + 0.5 * self._ambient)
    low = np.clip(-14 * ways[:, 1], 0, 1)[:, None]
    return sky + (0.8 * self._open_ground - sky) * low


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  return np.einsum("ni,ni->n", a, b)
