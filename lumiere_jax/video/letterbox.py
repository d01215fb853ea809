"""Dark bars that were burned into the picture, and where it begins."""

import dataclasses

import numpy as np

from lumiere_jax.video import index as index_lib
from lumiere_jax.video import read

# Black of limited range plus what a coarse encoder leaves around it.
DARK = 24
_LOOKS = 8  # frames to look at
_GLANCES = 3  # of them to begin with
_LEAST = 0.02  # a narrower bar is the edge of a picture, not a letterbox
_MOST = 0.45  # a picture that is dark all over has no bars
_SPECKS = 0.01  # share of a line that may be lit in a bar
_IS_PICTURE = 0.2  # share of the pixels that says: this is a picture
_SAFETY = 2  # pixels: the seam between bar and picture is blurred


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
  """Bars around a picture, in pixels.

  Attributes:
    top: height of the bar above.
    bottom: likewise below.
    left: width of the bar at the left.
    right: likewise at the right.
  """

  top: int = 0
  bottom: int = 0
  left: int = 0
  right: int = 0

  @property
  def is_empty(self) -> bool:
    """Whether there is no bar."""
    return not (self.top or self.bottom or self.left or self.right)


def find(frames: np.ndarray, dark: float = DARK) -> Box:
  """Finds bars that are dark in all frames.

  Args:
    frames: [N, H, W, 3] uint8.
    dark: level that no colour in a bar exceeds.
  """
  # Every fourth pixel of a line says as much; one hot one in a hundred is not
  # a picture.
  rows = _lit(frames[:, :, ::4], dark).mean((0, 2)) > _SPECKS
  columns = _lit(frames[:, ::4], dark).mean((0, 1)) > _SPECKS
  top, bottom = _bars(rows)
  left, right = _bars(columns)
  return Box(top=top, bottom=bottom, left=left, right=right)


def survey(
  source: index_lib.Source, *, dark: float = DARK, name: str | None = None
) -> Box:
  """Finds bars in a file, from a few of its frames.

  Args:
    source: the file's bytes, or its path.
    dark: see `find`.
    name: what errors call it.

  Raises:
    VideoError: the file cannot be read.
  """
  name = index_lib.name_of(source, name)
  with index_lib.opened(source, name, fast=True) as (container, stream):
    index = index_lib.read(container, stream, name)

  def look(pts: np.ndarray, count: int) -> np.ndarray:
    chosen = pts[np.linspace(0, len(pts) - 1, count).astype(int)]
    times = (np.unique(chosen) - index.pts[0]) * float(index.time_base)
    return read.decode_at(source, times, hold=True, name=name)

  # Keyframes cost one decoded frame each, and where they show a picture up to
  # its borders there are no bars.  Else more is looked at: a film may begin
  # in the dark, and a dark street is no bar.
  frames = look(index.keyframes, _GLANCES)
  is_picture = _lit(frames[:, ::4, ::4], dark).mean() > _IS_PICTURE
  if is_picture and find(frames, dark).is_empty:
    return Box()
  return find(look(index.pts, _LOOKS), dark)


def _lit(frames: np.ndarray, dark: float) -> np.ndarray:
  """[N, H, W] bool: whether any colour exceeds `dark`."""
  red, green, blue = (frames[..., k] > dark for k in range(3))
  return red | green | blue


def _bars(is_lit: np.ndarray) -> tuple[int, int]:
  """Dark lines at both ends; bars come in pairs of about one size."""
  lit = np.flatnonzero(is_lit)
  if not len(lit):
    return 0, 0
  size = len(is_lit)
  bars = int(lit[0]), int(size - 1 - lit[-1])
  alike = abs(bars[0] - bars[1]) <= max(4, 0.1 * max(bars))
  if not alike or not _LEAST * size <= min(bars) <= max(bars) <= _MOST * size:
    return 0, 0
  return bars[0] + _SAFETY, bars[1] + _SAFETY
