"""A picture in which one region moves.

C is the picture repeated; it is known everywhere in frame 0, and outside the
region in the others (Lumiere, section 4).
"""

import numpy as np

from lumiere_jax.apps import canvas
from lumiere_jax.apps import told
from lumiere_jax.generation import given as givens


def tell(
  picture: np.ndarray, region: np.ndarray, shape: tuple[int, int, int]
) -> told.Told:
  """Gives a picture and where it may move.

  Args:
    picture: [H, W, 3] uint8.
    region: [H, W] bool, True where it moves.
    shape: (T, S, S) of the clip that is painted.

  Returns:
    What to paint; its `place` puts the region into the picture at its own
    size, so that outside of it every frame is the picture.
  """
  num_frames, side = shape[:2]
  rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
  focus = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
  square = canvas.Canvas.cropped(*region.shape, side, focus)
  moves = square.mask_to_square(region[None])
  known = np.repeat(~moves, num_frames, axis=0)
  known[0] = True
  video = np.repeat(square.to_square(picture[None]), num_frames, axis=0)

  def place(frames: np.ndarray) -> np.ndarray:
    still = np.repeat(picture[None], len(frames), axis=0)
    pasted = square.paste(frames, still)
    pasted[0] = picture
    return np.where(region[..., None], pasted, still)

  return told.Told(
    given=givens.Given(video=video, known=known),
    place=place,
    notes=told.notes(square.sentence),
  )
