"""A clip in the middle of a larger frame, at the networks' scale.

source           strip                     windows, S by S
+-------+     +-----+-------+-----+     [  1  ]
|       |  -> | new |       | new | S        [  2  ]
+-------+     +-----+-------+-----+     from what is known outwards
"""

from collections.abc import Sequence
import dataclasses

import numpy as np

from lumiere_jax import errors
from lumiere_jax.apps import canvas
from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import told
from lumiere_jax.generation import given as givens
from lumiere_jax.video import resize

_MOST = 4.0  # wider than this, hardly anything is known


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wider:
  """A source in the middle of a larger frame, and how that is painted.

  The strip is that frame at the networks' scale: S pixels along the side that
  stays, and L >= S along the other.

  Attributes:
    footage: the source.
    padded: [N, H, W, 3] uint8, its own frames in the middle of larger ones.
    is_new: [H, W] bool, where those are to be painted.
    strip: [T, h, w, 3] uint8, the same for the networks.
    is_unknown: [h, w] bool.
    shown: rows and columns of the strip that are the result; the rest makes it
      a square.
    windows: rows and columns of S x S pixels, in the order of painting.
  """

  footage: footages.Footage
  padded: np.ndarray
  is_new: np.ndarray
  strip: np.ndarray
  is_unknown: np.ndarray
  shown: tuple[slice, slice]
  windows: Sequence[tuple[slice, slice]]

  @property
  def told(self) -> told.Told:
    """What is given, and what becomes of a painted strip."""
    height, width = self.footage.frames.shape[1:3]
    rows, columns = self.padded.shape[1:3]
    count = f" in {len(self.windows)} squares" if len(self.windows) > 1 else ""
    return told.Told(
      given=give(self.strip, self.is_unknown),
      place=self.place,
      fps=self.footage.fps,
      sound=self.footage.sound,
      notes=told.notes(
        *self.footage.notes,
        f"{width}x{height} becomes {columns}x{rows}; it is painted{count} with "
        f"{min(self.strip.shape[1:3])} pixels along the side that stays",
      ),
    )

  def place(self, painted: np.ndarray) -> np.ndarray:
    """A painted strip [T, h, w, 3] uint8 -> [N, H, W, 3], the source as is."""
    large = resize.resize(painted[:, *self.shown], *self.padded.shape[1:3])
    large = self.footage.at_own_rate(large)
    return np.where(self.is_new[..., None], large, self.padded)


def frame(footage: footages.Footage, aspect: float, side: int) -> Wider:
  """Puts a clip into the middle of a wider or higher one.

  Args:
    footage: the source.
    aspect: width over height of the result.
    side: S, pixels of the squares that the networks paint.

  Raises:
    ConfigError: the source has that aspect already, or one too far from it.
  """
  height, width = footage.frames.shape[1:3]
  rows, columns = _size(height, width, aspect)
  sides = ((0, 0), _around(height, rows), _around(width, columns), (0, 0))
  # At its edges a shrunk source would else be darkened by what is beyond it.
  pad = lambda frames: np.pad(frames, sides, "edge")
  is_new = np.pad(
    np.zeros((height, width), bool), sides[1:3], constant_values=True
  )
  stays = height if columns > width else width
  small = [round(size * side / stays) for size in (rows, columns)]
  beyond = tuple(_around(size, max(size, side)) for size in small)
  is_unknown = canvas.any_of(is_new[None], *small)[0]
  is_unknown = np.pad(is_unknown, beyond, constant_values=True)
  strip = resize.resize(pad(footage.for_network), *small)
  return Wider(
    footage=footage,
    padded=pad(footage.frames),
    is_new=is_new,
    strip=np.pad(strip, ((0, 0), *beyond, (0, 0))),
    is_unknown=is_unknown,
    shown=tuple(
      slice(before, before + size)
      for (before, _), size in zip(beyond, small, strict=True)
    ),
    windows=_windows(is_unknown, side),
  )


def give(frames: np.ndarray, is_unknown: np.ndarray) -> givens.Given:
  """Gives [T, h, w, 3] uint8 frames but where [h, w] is unknown."""
  known = np.repeat(~is_unknown[None], len(frames), axis=0)
  return givens.Given(video=frames, known=known)


def _windows(is_unknown: np.ndarray, side: int):
  """Squares that cover a strip, from what is known outwards."""
  axis = 0 if is_unknown.all(1).any() else 1
  known = np.flatnonzero(~is_unknown.all(1 - axis))
  begins = _begins(is_unknown.shape[axis], known[0], known[-1] + 1, side)
  across = slice(0, side)
  along = [slice(begin, begin + side) for begin in begins]
  return [(x, across) if axis == 0 else (across, x) for x in along]


def _begins(length: int, begin: int, end: int, side: int) -> list[int]:
  """Where windows begin along an axis of which [begin, end) is known.

  The first shows all that is known where that is narrower than a window; each
  further one shows half a window of what is there by then.
  """
  found = []
  if end - begin < side:
    first = int(np.clip((begin + end - side) // 2, 0, length - side))
    found.append(first)
    begin, end = min(begin, first), max(end, first + side)
  while begin > 0:
    begin = max(0, begin - side // 2)
    found.append(begin)
  while end < length:
    end = min(length, end + side // 2)
    found.append(end - side)
  return found


def _around(size: int, larger: int) -> tuple[int, int]:
  """What is before and after something in the middle of what is larger."""
  before = (larger - size) // 2
  return before, larger - size - before


def _size(height: int, width: int, aspect: float) -> tuple[int, int]:
  """(height, width) of the smallest frame of an aspect around the source."""
  found = width / height
  if not 1 / _MOST <= aspect / found <= _MOST:
    raise errors.ConfigError(
      f"an aspect of {aspect:.3g} is asked for and the source has {found:.3g}; "
      f"at most {_MOST:g} times as wide or as high can be painted."
    )
  even = lambda size: 2 * round(size / 2)
  size = height, even(height * aspect)
  if aspect < found:
    size = even(width / aspect), width
  if abs(aspect / found - 1) < 1 / max(height, width) or size == (
    height,
    width,
  ):
    raise errors.ConfigError(
      f"the source is {width}x{height} and has that aspect already; ask for "
      "another."
    )
  return size
