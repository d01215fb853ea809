"""A clip as one picture: what a person looks at before playing it."""

import numpy as np

from lumiere_jax import errors

_GAP = 2  # pixels between neighbours on a contact sheet


def contact_sheet(
  frames: np.ndarray, columns: int, *, background: int = 16
) -> np.ndarray:
  """Frames in reading order on one sheet.

  Args:
    frames: [T, H, W, 3] uint8.
    columns: frames in a row, at most; places left over show the background.
    background: grey level in [0, 255] between and after the frames.

  Returns:
    [rows * (H + 2) - 2, columns * (W + 2) - 2, 3] uint8.
  """
  if columns < 1 or frames.ndim != 4 or not len(frames):
    raise errors.ShapeError(
      f"a contact sheet of {columns} columns from frames of shape "
      f"{frames.shape}: give [T, H, W, 3] with T >= 1, and columns >= 1."
    )
  total, height, width, channels = frames.shape
  columns = min(columns, total)
  rows = -(-total // columns)
  shape = rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP
  sheet = np.full((*shape, channels), background, np.uint8)
  for k, frame in enumerate(frames):
    top = k // columns * (height + _GAP)
    left = k % columns * (width + _GAP)
    sheet[top : top + height, left : left + width] = frame
  return sheet


def xt_slice(frames: np.ndarray, row: int | None = None) -> np.ndarray:
  """One row of pixels through time: [T, H, W, 3] -> [T, W, 3].

  Time runs down.  Even motion draws slanted lines, a jump breaks them, a
  still clip draws upright ones.  `row` is the middle one unless given.
  """
  height = frames.shape[1]
  row = height // 2 if row is None else row
  if not -height <= row < height:
    raise errors.ShapeError(
      f"row {row} of frames {height} pixels high; use 0 to {height - 1}."
    )
  return frames[:, row]
