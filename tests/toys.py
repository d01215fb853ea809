"""Scenes of the toybox by a few words, and its shapes by hand."""

import math

import numpy as np

from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words

DEFAULTS = dict(action="still", camera="still", ground="snow", sky="day")


def thing(shape="ball", color="red", material="matte", size="medium"):
  """A thing of which only what matters is said."""
  return scenes.Thing(shape=shape, color=color, material=material, size=size)


def scene(*shapes, size="medium", **said):
  """A scene of things of these shapes, each of another colour."""
  things = tuple(
    thing(shape, color, size=size)
    for shape, color in zip(shapes or ("ball",), words.COLORS, strict=False)
  )
  return scenes.Scene(**DEFAULTS | {"things": things} | said)


def enacted(action, shape="ball", **said):
  """A scene of an action, with a second thing where it needs one."""
  paired = ("cube",) if action in words.PAIRED else ()
  return scene(shape, *paired, action=action, **said)


def support(shape, way):
  """How far a shape reaches in directions [..., 3], by its own geometry."""
  x, y, z = np.moveaxis(np.abs(way), -1, 0)
  if shape == "ball":
    return np.full(x.shape, 0.95)
  if shape == "cube":
    return 0.68 * (x + y + z) + 0.04
  if shape == "cylinder":
    return 0.68 * np.hypot(x, z) + 0.81 * y + 0.04
  if shape == "cone":
    tip = 0.95 * way[..., 1]
    return np.maximum(tip, 0.9 * np.hypot(x, z) - tip)
  if shape == "ring":
    return 0.72 * np.hypot(x, y) + 0.32
  if shape == "diamond":
    return np.max([0.95 * x, 1.15 * y, 0.95 * z], axis=0)
  angle = 2 * math.pi / 5 * np.arange(5)
  tips = np.stack([np.sin(angle), np.cos(angle)])
  return 1.15 * (way[..., :2] @ tips).max(-1) + 0.3 * z
