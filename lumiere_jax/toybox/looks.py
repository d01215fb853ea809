"""Colours, light and ground: what surfaces send towards the eye.

All light is linear float32, 0 dark and 1 white; `to_pixels` makes it sRGB's
neighbour, by a square root.
"""

import dataclasses
import functools

import numpy as np

# The colours of `words.COLORS`, as pixels would show them, 0 to 1.
_COLORS = {
  "red": (0.86, 0.10, 0.10),
  "orange": (0.98, 0.50, 0.06),
  "yellow": (0.97, 0.86, 0.10),
  "green": (0.12, 0.62, 0.18),
  "cyan": (0.10, 0.80, 0.82),
  "blue": (0.12, 0.22, 0.86),
  "purple": (0.56, 0.18, 0.80),
  "pink": (0.98, 0.50, 0.72),
  "white": (0.95, 0.95, 0.95),
  "black": (0.09, 0.09, 0.10),
}
# Part of a thing's colour where it is striped, so that turning shows.
STRIPE = np.float32(0.42)
# Texels of a ground's tile, and units of the world that it covers.
_TEXELS, TILE = 256, 8.0
TEXELS_A_UNIT = _TEXELS / TILE


@dataclasses.dataclass(frozen=True)
class Light:
  """What a sky does.

  Attributes:
    sun: [3] direction to the sun, or the moon.
    color: [3] its light.
    high: [3] the sky overhead.
    low: [3] the sky at the horizon.
    softness: how wide the edges of shadows are.
  """

  sun: np.ndarray
  color: np.ndarray
  high: np.ndarray
  low: np.ndarray
  softness: float


def _light(sun, color, high, low, softness: float) -> Light:
  array = lambda x: np.asarray(x, np.float32)
  sun = array(sun)
  return Light(
    sun / np.linalg.norm(sun), array(color), array(high), array(low), softness
  )


_SKIES = {
  "day": _light(
    *((0.8, 1.2, 0.35), (0.80, 0.77, 0.70), (0.10, 0.28, 0.75)),
    *((0.45, 0.65, 0.90), 0.10),
  ),
  "sunset": _light(
    *((-1.0, 0.6, 0.4), (0.84, 0.70, 0.60), (0.30, 0.16, 0.36)),
    *((0.98, 0.42, 0.13), 0.12),
  ),
  "night": _light(
    *((-0.6, 1.0, 0.3), (0.42, 0.44, 0.50), (0.004, 0.008, 0.04)),
    *((0.03, 0.05, 0.14), 0.12),
  ),
  "overcast": _light(
    *((0.3, 1.2, 0.4), (0.30, 0.30, 0.31), (0.36, 0.38, 0.40)),
    *((0.55, 0.57, 0.58), 0.5),
  ),
}
# Light from all over the sky, beside the sun's; the night's is lifted so that
# colours are still seen.
_AMBIENT = {
  "day": (0.26, 0.30, 0.36),
  "sunset": (0.30, 0.27, 0.29),
  "night": (0.17, 0.18, 0.23),
  "overcast": (0.55, 0.56, 0.57),
}


def color(name: str) -> np.ndarray:
  """[3] linear colour of a thing."""
  return np.square(np.asarray(_COLORS[name], np.float32))


def light(sky: str) -> Light:
  """The light of a sky."""
  return _SKIES[sky]


def ambient(sky: str) -> np.ndarray:
  """[3] light from everywhere."""
  return np.asarray(_AMBIENT[sky], np.float32)


def sky_color(sky: Light, up: np.ndarray) -> np.ndarray:
  """[N, 3] light from directions whose sines of elevation are `up` [N]."""
  xp = up.__array_namespace__()
  share = xp.sqrt(xp.clip(up * 2.2, 0, 1))[:, None]
  return sky.low + (sky.high - sky.low) * share


def to_pixels(linear: np.ndarray) -> np.ndarray:
  """Linear light to uint8."""
  return np.rint(255 * np.sqrt(np.clip(linear, 0, 1))).astype(np.uint8)


