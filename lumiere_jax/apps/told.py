"""What every application comes to: pixels to keep, or a clip to start from."""

from collections.abc import Callable
import dataclasses

import numpy as np

from lumiere_jax.generation import given as givens
from lumiere_jax.video import sound as sounds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
  """What the generator is told beside the prompt.

  Attributes:
    given: pixels to keep; None for none.
    source: a clip to start from; None for noise.
    place: painted frames [T, S, S, 3] uint8 -> the frames that the person
      gets, at the size and rate of what they gave.
    fps: rate of those; None for the network's.
    notes: what was done to what the person gave, a sentence each.
    sound: to be heard with the result; None for silence.
  """

  given: givens.Given | None = None
  source: givens.Source | None = None
  place: Callable[[np.ndarray], np.ndarray] = lambda frames: frames
  fps: float | None = None
  notes: tuple[str, ...] = ()
  sound: sounds.Sound | None = None


def notes(*sentences: str | None) -> tuple[str, ...]:
  """Those that say something."""
  return tuple(sentence for sentence in sentences if sentence)
