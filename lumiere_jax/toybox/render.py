"""Scenes to pixels, frame by frame, in numpy.

The ground is a plane and is seen through its own filtered pattern, one ray a
pixel.  Where things are there are several rays a pixel, so that their edges
are smooth.
"""

import dataclasses
import functools

import numpy as np

from lumiere_jax.toybox import camera as cameras
from lumiere_jax.toybox import lighting
from lumiere_jax.toybox import looks
from lumiere_jax.toybox import motion
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import styles
from lumiere_jax.toybox import tracing

# Rays a frame's side, where things are: coarse frames need more a pixel.
_RAYS = 96


@dataclasses.dataclass(frozen=True, kw_only=True)
class Footage:
  """A clip and its truth.

  Attributes:
    frames: [T, S, S, 3] uint8.
    things: [T, S, S] uint8, the thing that covers most of the pixel, from 1;
      0 where nothing covers half of it.
    depth: [T, S, S] float32, units from the eye; infinite in the sky.
    centres: [T, n, 3] float32, of the things: x and y in the frame, from 0 at
      the top left to 1, and distance.
  """

  frames: np.ndarray
  things: np.ndarray
  depth: np.ndarray
  centres: np.ndarray


def footage(
  scene: scenes.Scene, size: int, *, num_frames: int = 80, fps: float = 16.0
) -> Footage:
  """Renders a scene.

  Args:
    scene: what to show.
    size: pixels of a frame's side.
    num_frames: number of frames.
    fps: frames a second; a whole action takes `motion.DURATION` seconds.
  """
  time = np.arange(num_frames) / fps
  tracks, views = motion.tracks(scene, time), cameras.views(scene, time)
  painter = _Painter(scene, size)
  layers = []
  for k in range(num_frames):
    bodies = [
      tracing.Body(
        thing.shape,
        tracks.position[k, i],
        tracks.rotation[k, i],
        float(tracks.radius[i]),
      )
      for i, thing in enumerate(scene.things)
    ]
    layers.append(painter.frame(views.eye[k], views.axes[k], bodies))
  frames, things, depth = (
    np.stack(layer) for layer in zip(*layers, strict=True)
  )
  return Footage(
    frames=frames,
    things=things,
    depth=depth,
    centres=views.project(tracks.position).astype(np.float32),
  )


class _Painter:
  """What stays the same from frame to frame."""

  def __init__(self, scene: scenes.Scene, size: int):
    self.scene, self.size = scene, size
    self.rays = rays_of(size)
    self.surfaces = lighting.Surfaces(scene)
    self._seen = None  # the empty world from where the camera was last

  def frame(self, eye, axes, bodies):
    """One frame [S, S, 3] uint8, the things in it, and depth."""
    empty = self.empty(eye, axes)
    linear = self.surfaces.lit(empty, bodies).reshape(self.size, self.size, 3)
    depth = empty.far.reshape(self.size, self.size).copy()
    things = np.zeros(depth.shape, np.uint8)
    rays = plane(self.size * self.rays)
    hits = tracing.trace(bodies, eye, axes, rays, self.rays)
    if hits is not None:
      self.put(hits, self.shade(hits, eye, bodies), linear, depth, things)
    if self.scene.style is None:
      return looks.to_pixels(linear), things, depth
    surfaces = self.surfaces
    drawn = styles.draw(
      self.scene.style, linear, things, surfaces.colors, surfaces.ground.mean
    )
    return drawn, things, depth

  def empty(self, eye, axes) -> lighting.Empty:
    """The world without things; the last one while the camera stays."""
    if self._seen is None or not (
      np.array_equal(eye, self._seen[0]) and np.array_equal(axes, self._seen[1])
    ):
      ways = plane(self.size).reshape(-1, 3) @ axes.T
      pixel = 2 * cameras.HALF_VIEW / self.size
      self._seen = eye, axes, self.surfaces.empty(eye, ways, pixel)
    return self._seen[2]

  def shade(self, hits: tracing.Hits, eye, bodies) -> np.ndarray:
    """Light [h, w, 3] that comes along the rays that meet something."""
    color = np.zeros((hits.which.size, 3), np.float32)
    for k in range(len(bodies)):
      at = np.flatnonzero(hits.which == k + 1)
      ways, far = hits.ways.reshape(-1, 3)[at], hits.far.ravel()[at]
      color[at] = self.surfaces.shade(k, bodies, eye, ways, far)
    return color.reshape(*hits.which.shape, 3)

  def put(self, hits: tracing.Hits, color, linear, depth, things) -> None:
    """Averages the rays of each pixel over what is behind them."""
    n = self.rays
    part = tuple(
      slice(s.start // n, s.stop // n) for s in (hits.rows, hits.columns)
    )
    # The rays of a pixel, one after the other: n * n views of every n-th.
    each = lambda x: [x[i::n, j::n] for i in range(n) for j in range(n)]
    count = lambda mask: sum(x.astype(np.float32) for x in each(mask)) / n**2
    shares = [count(hits.which == k + 1) for k in range(len(self.scene.things))]
    covered = sum(shares)
    linear[part] = (
      sum(each(color)) / n**2 + linear[part] * (1 - covered)[..., None]
    )
    which = np.where(covered > 0.5, np.argmax(shares, axis=0) + 1, 0)
    things[part] = which
    near = np.minimum.reduce(each(hits.far))
    depth[part] = np.where(which > 0, near, depth[part])


def rays_of(size: int) -> int:
  """Rays of a pixel's side where things are, in frames of `size` pixels."""
  return max(2, round(_RAYS / size))


@functools.lru_cache(maxsize=8)
def plane(side: int) -> np.ndarray:
  """[side, side, 3] float32 rays before the camera is turned."""
  line = (np.arange(side) + 0.5) / side * 2 - 1
  x, y = np.meshgrid(line, -line)
  half = cameras.HALF_VIEW
  rays = np.stack([x * half, y * half, np.full_like(x, -1)], -1)
  return rays.astype(np.float32)