class Ground:
  """A patterned plane, at any resolution.

  Its pattern is a tile that repeats, kept at all halvings, so that a pixel
  reads about one texel however much ground it covers (Williams 1983).

  Attributes:
    levels: [n, n, 3] linear colours, of each halving, the finest first.
    mean: [3] of all.
  """

  def __init__(self, name: str):
    """Args: name, a key of `words.GROUNDS`."""
    tile = _PATTERNS[name](np.random.default_rng(sorted(_PATTERNS).index(name)))
    levels = [np.square(np.clip(tile, 0, 1)).astype(np.float32)]
    while len(levels[-1]) > 4:
      x = levels[-1]
      levels.append(
        (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4
      )
    self.levels = levels
    self.mean = levels[-1].mean((0, 1))

  def color(self, x: np.ndarray, z: np.ndarray, width: np.ndarray):
    """[N, 3] of places [N], each seen by a pixel `width` [N] units wide."""
    level = np.log2(np.maximum(width * TEXELS_A_UNIT, 1.0))
    level = np.rint(level).astype(np.int32)
    level = np.minimum(level, len(self.levels) - 1)
    found = np.empty((len(x), 3), np.float32)
    for k in range(len(self.levels)):
      at = np.flatnonzero(level == k)
      if at.size:
        found[at] = self._sample(k, x[at], z[at])
    return found

  def _sample(self, level: int, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Bilinear."""
    tile = self.levels[level]
    size = len(tile)
    texels = tile.reshape(-1, 3)
    u, v = x * (size / TILE) - 0.5, z * (size / TILE) - 0.5
    i, j = np.floor(u), np.floor(v)
    a, b = (u - i)[:, None], (v - j)[:, None]
    # The size is a power of two: what repeats is cut off.
    i, j = i.astype(np.int32), j.astype(np.int32)
    left, right = i & (size - 1), (i + 1) & (size - 1)
    row = lambda j: size * (j & (size - 1))
    get = lambda at: texels.take(at, axis=0)
    line = lambda j: get(j + left) * (1 - a) + get(j + right) * a
    return line(row(j)) * (1 - b) + line(row(j + 1)) * b


@functools.cache
def ground(name: str) -> Ground:
  """The ground of that name; made once."""
  return Ground(name)


def _noise(rng: np.random.Generator, *cells: int, stretch: int = 1):
  """Seamless noise in [-1, 1]: [texels, texels], one octave for each count."""
  total = np.zeros((_TEXELS, _TEXELS))
  for count in cells:
    grid = rng.uniform(-1, 1, (count, max(count // stretch, 1)))
    rows = _smooth_rows(grid)
    total += _smooth_rows(rows.T).T / len(cells) ** 0.5
  return np.clip(total, -1, 1)


def _smooth_rows(grid: np.ndarray) -> np.ndarray:
  """Stretches the first axis to the size of a tile, around its ends."""
  count = len(grid)
  place = np.arange(_TEXELS) * count / _TEXELS
  low = place.astype(int)
  share = place - low
  share = (share * share * (3 - 2 * share))[:, None]
  return grid[low % count] * (1 - share) + grid[(low + 1) % count] * share


def _mix(first, second, share: np.ndarray) -> np.ndarray:
  share = np.clip(share, 0, 1)[..., None]
  return np.asarray(first) * (1 - share) + np.asarray(second) * share


def _places() -> tuple[np.ndarray, np.ndarray]:
  """x and z of the texels, in units."""
  line = (np.arange(_TEXELS) + 0.5) * TILE / _TEXELS
  return np.broadcast_to(line, (_TEXELS, _TEXELS)), np.broadcast_to(
    line[:, None], (_TEXELS, _TEXELS)
  )


def _grass(rng):
  patches = 0.5 + 0.7 * _noise(rng, 8, 16)
  blades = 0.25 * _noise(rng, 64, 128)
  return _mix((0.22, 0.40, 0.10), (0.46, 0.62, 0.22), patches + blades)


def _sand(rng):
  _, z = _places()
  ripples = np.sin(2 * np.pi * (z + 0.35 * _noise(rng, 6)) / 1.0)
  share = 0.5 + 0.35 * ripples + 0.3 * _noise(rng, 10, 96)
  return _mix((0.68, 0.55, 0.36), (0.90, 0.79, 0.58), share)


def _wood(rng):
  x, z = _places()
  plank = np.floor(z / 0.5).astype(int)
  shade = rng.uniform(0, 1, 16)[plank % 16]
  grain = 0.3 * _noise(rng, 96, stretch=12)
  image = _mix((0.42, 0.25, 0.13), (0.68, 0.45, 0.25), shade + grain)
  joint = (z % 0.5 < 0.045) | ((x + 2.0 * (plank % 3)) % 4.0 < 0.05)
  return np.where(joint[..., None], 0.16, image)


def _tiles(rng):
  x, z = _places()
  dark = (np.floor(x / 1.0) + np.floor(z / 1.0)) % 2
  image = _mix((0.80, 0.78, 0.74), (0.36, 0.38, 0.42), dark)
  return image + 0.03 * _noise(rng, 32, 64)[..., None]


def _snow(rng):
  dips = 0.5 + 0.8 * _noise(rng, 7, 14)
  image = _mix((0.70, 0.77, 0.88), (0.95, 0.96, 0.98), dips)
  return image + 0.02 * _noise(rng, 128)[..., None]


def _asphalt(rng):
  x, z = _places()
  share = 0.5 + 0.35 * _noise(rng, 12, 128)
  image = _mix((0.20, 0.20, 0.21), (0.34, 0.34, 0.35), share)
  dash = (np.abs(z % 4.0 - 2.0) < 0.12) & (x % 2.0 < 1.2)
  return np.where(dash[..., None], (0.86, 0.80, 0.45), image)


_PATTERNS = {
  "grass": _grass,
  "sand": _sand,
  "wood": _wood,
  "tiles": _tiles,
  "snow": _snow,
  "asphalt": _asphalt,
}
