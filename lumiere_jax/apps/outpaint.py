"""A clip made wider or higher than it was; what is beyond it is new."""

import re

import numpy as np

from lumiere_jax import errors
from lumiere_jax.apps import canvas
from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import told
from lumiere_jax.generation import given as givens

_MOST = 4.0  # wider than this, hardly anything is known


def tell(
  footage: footages.Footage, aspect: float, shape: tuple[int, int, int]
) -> told.Told:
  """Gives a clip in the middle of a wider or higher one.

  Args:
    footage: the source.
    aspect: width over height of the result.
    shape: (T, S, S) of the clip that is painted.

  Returns:
    What to paint; its `place` makes the wider clip, in whose middle the source
    stands as it was.
  """
  height, width = footage.frames.shape[1:3]
  larger = _size(height, width, aspect)
  top, left = (larger[0] - height) // 2, (larger[1] - width) // 2
  sides = ((0, 0), (top, larger[0] - height - top))
  sides += ((left, larger[1] - width - left), (0, 0))
  is_new = np.pad(
    np.zeros((height, width), bool), sides[1:3], constant_values=True
  )
  square = canvas.Canvas.around(*larger, shape[1])
  known = ~(square.mask_to_square(is_new[None]) | square.beyond())

  def place(painted: np.ndarray) -> np.ndarray:
    padded = np.pad(footage.frames, sides)
    pasted = square.paste(footage.at_own_rate(painted), padded)
    return np.where(is_new[..., None], pasted, padded)

  return told.Told(
    given=givens.Given(
      video=square.to_square(np.pad(footage.for_network, sides)),
      known=np.repeat(known, shape[0], axis=0),
    ),
    place=place,
    fps=footage.fps,
    sound=footage.sound,
    notes=told.notes(
      *footage.notes,
      f"{width}x{height} becomes {larger[1]}x{larger[0]}; all of it is painted "
      f"with {shape[1]} pixels along its longer side",
    ),
  )


def parse_aspect(text: str) -> float:
  """Reads "16:9"; raises `ConfigError` where it is no such thing."""
  found = re.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", text.strip())
  numbers = [float(x) for x in found.groups()] if found else [0.0]
  if not all(numbers):
    raise errors.ConfigError(
      f"the aspect is {text!r}; give width and height as in 16:9."
    )
  return numbers[0] / numbers[1]


def _size(height: int, width: int, aspect: float) -> tuple[int, int]:
  """(height, width) of the smallest frame of an aspect around the source."""
  found = width / height
  if not 1 / _MOST <= aspect / found <= _MOST:
    raise errors.ConfigError(
      f"an aspect of {aspect:.3g} is asked for and the source has {found:.3g}; "
      f"at most {_MOST:g} times as wide or as high can be painted."
    )
  if abs(aspect / found - 1) < 1 / max(height, width):
    raise errors.ConfigError(
      f"the source is {width}x{height} and has that aspect already; ask for "
      "another."
    )
  even = lambda size: 2 * round(size / 2)
  if aspect > found:
    return height, even(height * aspect)
  return even(width / aspect), width
