"""What a generator tells while it works."""

from collections.abc import Callable
import dataclasses

import numpy as np

from lumiere_jax.video import pixels


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
  """One finished denoising step.

  Attributes:
    stage: "t2i", "base" or "ssr".
    step: number of steps done, from 1, of all that the stage paints.
    num_steps: steps of the stage.
    clean: [B, T, H, W, 3] float32, what the network now believes the clips
      that it is painting to be, nominally in [-1, 1].
  """

  stage: str
  step: int
  num_steps: int
  clean: np.ndarray

  def frames(self, index: int) -> np.ndarray:
    """Returns clip `index` as it would be shown: [T, H, W, 3] uint8."""
    return pixels.to_uint8(self.clean[index])


OnStep = Callable[[Progress], None]
