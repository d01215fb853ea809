"""Where a scene is seen from: a pinhole camera that may move."""

from collections.abc import Callable
import dataclasses

import numpy as np

from lumiere_jax.toybox import motion
from lumiere_jax.toybox import scene as scenes

# Half of the frame's height at distance 1.
HALF_VIEW = float(np.tan(np.radians(18.0)))
_DISTANCE = 6.2
_LOOK_AT = (0.0, 0.85, 0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Views:
  """The camera along time.

  Attributes:
    eye: [T, 3] float32, where it is.
    axes: [T, 3, 3] float32; columns are right, up and backwards.
  """

  eye: np.ndarray
  axes: np.ndarray

  def project(self, points: np.ndarray) -> np.ndarray:
    """[T, n, 3] -> [T, n, 3]: x and y in the frame, 0 to 1, and distance."""
    apart = points - self.eye[:, None]
    seen = np.einsum("tni,tij->tnj", apart, self.axes)
    far = -seen[..., 2]
    scale = 0.5 / (HALF_VIEW * np.maximum(far, 1e-3))
    return np.stack(
      [0.5 + seen[..., 0] * scale, 0.5 - seen[..., 1] * scale, far], -1
    )


def views(scene: scenes.Scene, time: np.ndarray) -> Views:
  """The camera of a scene at [T] seconds."""
  rng = np.random.default_rng([scene.seed, 2])
  u = np.clip(time / motion.DURATION, 0, 1)
  u = u + rng.uniform(0.0, 1.0) * (u * u * (3 - 2 * u) - u)
  pose = _Pose(
    distance=_DISTANCE * rng.uniform(0.96, 1.04),
    elevation=np.radians(rng.uniform(9.0, 13.0)),
  )
  return _MOVES[scene.camera](pose, u, rng)


@dataclasses.dataclass(frozen=True)
class _Pose:
  """Where the camera is: each a number, or [T] numbers."""

  distance: np.ndarray | float
  elevation: np.ndarray | float
  azimuth: np.ndarray | float = 0.0
  aside: np.ndarray | float = 0.0  # where it looks, beside the middle

  def at(self, u: np.ndarray, **changed) -> Views:
    pose = dataclasses.replace(self, **changed)
    spread = lambda *xyz: np.stack(
      [np.broadcast_to(value, u.shape) for value in xyz], -1
    )
    flat = np.cos(pose.elevation)
    away = spread(
      np.sin(pose.azimuth) * flat,
      np.sin(pose.elevation),
      np.cos(pose.azimuth) * flat,
    )
    eye = np.asarray(_LOOK_AT) + np.asarray(pose.distance)[..., None] * away
    target = np.asarray(_LOOK_AT) + spread(pose.aside, 0.0, 0.0)
    back = _unit(eye - target)
    right = _unit(np.cross((0.0, 1.0, 0.0), back))
    axes = np.stack([right, np.cross(back, right), back], -1)
    return Views(eye=eye.astype(np.float32), axes=axes.astype(np.float32))


def _unit(x: np.ndarray) -> np.ndarray:
  return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _between(u: np.ndarray, first: float, last: float) -> np.ndarray:
  return first + (last - first) * u


def _still(pose: _Pose, u, rng) -> Views:
  return pose.at(u)


def _zoom(first: float, last: float) -> Callable:
  def zoom(pose, u, rng):
    strength = rng.uniform(0.85, 1.1)
    scale = 1 + strength * (_between(u, first, last) - 1)
    return pose.at(u, distance=pose.distance * scale)

  return zoom


def _pan(sign: float) -> Callable:
  def pan(pose, u, rng):
    reach = rng.uniform(0.75, 1.0)
    return pose.at(u, aside=_between(u, -sign * reach, sign * reach))

  return pan


def _circle(pose: _Pose, u, rng) -> Views:
  reach = rng.choice((-1, 1)) * np.radians(rng.uniform(28.0, 38.0))
  return pose.at(u, azimuth=_between(u, -reach, reach))


def _crane(pose: _Pose, u, rng) -> Views:
  high = np.radians(rng.uniform(32.0, 40.0))
  return pose.at(u, elevation=_between(u, np.radians(5.0), high))


_MOVES = {
  "still": _still,
  "zooms in": _zoom(1.12, 0.72),
  "zooms out": _zoom(0.75, 1.2),
  "pans left": _pan(-1.0),
  "pans right": _pan(1.0),
  "circles": _circle,
  "cranes up": _crane,
}
