"""Some frames whole, the others made anew; with the first alone, animation.

Image to video is C = the first frame, then blanks, and M = 1 on frame 0 only
(Lumiere, section 4); any other frames may be known as well.
"""

from collections.abc import Mapping

import numpy as np

from lumiere_jax import errors
from lumiere_jax.apps import canvas
from lumiere_jax.apps import told
from lumiere_jax.generation import given as givens


def tell(
  pictures: Mapping[int, np.ndarray], shape: tuple[int, int, int]
) -> told.Told:
  """Gives pictures as frames.

  Args:
    pictures: number of a frame, from 0 or, counted from the end, negative ->
      [H, W, 3] uint8 of any size; the square in its middle is used.
    shape: (T, S, S) of the result.

  Raises:
    ConfigError: no picture, a frame that is not there, or two for one frame.
  """
  num_frames, side = shape[:2]
  if not pictures:
    raise errors.ConfigError(
      "no frame is given; give at least one, such as --keyframe 0=first.png."
    )
  video = np.zeros((*shape, 3), np.uint8)
  known = np.zeros(shape, bool)
  said = []
  for number, picture in pictures.items():
    if not -num_frames <= number < num_frames:
      raise errors.ConfigError(
        f"frame {number} is given, and the clip has frames 0 to "
        f"{num_frames - 1}; the last is also -1."
      )
    place = number % num_frames
    if known[place].any():
      raise errors.ConfigError(
        f"frame {place} is given twice; give each frame once."
      )
    square = canvas.Canvas.cropped(*picture.shape[:2], side)
    video[place] = square.to_square(picture[None])[0]
    known[place] = True
    if square.sentence:
      said.append(f"frame {place} is {square.sentence}")
  return told.Told(
    given=givens.Given(video=video, known=known), notes=told.notes(*said)
  )
