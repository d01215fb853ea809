"""Scenes as arrays of one form, so that many can be rendered at once.

What is hard to do for many at a time is done here, scene by scene: where each
thing is when, where the camera is, what lights it.  It takes 3 ms a clip, a
hundredth of what tracing its rays does; those `rendering` traces.
"""

from typing import NamedTuple

import numpy as np

from lumiere_jax.toybox import camera as cameras
from lumiere_jax.toybox import lighting
from lumiere_jax.toybox import looks
from lumiere_jax.toybox import motion
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import shapes
from lumiere_jax.toybox import words

MOST_THINGS = 3
SHAPES = tuple(shapes.DISTANCES)
GROUNDS = tuple(words.GROUNDS)


class Staged(NamedTuple):
  """A scene in T frames, of M things at most; float32 unless it says else.

  Attributes:
    position: [T, M, 3] of the things' centres.
    rotation: [T, M, 3, 3] from their own axes to the world's.
    radius: [M]; 0 where there is no thing.
    shape: [M] int32, number in `SHAPES`.
    color: [M, 3] linear.
    polished: [M] bool, whether it is of metal.
    eye: [T, 3] of the camera.
    axes: [T, 3, 3]; see `camera.Views`.
    sun: [3] direction.
    sky: [4, 3]: light of the sun, high and low sky, light from everywhere.
    softness: [] of shadows.
    ground: [] int32, number in `GROUNDS`.
    turn: [2, 2] of the ground's pattern; see `lighting.Surfaces`.
    shift: [2], likewise.
  """

  position: np.ndarray
  rotation: np.ndarray
  radius: np.ndarray
  shape: np.ndarray
  color: np.ndarray
  polished: np.ndarray
  eye: np.ndarray
  axes: np.ndarray
  sun: np.ndarray
  sky: np.ndarray
  softness: np.ndarray
  ground: np.ndarray
  turn: np.ndarray
  shift: np.ndarray


def stage(scene: scenes.Scene, *, num_frames: int, fps: float) -> Staged:
  """A scene's arrays; its style is left out."""
  time = np.arange(num_frames) / fps
  tracks, views = motion.tracks(scene, time), cameras.views(scene, time)
  surfaces, light = lighting.Surfaces(scene), looks.light(scene.sky)
  sky = [light.color, light.high, light.low, looks.ambient(scene.sky)]
  names = [SHAPES.index(thing.shape) for thing in scene.things]
  polished = [thing.material != "matte" for thing in scene.things]
  return Staged(
    position=_filled(tracks.position, 1),
    rotation=_filled(tracks.rotation, 1),
    radius=_filled(tracks.radius, 0),
    shape=_filled(np.array(names, np.int32), 0),
    color=_filled(np.stack(surfaces.colors), 0),
    polished=_filled(np.array(polished), 0),
    eye=views.eye,
    axes=views.axes,
    sun=light.sun,
    sky=np.stack(sky),
    softness=np.float32(light.softness),
    ground=np.int32(GROUNDS.index(scene.ground)),
    turn=surfaces.turn,
    shift=surfaces.shift,
  )


def _filled(x: np.ndarray, axis: int) -> np.ndarray:
  """Zeros for the things that are not there."""
  pads = [(0, 0)] * x.ndim
  pads[axis] = (0, MOST_THINGS - x.shape[axis])
  return np.pad(x, pads)
