"""Clips that stay in memory once they are decoded.

A small dataset is read many times over, and decoding is what an accelerator
waits for.  What is shown of a clip does not change by it.
"""

import dataclasses
import fractions

import numpy as np

from lumiere_jax.data import source as source_lib
from lumiere_jax.video import read


class Kept:
  """A source of clips whose frames are decoded once, by this process.

  Attributes:
    dataset: as the source's.
    split: likewise.
    root: likewise.
    digest: likewise.
    short_side: pixels to which the short side of frames is brought.
  """

  def __init__(self, source: source_lib.ClipSource, short_side: int):
    """Keeps nothing yet."""
    self.dataset, self.split = source.dataset, source.split
    self.root, self.digest = source.root, source.digest
    self.short_side = short_side
    self._source, self._clips = source, {}

  def __len__(self) -> int:
    """Number of clips."""
    return len(self._source)

  def __getitem__(self, index: int) -> source_lib.Clip:
    """A clip as [T, H, W, 3] uint8 frames; the source's where that cannot be.

    Frames in memory have one rate: a clip whose rate varies is not kept.

    Raises:
      VideoError: the clip cannot be decoded.
      DataError: its record is damaged.
    """
    if index in self._clips:
      return self._clips[index]
    clip = self._source[index]
    frames = self._decoded(clip) if isinstance(clip.video, bytes) else None
    if frames is None:
      return clip
    # Threads may decode one clip twice; both have the same frames.
    self._clips[index] = frames
    return frames

  def captions(self, index: int) -> tuple[str, ...]:
    """The captions of a clip."""
    return self._source.captions(index)

  def _decoded(self, clip: source_lib.Clip) -> source_lib.Clip | None:
    times = read.frame_times(clip.video, name=clip.name)
    rate = _rate(times)
    if rate is None:
      return None
    frames = read.decode_at(
      clip.video, times, short_side=self.short_side, name=clip.name
    )
    return dataclasses.replace(clip, video=frames, fps=rate)


def _rate(times: np.ndarray) -> float | None:
  """Frames a second of [N] time stamps that are evenly spread, or None."""
  if len(times) < 2:
    return None
  steps = np.diff(times)
  mean = float(np.mean(steps))
  if np.ptp(steps) > 0.02 * mean:
    return None
  # Time stamps are whole numbers of a unit, which 1 / fps may not be: 16, not
  # 15.9999, or every frame would be taken for the one before.
  return float(fractions.Fraction(1.0 / mean).limit_denominator(1001))
