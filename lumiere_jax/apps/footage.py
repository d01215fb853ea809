"""A person's clip: as the network takes it, and as it was.

The network paints so many frames at its own rate.  What comes back has the
source's own frames, each with what was painted for its time.
"""

import dataclasses
import pathlib

import numpy as np

from lumiere_jax import errors
from lumiere_jax.video import read
from lumiere_jax.video import sound as sounds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Footage:
  """The part of a clip that is worked on.

  Attributes:
    path: the file.
    frames: [N, H, W, 3] uint8, all of its own frames.
    fps: their rate.
    shown: [T] int, which of them each frame of the network shows.
    rate: frames a second of the network.
    notes: what was done to the clip, a sentence each.
    sound: what is heard meanwhile; None for nothing.
  """

  path: pathlib.Path
  frames: np.ndarray
  fps: float
  shown: np.ndarray
  rate: float
  notes: tuple[str, ...] = ()
  sound: sounds.Sound | None = None

  @property
  def for_network(self) -> np.ndarray:
    """[T, H, W, 3] uint8: what is shown at the network's times."""
    return self.frames[self.shown]

  @property
  def times(self) -> np.ndarray:
    """[N] seconds of its own frames."""
    return np.arange(len(self.frames)) / self.fps

  @property
  def network_times(self) -> np.ndarray:
    """[T] seconds of the network's frames; those held have the last one's."""
    ticks = np.arange(len(self.shown)) / self.rate
    return np.minimum(ticks, self.times[-1])

  def at_own_rate(self, painted: np.ndarray) -> np.ndarray:
    """[T, ...] of the network -> [N, ...], what is painted at each own time."""
    index = np.floor(self.times * self.rate + 1e-6).astype(int)
    return painted[np.minimum(index, len(painted) - 1)]


def load(
  path: pathlib.Path, *, num_frames: int, rate: float, start: float = 0.0
) -> Footage:
  """Reads the first seconds of a clip that the network can paint.

  Args:
    path: any video.
    num_frames: T, of the network.
    rate: frames a second of the network.
    start: seconds into the clip.

  Raises:
    VideoError: it cannot be read, or ends before `start`.
    ConfigError: `start` is negative.
  """
  if start < 0:
    raise errors.ConfigError(f"start is {start} seconds; it is 0 or later.")
  found = read.probe(path)
  left, span = found.duration - start, num_frames / rate
  if left <= 0:
    raise errors.VideoError(
      f"{path} is {found.duration:.2f} s long and was to be read from "
      f"{start:g} s on; start earlier."
    )
  count = max(1, round(min(left, span) * found.fps))
  frames = read.decode(
    path, start=start, num_frames=count, fps=found.fps, hold=True
  )
  ticks = np.floor(np.arange(num_frames) / rate * found.fps + 1e-6).astype(int)
  note = ()
  if left < span - 0.5 / rate:
    note = (
      f"{path} shows {left:.2f} s and {span:g} s are painted; its last frame "
      "was held, and the result is as long as the source",
    )
  elif left > span + 1 / rate:
    note = (f"of {left:.2f} s the first {span:g} are used",)
  return Footage(
    path=path,
    frames=frames,
    fps=found.fps,
    shown=np.minimum(ticks, count - 1),
    rate=rate,
    notes=note,
    sound=sounds.read(path, start, count / found.fps),
  )
