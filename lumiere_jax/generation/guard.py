"""Refuses frames that are no video: NaN, flat, or pure noise.

Networks that went wrong do not raise; they paint grey or snow, and people
find out after the whole cascade has run. Each stage's clip is measured right
after the stage, and the refusal names it.

Two numbers decide:

  contrast     standard deviation over the pixels of a frame, averaged over
               frames; flat frames have 0.
  correlation  of horizontally or vertically neighbouring pixels, whichever is
               further from 0; white noise has 0, photographs have above 0.8,
               and an image under as much noise as signal about 0.4.
"""

import dataclasses

import numpy as np

from lumiere_jax import errors

# A hundredth of the full range from -1 to 1 is 1.3 levels of 255: what is
# below it is invisible even to a viewer who looks for it.
MIN_CONTRAST = 0.01
# Half of what an image has under as much white noise as signal.
MIN_CORRELATION = 0.2

_BYPASS = "--no-guard writes the frames as they are"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
  """What was measured on one clip.

  Attributes:
    finite: share of values that are neither NaN nor infinite, in [0, 1].
    contrast: see the module; in units of the range [-1, 1].
    correlation: see the module; in [-1, 1], 0 where contrast is 0.
  """

  finite: float
  contrast: float
  correlation: float


def measure(clip: np.ndarray) -> Verdict:
  """Measures one clip, frame by frame so that memory stays small.

  Args:
    clip: [T, H, W, 3] float32, nominally in [-1, 1].
  """
  finite = np.mean([np.isfinite(frame).mean() for frame in clip])
  if finite < 1:
    return Verdict(finite=float(finite), contrast=0.0, correlation=0.0)
  contrast, products = [], np.zeros((2, 2))
  for frame in np.asarray(clip, np.float32):
    centred = frame - frame.mean((0, 1), dtype=np.float64)
    contrast.append(np.sqrt(np.mean(np.square(centred))))
    products += [_products(centred, axis) for axis in (0, 1)]
  correlations = products[:, 0] / np.maximum(products[:, 1], 1e-12)
  return Verdict(
    finite=1.0,
    contrast=float(np.mean(contrast)),
    correlation=float(correlations[np.argmax(np.abs(correlations))]),
  )


def fault(verdict: Verdict) -> str | None:
  """Says in a clause what is wrong with a clip, or None."""
  if verdict.finite < 1:
    return (
      f"{1 - verdict.finite:.1%} of its values are NaN or infinite; try a "
      "lower guidance scale, float32 compute, or an earlier checkpoint"
    )
  if verdict.contrast < MIN_CONTRAST:
    return (
      f"its frames are flat (contrast {verdict.contrast:.4f}, at least "
      f"{MIN_CONTRAST} expected); try another seed, a lower guidance scale, "
      "or weights trained for longer"
    )
  if abs(verdict.correlation) < MIN_CORRELATION:
    return (
      f"its frames are pure noise (neighbouring pixels correlate "
      f"{verdict.correlation:.2f}, at least {MIN_CORRELATION} expected); try "
      "more inference steps, or weights trained for longer"
    )
  return None


def check(stage: str, clips: np.ndarray) -> None:
  """Refuses a stage's output that is no video.

  Args:
    stage: name of the stage that painted the clips.
    clips: [B, T, H, W, 3] float32, nominally in [-1, 1].

  Raises:
    QualityError: a clip is NaN, flat or pure noise.
  """
  for index, clip in enumerate(clips):
    if reason := fault(measure(clip)):
      which = f" (clip {index})" if len(clips) > 1 else ""
      raise errors.QualityError(
        f"stage {stage!r} painted no video{which}: {reason}. {_BYPASS}."
      )


def _products(centred: np.ndarray, axis: int) -> tuple[float, float]:
  """Returns (sum of neighbours' products, its largest possible value)."""
  length = centred.shape[axis]
  before = np.take(centred, range(length - 1), axis)
  after = np.take(centred, range(1, length), axis)
  energy = np.sum(np.square(before)) * np.sum(np.square(after))
  return float(np.sum(before * after)), float(np.sqrt(energy))
