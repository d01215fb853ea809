"""What light makes of a surface, whoever found out where the surface is.

Formulas alone: what is computed with is numpy's where `render` does it and
jax's where `rendering` does, as in `shapes`.
"""

import dataclasses

import numpy as np

from lumiere_jax.toybox import looks

# Units at which half of the ground is haze.
_HAZE = 34.0
# The sun's light on what faces it, relative to the sky's.
_SUN = 1.25


@dataclasses.dataclass(frozen=True)
class World:
  """Light from all around, and what it makes of a surface.

  Attributes:
    light: the sky's.
    ambient: [3] light from everywhere.
    mean: [3] mean colour of the ground.
  """

  light: looks.Light
  ambient: np.ndarray
  mean: np.ndarray

  @property
  def open_ground(self) -> np.ndarray:
    """[3] light that the ground sends up where nothing shades it."""
    return self.mean * (self.ambient + self._direct)

  def ground(self, pattern, haze, sun, sky) -> np.ndarray:
    """Light [N, 3] of the ground.

    Args:
      pattern: [N, 3] its colour.
      haze: [N, 1] share of it that is haze.
      sun: [N] share of the sun that shines there.
      sky: [N] share of the sky that is seen from there.
    """
    lit = sun[:, None] * self._direct + sky[:, None] * self.ambient
    surface = pattern * lit
    return surface + (self.light.low - surface) * haze

  def diffuse(self, normal, sun, touch) -> np.ndarray:
    """Light [N, 3] that falls on a thing.

    Args:
      normal: [N, 3] where its surface faces.
      sun: [N] how much of the sun it gets.
      touch: [N, 1] from 0 on the ground to 1 above it, where it is lighter.
    """
    around = self._around(normal)
    light = _SUN * sun[:, None] * self.light.color + around
    return light * (0.55 + 0.45 * touch)

  def polished(self, base, painted, normal, out, ways, touch) -> np.ndarray:
    """Light [N, 3] that comes from metal.

    Args:
      base: [N, 3] its colour.
      painted: [N, 3] the light that would come from it if it were matte.
      normal: [N, 3] where it faces.
      out: [N, 3] from its middle to there, of any length.
      ways: [N, 3] directions in which it is seen.
      touch: as in `diffuse`.
    """
    # Polished faces bulge a little, or those of a cube would each show one
    # spot of the world and look as dull as paint.
    bulged = _unit(normal + 0.7 * _unit(out))
    return 0.3 * painted + self._mirrored(base, bulged, ways, touch)

  @property
  def _direct(self) -> np.ndarray:
    """[3] light of the sun on the ground."""
    return _SUN * self.light.sun[1] * self.light.color

  def _mirrored(self, base, normal, ways, touch) -> np.ndarray:
    """What metal shows: the world in its own colour, and the sun."""
    xp = ways.__array_namespace__()
    facing = _dot(ways, normal)[:, None]
    mirror = ways - 2 * facing * normal
    # Along its edges all metal is white (Schlick 1994, with another power).
    tint = base + (1 - base) * (0.03 + 0.25 * xp.maximum(1 + facing, 0) ** 4)
    shine = xp.maximum(mirror @ self.light.sun, 0)[:, None]
    spot = (1.6 * shine**32 + 0.15 * shine**8) * (self.light.color + 0.25)
    return 1.15 * tint * self._surroundings(mirror) * (0.6 + 0.4 * touch) + spot

  def _around(self, normal) -> np.ndarray:
    """Light [N, 3] from sky and ground on what faces so."""
    up = (0.5 + 0.5 * normal[:, 1])[:, None]
    bounced = 0.6 * self.open_ground
    return bounced + (self.ambient - bounced) * up

  def _surroundings(self, ways) -> np.ndarray:
    """What is in directions [N, 3]: sky above, ground below."""
    xp = ways.__array_namespace__()
    sky = looks.sky_color(self.light, xp.maximum(ways[:, 1], 0))
    sky = sky + 0.5 * self.ambient
    # A bright band all around, as of a studio's lamps: metal shows what is
    # about it, and the open world has too little of that to be seen in it.
    band = xp.exp(-xp.square((ways[:, 1] - 0.38) / 0.13))[:, None]
    sky = sky + band * (0.9 * self.light.color + 0.5 * self.ambient)
    low = xp.clip(-14 * ways[:, 1], 0, 1)[:, None]
    return sky + (0.8 * self.open_ground - sky) * low


def haze(far) -> np.ndarray:
  """Share [N, 1] that is haze of what is [N] units away."""
  xp = far.__array_namespace__()
  return 1 - xp.exp2(-xp.square(far / _HAZE))[:, None]


def sky_left(away, radius) -> np.ndarray:
  """Share [N] of the sky that a ball leaves to points of the ground.

  Args:
    away: [N, 3] from them to its middle.
    radius: of it.
  """
  xp = away.__array_namespace__()
  square = _dot(away, away)
  hidden = away[:, 1] * radius**2 / (square * xp.sqrt(square))
  return 1 - xp.minimum(0.9 * hidden, 0.85)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  return a.__array_namespace__().einsum("ni,ni->n", a, b)


def _unit(x: np.ndarray) -> np.ndarray:
  return x / x.__array_namespace__().sqrt(_dot(x, x))[:, None]
