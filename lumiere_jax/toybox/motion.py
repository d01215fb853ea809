"""Where things are when: what each action looks like.

Axes of the world: x to the right, y up, z towards the camera; the ground is
y = 0.  Things keep to the ground by the shape they have, so that a cube that
rolls goes up and down on its edges.  Lengths are in units of which about four
fit into a frame, times in seconds.
"""

from collections.abc import Callable
import dataclasses

import numpy as np

from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import shapes

RADIUS = {"small": 0.48, "medium": 0.7, "large": 1.0}
# Length of a clip that shows an action from its beginning to its end.
DURATION = 5.0
_GRAVITY = 7.0
# Between things that nothing brings together.
_GAP = 0.12
_ATTEMPTS = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tracks:
  """The things of a scene along time.

  Attributes:
    position: [T, n, 3] float32, of their centres.
    rotation: [T, n, 3, 3] float32, from their own axes to the world's.
    radius: [n] float32, units of the world in one of the shape's.
  """

  position: np.ndarray
  rotation: np.ndarray
  radius: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Body:
  """A thing that is to be moved: its shape, size and the way it faces."""

  shape: str
  radius: float
  yaw: float

  def lift(self, rotation: np.ndarray) -> np.ndarray:
    """Height of its centre when it stands on the ground."""
    return self.radius * shapes.heights(self.shape, rotation)

  @property
  def reach(self) -> float:
    """How far it is from its centre to its side."""
    return self.radius


# Position [T, 3] and rotation [T, 3, 3] of each thing that an action moves.
_Path = tuple[np.ndarray, np.ndarray]


def tracks(scene: scenes.Scene, time: np.ndarray) -> Tracks:
  """Moves the things of a scene.

  Args:
    scene: whose.
    time: [T] seconds of the frames, from 0.
  """
  rng = np.random.default_rng([scene.seed, 1])
  bodies = [_body(thing, rng) for thing in scene.things]
  act = _ACTIONS[scene.action]
  others = len(bodies) - (2 if act in _PAIRED else 1)
  for _ in range(_ATTEMPTS):
    paths = act(bodies, time, rng)
    stood = _stand_beside(paths, bodies, time, rng)
    if len(stood) == others:
      break
  while len(stood) < others:  # no room: at the back, one beside the other
    body = bodies[len(paths) + len(stood)]
    place = (1.6 - 3.2 * len(stood), -2.6)
    stood.append(_standing(body, place, time))
  paths = [*paths, *stood]
  return Tracks(
    position=np.stack([p for p, _ in paths], 1).astype(np.float32),
    rotation=np.stack([r for _, r in paths], 1).astype(np.float32),
    radius=np.array([body.radius for body in bodies], np.float32),
  )


def turn(axis: str, angle: np.ndarray | float) -> np.ndarray:
  """Rotations [..., 3, 3] about the x, y or z axis."""
  i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
  angle = np.asarray(angle, np.float64)
  found = np.zeros((*angle.shape, 3, 3)) + np.eye(3)
  found[..., i, i] = found[..., j, j] = np.cos(angle)
  found[..., i, j], found[..., j, i] = -np.sin(angle), np.sin(angle)
  return found


def _body(thing: scenes.Thing, rng: np.random.Generator) -> _Body:
  # What is flat shows its face, or it would look like something else.
  most = 0.45 if thing.shape in ("ring", "star") else np.pi
  return _Body(
    shape=thing.shape,
    radius=RADIUS[thing.size] * rng.uniform(0.95, 1.05),
    yaw=rng.uniform(-most, most),
  )


def _place(body: _Body, x, y, z, rotation: np.ndarray) -> _Path:
  """A path; `y` is how high above the ground it is."""
  up = body.lift(rotation) + y
  shape = rotation.shape[:1]
  spread = [np.broadcast_to(value, shape) for value in (x, up, z)]
  return np.stack(spread, -1), rotation


def _upright(body: _Body, time: np.ndarray) -> np.ndarray:
  return np.broadcast_to(turn("y", body.yaw), (len(time), 3, 3))


def _standing(body: _Body, place, time: np.ndarray) -> _Path:
  return _place(body, place[0], 0.0, place[1], _upright(body, time))


def _spot(rng: np.random.Generator) -> tuple[float, float]:
  return rng.uniform(-0.7, 0.7), rng.uniform(-0.5, 0.6)


