"""How near a generated clip is to a real one that it should reproduce.

For networks that were overfitted to a clip: does its caption bring it back?
All on uint8 frames before any encoding, since an mp4 costs decibels itself.
"""

import dataclasses
import math

import numpy as np

from lumiere_jax import errors
from lumiere_jax.generation import motion


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reconstruction:
  """What `measure` found.

  Attributes:
    psnr: peak signal-to-noise ratio over the whole clip, in dB.
    worst_frame_psnr: the same of the worst frame.
    motion: motion score of the generated clip, in levels of 255.
    reference_motion: that of the real one.
    motion_ratio: the first over the second; None where the real clip is
      still.
  """

  psnr: float
  worst_frame_psnr: float
  motion: float
  reference_motion: float
  motion_ratio: float | None

  def as_dict(self) -> dict[str, float | None]:
    """Returns the numbers, ready for JSON; equal clips have psnr None."""
    found = dataclasses.asdict(self)
    return {
      k: v if v is None or math.isfinite(v) else None for k, v in found.items()
    }


def psnr(clip: np.ndarray, reference: np.ndarray) -> float:
  """Peak signal-to-noise ratio, 10 log10(255^2 / MSE), in dB.

  Args:
    clip: [T, H, W, 3] uint8.
    reference: the same.

  Returns:
    Decibels; infinity for equal clips.

  Raises:
    ShapeError: the shapes differ.
  """
  if clip.shape != reference.shape:
    raise errors.ShapeError(
      f"the clip is {clip.shape} and its reference {reference.shape} (frames, "
      "height, width, channels); decode the reference at the clip's size, "
      "length and fps."
    )
  frame_errors = [
    np.mean(np.square(a.astype(np.float64) - b))
    for a, b in zip(clip, reference, strict=True)
  ]
  mse = float(np.mean(frame_errors))
  return 10 * math.log10(255**2 / mse) if mse else math.inf


def measure(clip: np.ndarray, reference: np.ndarray) -> Reconstruction:
  """Compares two clips, [T, H, W, 3] uint8 each."""
  whole = psnr(clip, reference)
  moves, reference_moves = motion.score(clip), motion.score(reference)
  return Reconstruction(
    psnr=whole,
    worst_frame_psnr=min(
      psnr(a[None], b[None]) for a, b in zip(clip, reference, strict=True)
    ),
    motion=moves,
    reference_motion=reference_moves,
    motion_ratio=moves / reference_moves if reference_moves else None,
  )
