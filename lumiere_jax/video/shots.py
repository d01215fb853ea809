"""Where one shot ends and the next begins, told from small grey pictures.

Two frames of one shot differ by what moved; two frames of two shots differ
everywhere.  A cut is a difference that is large in itself and stands out from
those just before it, so that a fast pan is not one.
"""

import dataclasses

import numpy as np

ROWS, COLUMNS = 27, 48  # enough to tell shots apart, and next to nothing
# On real footage cuts measured 45 to 82 levels, fast motion at most 20.
THRESHOLD = 27.0
_STANDS_OUT = 2.0  # times the mean difference of the frames before
_MEMORY = 0.8  # weight of the past in that mean


def difference(one: np.ndarray, other: np.ndarray) -> float:
  """Mean absolute difference of two [27, 48] uint8 pictures, in grey levels."""
  return float(np.mean(np.abs(one.astype(np.int16) - other)))


@dataclasses.dataclass
class CutFinder:
  """Is shown one frame after the other and says where a shot begins.

  Attributes:
    threshold: least difference, in grey levels; 255 or more finds no cut.
  """

  threshold: float = THRESHOLD
  _previous: np.ndarray | None = None
  _usual: float = 0.0

  def is_cut(self, thumb: np.ndarray) -> bool:
    """Whether a shot begins at this frame, a [27, 48] uint8 grey picture."""
    previous, self._previous = self._previous, thumb
    if previous is None:
      return False
    found = difference(previous, thumb)
    if found > max(self.threshold, _STANDS_OUT * self._usual):
      self._usual = 0.0
      return True
    self._usual = _MEMORY * self._usual + (1 - _MEMORY) * found
    return False


def find(thumbs: np.ndarray, threshold: float = THRESHOLD) -> list[int]:
  """Indices of the frames at which shots begin, but the first.

  Args:
    thumbs: [T, 27, 48] uint8 grey.
    threshold: see `CutFinder`.
  """
  finder = CutFinder(threshold)
  return [k for k, thumb in enumerate(thumbs) if finder.is_cut(thumb)]
