"""A part of a clip made anew, the rest kept to the pixel.

C is the clip where it is to be kept and M says where (Lumiere, section 4).
"""

import numpy as np

from lumiere_jax.apps import canvas
from lumiere_jax.apps import told
from lumiere_jax.generation import given as givens


def tell(
  frames: np.ndarray, mask: np.ndarray, shape: tuple[int, int, int]
) -> told.Told:
  """Gives all of a clip but what is to be made anew.

  Args:
    frames: [T, H, W, 3] uint8, the source at the clip's rate.
    mask: [T, H, W] bool, True where it is to be made anew.
    shape: (T, S, S) of the clip that is painted.

  Returns:
    What to paint; its `place` puts what is new into the source at its own size.
  """
  anywhere = mask.any(0)
  rows = np.flatnonzero(anywhere.any(1))
  columns = np.flatnonzero(anywhere.any(0))
  focus = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
  square = canvas.Canvas.cropped(*anywhere.shape, shape[1], focus)
  known = ~square.mask_to_square(mask)
  left_out = mask.copy()
  inside = np.zeros(anywhere.shape, bool)
  inside[
    square.top : square.top + square.size,
    square.left : square.left + square.size,
  ] = True
  left_out &= ~inside
  missed = None
  if left_out.any():
    missed = (
      f"{left_out.sum() / mask.sum():.0%} of the mask lies outside that square "
      "and stays as it is"
    )
  place = lambda painted: np.where(
    (mask & inside)[..., None], square.paste(painted, frames), frames
  )
  return told.Told(
    given=givens.Given(video=square.to_square(frames), known=known),
    place=place,
    notes=told.notes(square.sentence, missed),
  )
