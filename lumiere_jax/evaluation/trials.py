"""What an application made of a clip whose truth is known, in numbers.

Each function looks at one clip, at uint8 frames before any encoding.  What is
asked of a network is asked of real clips too, so that its own mistakes are
known; see `cli.trials` for what is asked.
"""

from collections.abc import Mapping, Sequence
import dataclasses

import numpy as np

from lumiere_jax.evaluation import analytic
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import reconstruction
from lumiere_jax.evaluation import smoothness
from lumiere_jax.generation import motion
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world

_BORDER = 1  # pixels on either side of a mask's edge
_FLOOR = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
  """One number over all clips, and what it is asked to be.

  Attributes:
    name: what was measured.
    value: mean or median over clips; None of no clips.
    count: of how many.
    bar: what is asked for.
    is_least: whether at least that, or at most.
  """

  name: str
  value: float | None
  count: int
  bar: float | None = None
  is_least: bool = True

  @property
  def is_met(self) -> bool | None:
    """Whether the bar is met; None where there is none to meet."""
    if self.bar is None or self.value is None:
      return None
    return self.value >= self.bar if self.is_least else self.value <= self.bar

  def __str__(self) -> str:
    value = "-" if self.value is None else f"{self.value:.4g}"
    if self.bar is None:
      return f"{self.name:<44}{value:>10}{self.count:>6}"
    asked = f"{'>=' if self.is_least else '<='} {self.bar:g}"
    met = {True: "met", False: "MISSED", None: "-"}[self.is_met]
    return f"{self.name:<44}{value:>10}{self.count:>6}  {asked:<10}{met}"


def over(
  name: str,
  values: Sequence[float | bool | None],
  bar: float | None = None,
  *,
  is_least: bool = True,
  median: bool = False,
) -> Finding:
  """The mean, or median, of what could be measured."""
  known = [float(value) for value in values if value is not None]
  middle = np.median if median else np.mean
  return Finding(
    name=name,
    value=float(middle(known)) if known else None,
    count=len(known),
    bar=bar,
    is_least=is_least,
  )


def is_kept(painted: np.ndarray, given: np.ndarray, known: np.ndarray) -> bool:
  """Whether known [T, S, S] pixels of [T, S, S, 3] uint8 are as they were."""
  return bool(np.array_equal(painted[known], given[known]))


def fidelity(
  painted: np.ndarray, given: np.ndarray, known: np.ndarray
) -> float:
  """PSNR of the known pixels, in dB; at most 99."""
  if not known.any():
    return 99.0
  pixels = lambda video: video[known].reshape(1, 1, -1, 3)
  return min(99.0, reconstruction.psnr(pixels(painted), pixels(given)))


def at_the_end(frames: np.ndarray, count: int = 8) -> np.ndarray:
  """The last frames back and forth, as long as the clip: for a judge of clips.

  Args:
    frames: [T, S, S, 3] uint8.
    count: how many of the last.
  """
  last = frames[-count:]
  loop = np.concatenate([last, last[::-1]])
  return loop[np.arange(len(frames)) % len(loop)]


def shows_kind(seen: scenes.Scene, thing: scenes.Thing) -> bool:
  """Whether a thing of that shape and colour was seen."""
  return any(
    (one.shape, one.color) == (thing.shape, thing.color) for one in seen.things
  )


def largest_jump(frames: np.ndarray) -> float:
  """The largest difference of consecutive frames, in levels of 255."""
  return float(motion.differences(frames).max())


def seam(frames: np.ndarray, mask: np.ndarray) -> float | None:
  """How steep the picture is across a mask's border, in levels a pixel.

  Args:
    frames: [T, S, S, 3] uint8.
    mask: [T, S, S] bool.

  Returns:
    Mean absolute difference of neighbours of which one is inside; None of a
    mask without a border.
  """
  grey = frames.astype(np.float32).mean(-1)
  total = count = 0.0
  for axis in (1, 2):
    crosses = np.diff(mask, axis=axis)
    total += np.abs(np.diff(grey, axis=axis))[crosses].sum()
    count += crosses.sum()
  return float(total / count) if count else None


