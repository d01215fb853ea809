"""One clip of a batch: read, shown, and replaced if it cannot be.

Runs in grain's workers.  What takes a bad clip's place is drawn from the
generator that belongs to the clip's place in the global order, so it is the
same on any number of hosts and workers, and after a resume.
"""

from collections.abc import Sequence
import dataclasses
from typing import Any

import numpy as np

from lumiere_jax import errors
from lumiere_jax.data import quarantine
from lumiere_jax.data import source as source_lib
from lumiere_jax.data import view as view_lib

REJECTED = "rejected"
# Where half of the clips are bad, this many in a row are so once in 65,000.
_ATTEMPTS = 16


@dataclasses.dataclass(frozen=True)
class Draw:
  """Turns (position, clip index) into arrays.

  Attributes:
    source: the clips.
    view: what is shown of each.
    part: which dataset of the mixture `source` is.
  """

  source: source_lib.ClipSource
  view: view_lib.View
  part: int = 0

  def __call__(
    self, place: tuple[int, int], rng: np.random.Generator
  ) -> dict[str, Any]:
    """Returns what `View` does, and beside it the list of rejects.

    Raises:
      DataError: one clip after the other is bad.
    """
    position, index = place
    rejects = []
    for _ in range(_ATTEMPTS):
      try:
        arrays = self.view(self.source[int(index)], rng)
      except (errors.DataError, errors.VideoError) as error:
        reject = quarantine.Reject(
          part=self.part,
          index=int(index),
          position=int(position),
          reason=str(error),
        )
        rejects.append(reject)
        index = rng.integers(len(self.source))
      else:
        return arrays | {REJECTED: rejects}
    raise errors.DataError(
      f"{_ATTEMPTS} clips of {self.source.dataset} drawn one after the other "
      f"could not be used, the last because {rejects[-1].reason} See what is "
      f"wrong with: lumiere verify {self.source.dataset}"
    )


def stack(elements: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
  """Clips to a batch: arrays [B, ...], rejects packed into one array."""
  names = [name for name in elements[0] if name != REJECTED]
  rejects = [reject for element in elements for reject in element[REJECTED]]
  return {
    name: np.stack([element[name] for element in elements]) for name in names
  } | {REJECTED: quarantine.pack(rejects)}
