"""Cutting frames to the size a network asks for, after resizing."""

import numpy as np

from lumiere_jax import errors


def window(
  frames: np.ndarray, top: int, left: int, height: int, width: int
) -> np.ndarray:
  """Cuts [..., H, W, 3] to [..., height, width, 3]; raises `ShapeError`."""
  rows, columns = frames.shape[-3:-1]
  if not (0 <= top <= rows - height and 0 <= left <= columns - width):
    raise errors.ShapeError(
      f"a {height}x{width} window at ({top}, {left}) leaves frames of "
      f"{rows}x{columns} (height x width). Largest that fits there: "
      f"{max(rows - top, 0)}x{max(columns - left, 0)}."
    )
  return frames[..., top : top + height, left : left + width, :]


def centre(frames: np.ndarray, height: int, width: int) -> np.ndarray:
  """The middle [..., height, width, 3]; an odd rest goes right and below."""
  rows, columns = frames.shape[-3:-1]
  top, left = max(rows - height, 0) // 2, max(columns - width, 0) // 2
  return window(frames, top, left, height, width)


def placed(
  frames: np.ndarray, height: int, width: int, down: float, right: float
) -> np.ndarray:
  """The window at fractions in [0, 1) of the way down and to the right.

  Uniform fractions make every place equally likely.
  """
  rows, columns = frames.shape[-3:-1]
  top = int(down * (max(rows - height, 0) + 1))
  left = int(right * (max(columns - width, 0) + 1))
  return window(frames, top, left, height, width)
