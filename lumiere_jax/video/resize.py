"""Resizing: which size to ask for, and how a decoded frame gets there.

Shrinking averages areas, since anything that samples points makes fine
texture shimmer from frame to frame, and a network would learn the shimmer.
"""

import av
from av.video import reformatter
import numpy as np

from lumiere_jax import errors

_Flag = reformatter.Interpolation
_EXACT = _Flag.FULL_CHR_H_INT | _Flag.FULL_CHR_H_INP | _Flag.ACCURATE_RND


def interpolation(rows: int, columns: int, height: int, width: int) -> int:
  """The swscale flags that take rows x columns to height x width."""
  shrinks = height < rows or width < columns
  return int((_Flag.AREA if shrinks else _Flag.BICUBIC) | _EXACT)


def with_short_side(height: int, width: int, size: int) -> tuple[int, int]:
  """(height, width) scaled to keep the aspect, the shorter being `size`."""
  if size < 1:
    raise errors.ShapeError(f"the short side is {size}; use 1 or more pixels.")
  short = min(height, width)
  scale = lambda side: max(size, round(side * size / short))
  return scale(height), scale(width)


def resize(frames: np.ndarray, height: int, width: int) -> np.ndarray:
  """Resizes [T, H, W, 3] uint8 to [T, height, width, 3] uint8."""
  rows, columns = frames.shape[1:3]
  if (rows, columns) == (height, width):
    return frames
  scaler = reformatter.VideoReformatter()
  flags = interpolation(rows, columns, height, width)
  one = lambda frame: scaler.reformat(
    av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24"),
    width=width,
    height=height,
    interpolation=flags,
    threads=1,
  ).to_ndarray()
  return np.stack([one(frame) for frame in frames])