def _progress(time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """From 0 to 1: steadily, or more or less slowly at both ends."""
  u = np.clip(time / DURATION, 0, 1)
  eased = u * u * (3 - 2 * u)
  return u + rng.uniform(0.0, 1.0) * (eased - u)


def _still(bodies, time, rng) -> list[_Path]:
  return [_standing(bodies[0], _spot(rng), time)]


def _roll(sign: float) -> Callable:
  def roll(bodies, time, rng):
    body, reach = bodies[0], rng.uniform(1.15, 1.5)
    x = sign * reach * (2 * _progress(time, rng) - 1)
    # One turn of what rolls is its circumference.
    angle = -(x - x[0]) / body.radius
    rotation = turn("z", angle) @ turn("y", _tilt(body))
    return [_place(body, x, 0.0, rng.uniform(-0.4, 0.6), rotation)]

  return roll


def _tilt(body: _Body) -> float:
  """What tumbles faces the camera, nearly: seen from there it turns flat."""
  return float(np.clip(body.yaw, -0.35, 0.35))


def _bounce(bodies, time, rng) -> list[_Path]:
  body, (x, z) = bodies[0], _spot(rng)
  y = _bounces(time, rng.uniform(1.3, 1.9), rng.uniform(0.88, 0.96))
  return [_place(body, x, y, z, _upright(body, time))]


def _bounces(time, height: float, kept: float) -> np.ndarray:
  """Height above the ground of what was dropped, by `kept` speed a bounce."""
  start, speed = np.sqrt(2 * height / _GRAVITY), 0.0
  y = height - _GRAVITY * time**2 / 2
  landed, speed = start, np.sqrt(2 * height * _GRAVITY) * kept
  while landed < time.max() and speed > 0.05:
    since = time - landed
    y = np.where(since >= 0, speed * since - _GRAVITY * since**2 / 2, y)
    landed, speed = landed + 2 * speed / _GRAVITY, speed * kept
  if speed <= 0.05:
    y = np.where(time >= landed, 0.0, y)
  return np.maximum(y, 0.0)


def _slide(sign: float) -> Callable:
  def slide(bodies, time, rng):
    body, far = bodies[0], rng.uniform(-3.2, -2.2)
    near, x = rng.uniform(1.3, 1.9), rng.uniform(-0.6, 0.6)
    u = _progress(time, rng)
    z = far + (near - far) * (u if sign > 0 else 1 - u)
    return [_place(body, x, 0.0, z, _upright(body, time))]

  return slide


def _rise(bodies, time, rng) -> list[_Path]:
  body, (x, z) = bodies[0], _spot(rng)
  u = np.clip((time - rng.uniform(0, 0.8)) / rng.uniform(3.2, 4.2), 0, 1)
  y = rng.uniform(1.3, 1.8) * u * u * (3 - 2 * u)
  return [_place(body, x, y, z, _upright(body, time))]


def _fall(bodies, time, rng) -> list[_Path]:
  body, (x, z) = bodies[0], _spot(rng)
  since = np.maximum(time - rng.uniform(0.3, 1.5), 0)
  # Slower than a stone, so that some frames show it in the air.
  y = _bounces(since * 0.75, rng.uniform(2.1, 2.6), 0.3)
  return [_place(body, x, y, z, _upright(body, time))]


def _spin(bodies, time, rng) -> list[_Path]:
  body, way = bodies[0], rng.choice((-1, 1))
  angle = body.yaw + way * rng.uniform(0.45, 0.8) * 2 * np.pi * time
  x, z = _spot(rng)
  return [_place(body, x, 0.0, z, turn("y", angle))]


def _orbit(bodies, time, rng) -> list[_Path]:
  actor, other = bodies[:2]
  x, z = rng.uniform(-0.25, 0.25), rng.uniform(-0.6, 0.0)
  away = actor.reach + other.reach + rng.uniform(0.1, 0.3)
  way = rng.choice((-1, 1)) * rng.uniform(0.24, 0.4) * 2 * np.pi
  angle = rng.uniform(0, 2 * np.pi) + way * time
  path = _place(
    actor,
    x + away * np.sin(angle),
    0.0,
    z + away * np.cos(angle),
    _upright(actor, time),
  )
  return [path, _standing(other, (x, z), time)]


def _knock(bodies, time, rng) -> list[_Path]:
  """One comes and stops where it hits the other, which takes its speed."""
  actor, other = bodies[:2]
  way, z = rng.choice((-1, 1)), rng.uniform(-0.3, 0.5)
  there = rng.uniform(-0.3, 0.1)  # where the other stands, behind the middle
  hit_at = there - 0.9 * (actor.reach + other.reach)
  begin, when = min(-1.4, hit_at - 0.7), rng.uniform(1.4, 2.2)
  first = begin + (hit_at - begin) * np.minimum(time / when, 1)
  since, far = np.maximum(time - when, 0), rng.uniform(1.2, 1.5) - there
  gone = far * (1 - np.exp(-rng.uniform(1.0, 1.6) * since))
  return [
    _pushed(actor, way, first, first - begin, z),
    _pushed(other, way, there + gone, gone, z),
  ]


def _pushed(body: _Body, way: float, x, gone, z: float) -> _Path:
  """Rolls what is round; all else keeps upright and slides."""
  rotation = turn("y", np.full(x.shape, body.yaw))
  if body.shape in ("ball", "ring"):
    rotation = turn("z", -way * gone / body.radius) @ turn("y", _tilt(body))
  return _place(body, way * x, 0.0, z, rotation)


_ACTIONS = {
  "still": _still,
  "rolls left": _roll(-1.0),
  "rolls right": _roll(1.0),
  "bounces": _bounce,
  "slides towards": _slide(1.0),
  "slides away": _slide(-1.0),
  "rises": _rise,
  "falls": _fall,
  "spins": _spin,
  "orbits": _orbit,
  "knocks": _knock,
}
_PAIRED = (_orbit, _knock)


def _stand_beside(paths, bodies, time, rng) -> list[_Path]:
  """Places for those that nothing moves, as many as there is room for."""
  taken = [
    (path[:, (0, 2)], body.reach)
    for (path, _), body in zip(paths, bodies, strict=False)
  ]
  stood = []
  for body in bodies[len(paths) :]:
    for _ in range(20):
      place = rng.uniform(-1.45, 1.45), rng.uniform(-1.5, 0.7)
      if all(_is_clear(place, body, *other) for other in taken):
        break
    else:
      break
    stood.append(_standing(body, place, time))
    taken.append((np.array([place]), body.reach))
  return stood


def _is_clear(place, body: _Body, path: np.ndarray, reach: float) -> bool:
  """Whether nothing meets on the ground, nor hides the other for long."""
  apart = path - np.asarray(place)
  if (np.hypot(*apart.T) < body.reach + reach + _GAP).any():
    return False
  # As seen from where the camera is, about six units away.
  sideways = path[:, 0] / (6.2 - path[:, 1]) - place[0] / (6.2 - place[1])
  hidden = np.abs(sideways) * 6.2 < 0.75 * (body.reach + reach)
  return hidden.mean() < 0.5
