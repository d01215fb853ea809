"""How a clip goes on from frame to frame: motion, flicker, spikes, drift.

All on uint8 frames before any encoding.
"""

import dataclasses

import numpy as np

from lumiere_jax.generation import motion

# Levels of 255 below which a frame's difference counts as this much, so that
# the grain of a clip that stands still is no spike.
_FLOOR = 0.25
_WHITE = np.array([0.95047, 1.0, 1.08883])  # of D65
_TO_XYZ = np.array(
  [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
  ]
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Smoothness:
  """What `measure` found of a clip.

  Attributes:
    motion: mean absolute difference of consecutive frames, in levels of 255.
    flicker: mean absolute second difference of the frames' mean level, in
      levels of 255; even brightening has none.
    spike: the largest difference of consecutive frames over the median one; a
      cut or a jump is far above what steady motion has, 1.
    drift: CIE76 colour difference between the first and the last frames,
      median over pixels, so that what moves does not count where it covers
      less than half of the frame.
  """

  motion: float
  flicker: float
  spike: float
  drift: float


def measure(frames: np.ndarray) -> Smoothness:
  """Measures a clip [T, H, W, 3] uint8 of at least 3 frames."""
  steps = np.maximum(motion.differences(frames), _FLOOR)
  level = frames.mean((1, 2, 3), dtype=np.float64)
  return Smoothness(
    motion=motion.score(frames),
    flicker=float(np.mean(np.abs(np.diff(level, n=2)))),
    spike=float(steps.max() / np.median(steps)),
    drift=drift(frames),
  )


def drift(frames: np.ndarray, num_frames: int = 4) -> float:
  """Colour difference between the two ends of a clip: see `Smoothness.drift`.

  Args:
    frames: [T, H, W, 3] uint8.
    num_frames: how many frames are averaged at each end.
  """
  ends = frames[:num_frames], frames[-num_frames:]
  first, last = (to_lab(end.mean(0)) for end in ends)
  return float(np.median(np.linalg.norm(first - last, axis=-1)))


def to_lab(colors: np.ndarray) -> np.ndarray:
  """sRGB in [0, 255] to CIE L*a*b* under D65, [..., 3] each."""
  share = np.asarray(colors, np.float64) / 255
  linear = np.where(
    share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4
  )
  relative = linear @ _TO_XYZ.T / _WHITE
  edge = 6 / 29
  x, y, z = np.moveaxis(
    np.where(
      relative > edge**3,
      np.cbrt(relative),
      relative / (3 * edge**2) + 4 / 29,
    ),
    -1,
    0,
  )
  return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)
