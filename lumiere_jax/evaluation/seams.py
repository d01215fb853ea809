"""Whether windows show: does the clip jump where one window meets the next?

The super-resolution network paints a few frames at a time. Painted apart,
windows disagree, and the mean difference of consecutive frames spikes at each
border (Lumiere, section 3.2, measures exactly this).

  frame              0 1 2 3 4 5 6 7 8 9
  owned by window    0 0 0 0 1 1 1 1 2 2      overlap 0: borders 3|4, 7|8
  averaged over      0 0 0 01 1 1 12 2 2 2    overlap 1: borders 2|3, 3|4, ...

A transition k | k + 1 is a border where the windows that say something about
frame k are not those that say something about frame k + 1.

  ratio     mean difference over borders / mean difference over the others;
            the headline. The content's own motion is in both.
  relative  the same ratio divided by that of the clip that was upsampled, at
            the same transitions: 1 where the jumps are the content's own. It
            matters for short clips, where chance may put motion at borders.
"""

import dataclasses
import pathlib

from matplotlib import figure
import numpy as np

from lumiere_jax import errors
from lumiere_jax.generation import motion
from lumiere_jax.video import resize


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seams:
  """What `measure` found.

  Attributes:
    differences: [T - 1] float64, mean |frame k + 1 - frame k| in levels.
    borders: [T - 1] bool, True on transitions between windows.
    ratio: see the module.
    relative: see the module; None where the upsampled clip is still.
  """

  differences: np.ndarray
  borders: np.ndarray
  ratio: float
  relative: float | None

  def as_dict(self) -> dict:
    """Returns the numbers, ready for JSON."""
    return {
      "ratio": self.ratio,
      "relative": self.relative,
      "borders": np.flatnonzero(self.borders).tolist(),
      "differences": self.differences.round(4).tolist(),
    }


def averaged_borders(windows: np.ndarray, num_frames: int) -> np.ndarray:
  """Borders where windows are averaged: [N, F] -> [T - 1] bool.

  Args:
    windows: [N, F] int, the frame each slot of each window holds.
    num_frames: T.
  """
  holds = np.zeros((len(windows), num_frames), bool)
  for held, frames in zip(holds, windows, strict=True):
    held[frames] = True
  return (holds[:, 1:] != holds[:, :-1]).any(0)


def owned_borders(windows: np.ndarray, num_frames: int) -> np.ndarray:
  """Borders where later windows paint over earlier: [N, F] -> [T - 1] bool."""
  owner = np.zeros(num_frames, int)
  for number, frames in enumerate(windows):
    owner[frames] = number
  return owner[1:] != owner[:-1]


def measure(
  frames: np.ndarray, low_res: np.ndarray, borders: np.ndarray
) -> Seams:
  """Measures the borders of one upsampled clip.

  Args:
    frames: [T, H, W, 3] uint8, the upsampled clip, never encoded.
    low_res: [T, h, w, 3] uint8, the clip that was upsampled.
    borders: [T - 1] bool.

  Raises:
    ShapeError: there is one window only, or nothing but borders.
    QualityError: nothing moves between the borders.
  """
  if borders.all() or not borders.any():
    raise errors.ShapeError(
      f"{int(borders.sum())} of {len(borders)} transitions are borders; the "
      "comparison needs some of both. Use a window of at least 2 and at most "
      "half the clip, and an overlap of at most half the window."
    )
  enlarged = resize.resize(low_res, *frames.shape[1:3])
  differences = motion.differences(frames)
  ratio = _ratio(differences, borders)
  if ratio is None:
    raise errors.QualityError(
      "nothing moves between the borders, so jumps at them compare with "
      "nothing; take a prompt that moves."
    )
  own = _ratio(motion.differences(enlarged), borders)
  return Seams(
    differences=differences,
    borders=borders,
    ratio=ratio,
    relative=ratio / own if own else None,
  )


def plot(found: dict[str, Seams], path: pathlib.Path) -> None:
  """Draws the differences of each variant, borders marked, into a PNG."""
  page = figure.Figure(figsize=(8, 2.4 * len(found)), layout="constrained")
  axes = page.subplots(len(found), squeeze=False, sharex=True, sharey=True)
  for (name, seams), axis in zip(found.items(), axes[:, 0], strict=True):
    at = np.flatnonzero(seams.borders)
    axis.plot(seams.differences, color="0.4", linewidth=1)
    axis.plot(at, seams.differences[at], "o", color="tab:red", markersize=4)
    axis.set_title(
      f"{name}: border / elsewhere = {seams.ratio:.2f}", loc="left"
    )
    axis.set_ylabel("difference (levels)")
  axes[-1, 0].set_xlabel("from frame k to k + 1 (red: between windows)")
  page.savefig(path, dpi=120)


def _ratio(differences: np.ndarray, borders: np.ndarray) -> float | None:
  elsewhere = float(differences[~borders].mean())
  return float(differences[borders].mean()) / elsewhere if elsewhere else None