def motion_inside(frames: np.ndarray, region: np.ndarray) -> float:
  """Motion of a region alone: [T, S, S, 3] uint8, [S, S] bool -> levels."""
  inside = frames[:, region].astype(np.float32)
  return float(np.abs(np.diff(inside, axis=0)).mean())


def seams_in_time(frames: np.ndarray, borders: Sequence[int]) -> float | None:
  """Frame differences where stretches meet over those elsewhere.

  Args:
    frames: [T, S, S, 3] uint8.
    borders: numbers of the first frames of stretches.
  """
  steps = motion.differences(frames)
  at = np.zeros(len(steps), bool)
  at[[border - 1 for border in borders if 0 < border < len(frames)]] = True
  if not at.any():
    return None
  return float(steps[at].mean() / max(steps[~at].mean(), _FLOOR))


def mean_drift(frames: np.ndarray, count: int = 16) -> float:
  """CIE76 difference between the mean colours of the first and last frames."""
  first, last = (
    smoothness.to_lab(part.mean((0, 1, 2)))
    for part in (frames[:count], frames[-count:])
  )
  return float(np.linalg.norm(first - last))


def follows(painted: np.ndarray, source: np.ndarray) -> float | None:
  """Correlation of the ways that what moves takes in two clips.

  Returns:
    The mean over the two axes along which the source's moves, in [-1, 1]; None
    where it cannot be told, as with a camera that moves.
  """
  paths = [analytic.track(frames) for frames in (source, painted)]
  if analytic.camera(source) != "still" or paths[0] is None:
    return None
  if paths[1] is None:
    return 0.0
  found = [
    float(np.corrcoef(paths[0][:, axis], paths[1][:, axis])[0, 1])
    for axis in (0, 1)
    if np.ptp(paths[0][:, axis]) > 0.1 and np.ptp(paths[1][:, axis]) > 0
  ]
  return float(np.mean(found)) if found else None


def recolored(
  scene: scenes.Scene, rng: np.random.Generator
) -> scenes.Scene | None:
  """The scene with the thing that acts in another colour, or None.

  Never a pair that training does not show, nor a kind that is there already.
  """
  taken = {(thing.shape, thing.color) for thing in scene.things}
  for color in rng.permutation(list(words.COLORS)):
    thing = dataclasses.replace(scene.actor, color=str(color))
    if (thing.shape, thing.color) in taken:
      continue
    other = dataclasses.replace(scene, things=(thing, *scene.things[1:]))
    if not world.is_unseen(other):
      return other
  return None


def visible(things: np.ndarray, least: float = 0.01) -> bool:
  """Whether the thing that acts is in the first and the last frame.

  Args:
    things: [T, S, S] uint8, see `render.Footage.things`.
    least: share of the frame that it covers.
  """
  return bool(min((things[k] == 1).mean() for k in (0, -1)) >= least)


def around(things: np.ndarray, margin: int) -> np.ndarray:
  """[T, S, S] bool: a box around the thing that acts, which goes with it.

  A frame where it is not seen has the box of the frame before, or after.
  """
  boxes = [_box(frame == 1, margin) for frame in things]
  known = [k for k, box in enumerate(boxes) if box is not None]
  mask = np.zeros(things.shape, bool)
  for k in range(len(things)):
    if not known:
      break
    nearest = min(known, key=lambda other: abs(other - k))
    top, left, bottom, right = boxes[nearest]
    mask[k, top:bottom, left:right] = True
  return mask


def ask(
  judge: judges.Judge, clips: Sequence[np.ndarray], fps: float
) -> list[scenes.Scene]:
  """What a judge sees in clips, a few at a time."""
  found = []
  for k in range(0, len(clips), judges.BATCH):
    found += judge(np.stack(clips[k : k + judges.BATCH]), fps).scenes
  return found


def agreeing(agreements: Sequence[Mapping[str, bool]]) -> list[bool]:
  """Each answer of each clip, as one list."""
  return [right for one in agreements for right in one.values()]


def _box(mask: np.ndarray, margin: int) -> tuple[int, int, int, int] | None:
  rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
  if not len(rows):
    return None
  low = lambda found: max(0, found[0] - margin)
  high = lambda found, size: min(size, found[-1] + 1 + margin)
  return (
    *(low(rows), low(columns)),
    *(high(rows, mask.shape[0]), high(columns, mask.shape[1])),
  )
