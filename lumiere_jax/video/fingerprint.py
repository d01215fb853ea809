"""What a clip looks like, in 256 bits that copies of it share.

Four moments of a clip, 64 bits each: where the picture gets lighter from left
to right, on a grid of 8 x 9 cells.  Scaling, encoding again or a touch more
light moves few of them; another clip differs in about half.
"""

from collections.abc import Hashable
import dataclasses

import numpy as np

BITS = 256
_MOMENTS = 4
_GRID = 8, 9  # cells; their differences are 8 x 8
_FAINT = 0.5  # grey levels: less is noise, and would be a coin's toss
MAX_DISTANCE = 15  # bits by which two copies may differ
_BANDS = MAX_DISTANCE + 1


def fingerprint(thumbs: np.ndarray) -> str:
  """64 hex digits for [T, 27, 48] uint8 grey pictures of a clip, T >= 1."""
  moments = (np.arange(_MOMENTS) + 0.5) / _MOMENTS * len(thumbs)
  bits = [_bits(thumbs[int(moment)]) for moment in moments]
  return np.packbits(np.concatenate(bits)).tobytes().hex()


def distance(one: str, other: str) -> int:
  """Number of bits, of 256, in which two fingerprints differ."""
  return (int(one, 16) ^ int(other, 16)).bit_count()


@dataclasses.dataclass
class Neighbours:
  """Finds fingerprints near others, without comparing all with all.

  Two that differ in at most 15 bits agree wholly in at least one of 16 bands
  of 16 bits, so only those that share a band are compared.

  Attributes:
    max_distance: bits by which two may differ, 0 to 15.
  """

  max_distance: int = MAX_DISTANCE
  _known: list[tuple[str, Hashable]] = dataclasses.field(default_factory=list)
  _bands: dict[tuple[int, str], list[int]] = dataclasses.field(
    default_factory=dict
  )

  def add(self, digits: str, name: Hashable) -> None:
    """Remembers a fingerprint."""
    for band in self._split(digits):
      self._bands.setdefault(band, []).append(len(self._known))
    self._known.append((digits, name))

  def find(self, digits: str) -> Hashable | None:
    """The name of the first one added that is near, or None."""
    bands = [self._bands.get(band, ()) for band in self._split(digits)]
    for k in sorted(set().union(*bands)):
      other, name = self._known[k]
      if distance(digits, other) <= self.max_distance:
        return name
    return None

  def _split(self, digits: str) -> list[tuple[int, str]]:
    size = len(digits) // _BANDS
    return [(k, digits[k * size : (k + 1) * size]) for k in range(_BANDS)]


def _bits(thumb: np.ndarray) -> np.ndarray:
  """[64] bool of one grey picture."""
  rows, columns = (
    _means(size, n) for size, n in zip(thumb.shape, _GRID, strict=True)
  )
  grid = rows @ thumb.astype(np.float64) @ columns.T
  return (np.diff(grid, axis=1) > _FAINT).ravel()


def _means(size: int, count: int) -> np.ndarray:
  """[count, size] weights that average `size` pixels into `count` cells."""
  edges = np.linspace(0, size, count + 1)
  starts, ends = edges[:-1, None], edges[1:, None]
  pixel = np.arange(size)
  shares = np.minimum(ends, pixel + 1) - np.maximum(starts, pixel)
  shares = np.clip(shares, 0, 1)
  return shares / shares.sum(1, keepdims=True)
