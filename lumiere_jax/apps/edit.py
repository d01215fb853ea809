"""A clip painted over: noised part of the way, and denoised by another prompt.

SDEdit (Meng et al. 2022) on the base, then super-resolution, as Lumiere edits
clips (section 4).  With a mask, the rest of the clip is kept as in inpainting.
"""

import dataclasses

import numpy as np

from lumiere_jax.apps import canvas
from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import inpaint
from lumiere_jax.apps import told
from lumiere_jax.generation import given as givens


def tell(
  footage: footages.Footage,
  strength: float,
  shape: tuple[int, int, int],
  mask: np.ndarray | None = None,
) -> told.Told:
  """Starts from a clip.

  Args:
    footage: the source.
    strength: diffusion time to which it is noised, in (0, 1]; the more, the
      more is changed.
    shape: (T, S, S) of the clip that is painted.
    mask: [N, H, W] bool, of its own frames, where it may change; None for
      everywhere.

  Raises:
    ConfigError: `strength` is out of range.
  """
  if mask is not None:
    kept = inpaint.tell(footage, mask, mask[footage.shown], shape)
    source = givens.Source(video=kept.given.video, strength=strength)
    return dataclasses.replace(kept, source=source)
  square = canvas.Canvas.cropped(*footage.frames.shape[1:3], shape[1])
  return told.Told(
    source=givens.Source(
      video=square.to_square(footage.for_network), strength=strength
    ),
    place=lambda painted: square.paste(
      footage.at_own_rate(painted), footage.frames
    ),
    fps=footage.fps,
    sound=footage.sound,
    notes=told.notes(*footage.notes, square.sentence),
  )
