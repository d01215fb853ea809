"""What a person gives, brought to the square that networks paint, and back.

source 6 x 4      crop: the middle, or nearest to what it should show
+------------+      +--------+
|            |      |        |
|            |      |        |
|            |      |        |
|            |      +--------+
+------------+
"""

import dataclasses
from typing import Self

import numpy as np

from lumiere_jax.video import resize

# (top, left, bottom, right), in pixels of the source
Box = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Canvas:
  """A square of the source.

  Attributes:
    height: pixels of the source.
    width: likewise.
    side: pixels that the square is painted with.
    top: where the square begins in the source.
    left: likewise.
    size: pixels of the source that the square is wide.
  """

  height: int
  width: int
  side: int
  top: int
  left: int
  size: int

  @classmethod
  def cropped(
    cls, height: int, width: int, side: int, focus: Box | None = None
  ) -> Self:
    """The largest square within the source, nearest to the middle of `focus`.

    Args:
      height: pixels of the source.
      width: likewise.
      side: pixels to paint it with.
      focus: what it should show; the middle of the source unless given.
    """
    size = min(height, width)
    top, left, bottom, right = focus or (0, 0, height, width)
    begin = lambda low, high, whole: int(
      np.clip((low + high - size) // 2, 0, whole - size)
    )
    return cls(
      height=height,
      width=width,
      side=side,
      top=begin(top, bottom, height),
      left=begin(left, right, width),
      size=size,
    )

  @property
  def sentence(self) -> str | None:
    """What is done to the source, for a person; None for nothing."""
    if (self.height, self.width) == (self.side, self.side):
      return None
    found = f"{self.width}x{self.height}"
    if self.size < max(self.height, self.width):
      found += (
        f", of which the square of {self.size} pixels from column {self.left}, "
        f"row {self.top}, is used"
      )
    return f"{found}; painted with {self.side}x{self.side} pixels"

  def to_square(self, frames: np.ndarray) -> np.ndarray:
    """[T, H, W, 3] uint8 -> [T, side, side, 3]."""
    return resize.resize(frames[:, *self._shown], self.side, self.side)

  def mask_to_square(self, mask: np.ndarray) -> np.ndarray:
    """[T, H, W] bool -> [T, side, side], True where any pixel is."""
    return any_of(mask[:, *self._shown], self.side, self.side)

  def inside(self) -> np.ndarray:
    """[H, W] bool: what of the source the square shows."""
    mask = np.zeros((self.height, self.width), bool)
    mask[self._shown] = True
    return mask

  def paste(self, square: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Puts a painted square back: [T, H, W, 3] uint8, the rest as it was.

    Args:
      square: [T, side, side, 3] uint8.
      frames: [T, H, W, 3] uint8, the source.
    """
    pasted = frames.copy()
    pasted[:, *self._shown] = resize.resize(square, self.size, self.size)
    return pasted

  @property
  def _shown(self) -> tuple[slice, slice]:
    """Rows and columns of the source."""
    return tuple(
      slice(begin, begin + self.size) for begin in (self.top, self.left)
    )


def any_of(mask: np.ndarray, height: int, width: int) -> np.ndarray:
  """[T, H, W] bool -> [T, height, width], True where any that it covers is."""
  return _any(_any(mask, 1, height), 2, width)


def _any(mask: np.ndarray, axis: int, size: int) -> np.ndarray:
  """Shrinks or enlarges an axis; True where any of what is covered is."""
  length = mask.shape[axis]
  begins = np.arange(size) * length // size
  ends = np.maximum(-(-(np.arange(size) + 1) * length // size), begins + 1)
  total = np.insert(np.cumsum(mask, axis=axis), 0, 0, axis=axis)
  return np.take(total, ends, axis) > np.take(total, begins, axis)
