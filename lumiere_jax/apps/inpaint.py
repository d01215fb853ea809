"""A part of a clip made anew, the rest kept to the pixel.

C is the clip where it is to be kept and M says where (Lumiere, section 4).
"""

import numpy as np

from lumiere_jax.apps import canvas
from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import told
from lumiere_jax.generation import given as givens


def tell(
  footage: footages.Footage,
  mask: np.ndarray,
  network_mask: np.ndarray,
  shape: tuple[int, int, int],
) -> told.Told:
  """Gives all of a clip but what is to be made anew.

  Args:
    footage: the source.
    mask: [N, H, W] bool, of its own frames, True where to make it anew.
    network_mask: [T, H, W] bool, the same at the network's times.
    shape: (T, S, S) of the clip that is painted.

  Returns:
    What to paint; its `place` puts what is new into the source's own frames.
  """
  anywhere = mask.any(0) | network_mask.any(0)
  rows = np.flatnonzero(anywhere.any(1))
  columns = np.flatnonzero(anywhere.any(0))
  focus = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
  square = canvas.Canvas.cropped(*anywhere.shape, shape[1], focus)
  inside = square.inside()
  outside = (mask & ~inside).sum() / max(mask.sum(), 1)
  missed = (
    f"{outside:.0%} of the mask lies outside that square and stays as it is"
  )

  def place(painted: np.ndarray) -> np.ndarray:
    pasted = square.paste(footage.at_own_rate(painted), footage.frames)
    return np.where((mask & inside)[..., None], pasted, footage.frames)

  return told.Told(
    given=givens.Given(
      video=square.to_square(footage.for_network),
      known=~square.mask_to_square(network_mask),
    ),
    place=place,
    fps=footage.fps,
    sound=footage.sound,
    notes=told.notes(
      *footage.notes, square.sentence, missed if outside else None
    ),
  )
