"""What a person gives, brought to the square that networks paint, and back.

source 6 x 4      crop: the middle      around: all of it
+------------+      +--------+            +----------+
|            |      |        |            |   new    |
|            |      |        |            |----------|
|            |      |        |            |  source  |
|            |      +--------+            |----------|
+------------+                            |   new    |
                                          +----------+
"""

import dataclasses
from typing import Self

import numpy as np

from lumiere_jax.video import resize

# (top, left, bottom, right), in pixels of the source
Box = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Canvas:
  """A square of the source, which may reach beyond it.

  Attributes:
    height: pixels of the source.
    width: likewise.
    side: pixels that the square is painted with.
    top: where the square begins in the source; negative beyond it.
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

  @classmethod
  def around(cls, height: int, width: int, side: int) -> Self:
    """The smallest square that shows all of the source."""
    size = max(height, width)
    return cls(
      height=height,
      width=width,
      side=side,
      top=-((size - height) // 2),
      left=-((size - width) // 2),
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
    """[T, H, W, 3] uint8 -> [T, side, side, 3]; black beyond the source."""
    shape = (len(frames), self.size, self.size, 3)
    square = np.zeros(shape, np.uint8)
    inside, source = self._overlap()
    square[:, *inside] = frames[:, *source]
    return resize.resize(square, self.side, self.side)

  def mask_to_square(self, mask: np.ndarray) -> np.ndarray:
    """[T, H, W] bool -> [T, side, side], True where any pixel is."""
    square = np.zeros((len(mask), self.size, self.size), bool)
    inside, source = self._overlap()
    square[:, *inside] = mask[:, *source]
    return any_of(square, self.side, self.side)

  def inside(self) -> np.ndarray:
    """[H, W] bool: what of the source the square shows."""
    mask = np.zeros((self.height, self.width), bool)
    mask[self._overlap()[1]] = True
    return mask

  def beyond(self) -> np.ndarray:
    """[side, side] bool: where the square reaches beyond the source."""
    is_source = np.ones((1, self.height, self.width), bool)
    square = np.ones((1, self.size, self.size), bool)
    inside, source = self._overlap()
    square[:, *inside] = ~is_source[:, *source]
    return any_of(square, self.side, self.side)[0]

  def paste(self, square: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Puts a painted square back: [T, H, W, 3] uint8, the rest as it was.

    Args:
      square: [T, side, side, 3] uint8.
      frames: [T, H, W, 3] uint8, the source.
    """
    large = resize.resize(square, self.size, self.size)
    pasted = frames.copy()
    inside, source = self._overlap()
    pasted[:, *source] = large[:, *inside]
    return pasted

  def _overlap(self):
    """Rows and columns of the square, and of the source, that are both's."""
    inside, source = [], []
    for begin, whole in ((self.top, self.height), (self.left, self.width)):
      low, high = max(begin, 0), min(begin + self.size, whole)
      source.append(slice(low, high))
      inside.append(slice(low - begin, high - begin))
    return tuple(inside), tuple(source)


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
