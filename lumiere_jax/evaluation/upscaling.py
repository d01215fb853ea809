"""What super-resolution makes of real clips, whose fine picture is known.

Clips of the toybox are rendered at full size, shrunk, and upsampled again.
What comes of it is compared with the clip that was rendered, beside what plain
enlargement makes of the same small clip: a network that is further from the
truth than that, or whose clip moves where the real one stands, makes things
worse, however sharp it looks.
"""

from collections.abc import Callable
import dataclasses

import numpy as np

from lumiere_jax.evaluation import reconstruction
from lumiere_jax.evaluation import smoothness
from lumiere_jax.video import resize

FPS = 16.0
# [T, h, w, 3] uint8, the small clip -> [T, H, W, 3] uint8.
Upsampler = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Likeness:
  """How a clip compares with the real one.

  Attributes:
    psnr: to the real one, in dB.
    kept: PSNR, in dB, of the clip, shrunk again, to the small one it was made
      of.
    motion: mean absolute difference of consecutive frames, in levels of 255.
    flicker: see `evaluation.smoothness`.
    detail: see `detail`.
  """

  psnr: float
  kept: float
  motion: float
  flicker: float
  detail: float


def measure(clip: np.ndarray, real: np.ndarray, small: np.ndarray) -> Likeness:
  """Compares a clip with the real one.

  Args:
    clip: [T, H, W, 3] uint8.
    real: the same.
    small: [T, h, w, 3] uint8.
  """
  smooth = smoothness.measure(clip)
  shrunk = resize.resize(clip, *small.shape[1:3])
  return Likeness(
    psnr=reconstruction.psnr(clip, real),
    kept=reconstruction.psnr(shrunk, small),
    motion=smooth.motion,
    flicker=smooth.flicker,
    detail=detail(clip),
  )


def detail(clip: np.ndarray) -> float:
  """How fine a clip is drawn: [T, H, W, 3] uint8 -> levels of 255.

  Mean absolute Laplacian, by which a pixel differs from its four neighbours
  together, of the mean of the channels.
  """
  grey = clip.mean(-1, dtype=np.float32)
  inner = grey[:, 1:-1, 1:-1]
  around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1]
  around = around + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
  return float(np.abs(4 * inner - around).mean())


def compare(
  real: np.ndarray, size: int, upsample: Upsampler
) -> tuple[dict[str, Likeness], dict[str, np.ndarray]]:
  """Shrinks a real clip and upsamples it again.

  Args:
    real: [T, H, W, 3] uint8.
    size: pixels of the small clip's side.
    upsample: what is measured.

  Returns:
    What was found, and the clips that it was found of, of "real", "enlarged"
    (bicubic) and "upsampled".
  """
  small = resize.resize(real, size, size)
  clips = {
    "real": real,
    "enlarged": resize.resize(small, *real.shape[1:3]),
    "upsampled": upsample(small),
  }
  found = {name: measure(clip, real, small) for name, clip in clips.items()}
  return found, clips


def mean(likenesses: list[Likeness]) -> Likeness:
  """The mean of each number; decibels are averaged as such."""
  names = [field.name for field in dataclasses.fields(Likeness)]
  of = lambda name: np.mean([getattr(one, name) for one in likenesses])
  return Likeness(**{name: float(of(name)) for name in names})
