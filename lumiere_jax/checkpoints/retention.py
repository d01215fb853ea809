"""Which checkpoints of a run stay."""

from collections.abc import Mapping
import dataclasses

from lumiere_jax import errors


@dataclasses.dataclass(frozen=True, kw_only=True)
class Retention:
  """What is kept; a checkpoint stays if any of these wants it.

  Attributes:
    newest: this many of the newest; 2 or more, since an older one is what
      stands in for a damaged one.
    every: those whose step is a multiple of this; 0 keeps none for that.
    best: this many with the lowest loss.
  """

  newest: int = 2
  every: int = 0
  best: int = 0

  def __post_init__(self):
    if self.newest < 2 or self.every < 0 or self.best < 0:
      raise errors.ConfigError(
        f"checkpoints.keep_newest is {self.newest}, keep_every {self.every}, "
        f"keep_best {self.best}; keep the 2 newest or more, so that one can "
        "stand in for the other, and nothing negative."
      )

  def goes(self, losses: Mapping[int, float | None]) -> list[int]:
    """Steps to delete, oldest first.

    Args:
      losses: step -> mean loss before it, None if not known; all checkpoints.
    """
    known = [step for step, loss in losses.items() if loss is not None]
    stays = {
      *sorted(losses)[-self.newest :],
      *(step for step in losses if self.every and step % self.every == 0),
      *sorted(known, key=lambda step: (losses[step], -step))[: self.best],
    }
    return sorted(losses.keys() - stays)
