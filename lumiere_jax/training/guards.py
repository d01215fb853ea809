"""What a run does when its loss is no number, jumps, or no longer comes.

A step whose loss or gradient is not finite changes nothing (`step.py`); too
many of those in a row, or a loss far above what it was, and the run goes back
to its last checkpoint and on with other clips: those of the bad window are not
seen again.  How often is bounded.  A step that takes far too long leaves the
stacks of all threads in a file.
"""

import collections
from collections.abc import Mapping, Sequence
import dataclasses
import faulthandler
import math
import os
import pathlib
import statistics

import jax
import numpy as np

from lumiere_jax import errors

STACKS = "stacks_{:05d}.txt"  # of each process
_HISTORY = 50  # windows whose median says what the loss was
_ENOUGH = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
  """What is borne, and how often.

  Attributes:
    max_skipped: steps in a row without a finite gradient; more is a fault.
    spike: mean loss of a window over the median before it that is a fault;
      0 never is.
    max_rollbacks: faults after which the run goes back; one more ends it.
    hang_seconds: a step that takes longer leaves the stacks of all threads;
      0 never does.
    hang_exit: whether it then ends the process, for whoever restarts it.
  """

  max_skipped: int = 20
  spike: float = 10.0
  max_rollbacks: int = 3
  hang_seconds: float = 1800.0
  hang_exit: bool = False


class FaultError(Exception):
  """The state is not worth keeping; says why."""


class Watch:
  """Looks at each window of steps; the same in every process."""

  def __init__(self, settings: Settings):
    self.settings = settings
    self.rollbacks = 0
    self._in_a_row = 0
    self._losses: collections.deque = collections.deque(maxlen=_HISTORY)

  def means(
    self, window: Sequence[Mapping[str, float]], last_step: int
  ) -> dict[str, float]:
    """Means over a window, of steps that counted, and how many did not.

    Args:
      window: metrics of each step, on the host; "skipped" is 1 where the
        gradient was not finite.
      last_step: of the window.

    Raises:
      FaultError: see `Settings`.
    """
    counted = []
    first = last_step - len(window) + 1
    for step, one in enumerate(window, first):
      self._in_a_row = self._in_a_row + 1 if one["skipped"] else 0
      if self._in_a_row > self.settings.max_skipped:
        raise FaultError(
          f"loss or gradient became NaN or infinite in steps "
          f"{step - self._in_a_row + 1} to {step}"
        )
      counted += [] if one["skipped"] else [one]
    means = {
      name: float(np.mean([one[name] for one in counted]))
      for name in (counted[0] if counted else ())
    }
    broken = [name for name, mean in means.items() if not math.isfinite(mean)]
    if broken:
      raise FaultError(
        f"{', '.join(broken)} became NaN or infinite in steps {first} to "
        f"{last_step}"
      )
    self._look_for_spike(means, first, last_step)
    return means | {"skipped": float(len(window) - len(counted))}

  def _look_for_spike(self, means, first: int, last_step: int) -> None:
    if not means:
      return
    loss, spike = means["loss"], self.settings.spike
    if spike and len(self._losses) >= _ENOUGH:
      usual = statistics.median(self._losses)
      if loss > spike * usual:
        raise FaultError(
          f"the loss of steps {first} to {last_step} is {loss:.4g}, over "
          f"{spike:g} times its median {usual:.4g}"
        )
    self._losses.append(loss)

  def roll_back(self, fault: FaultError, to: int | None) -> None:
    """Counts a fault.

    Args:
      fault: what happened.
      to: step of the checkpoint there is, or None.

    Raises:
      TrainingError: there is none, or it happened too often.
    """
    self.rollbacks += 1
    self._in_a_row = 0
    is_often = self.rollbacks > self.settings.max_rollbacks
    if to is None or is_often:
      why = "once more" if is_often else "before there was a checkpoint"
      raise errors.TrainingError(
        f"{fault}, {why}; nothing of them was saved. Lower "
        "optimizer.learning_rate or optimizer.clip_norm and run the same "
        "command again to continue from the last checkpoint."
      ) from fault


class Watchdog:
  """Leaves the stacks of all threads when no step ends for too long."""

  def __init__(self, workdir: str | os.PathLike, settings: Settings):
    self._settings = settings
    self._path = pathlib.Path(workdir) / STACKS.format(jax.process_index())
    self._file = None

  def beat(self) -> None:
    """Says that the run lives."""
    if not self._settings.hang_seconds:
      return
    if self._file is None:
      self._path.parent.mkdir(parents=True, exist_ok=True)
      self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115
    # A thread of C, which needs no lock that a hanging thread may hold.
    faulthandler.dump_traceback_later(
      self._settings.hang_seconds,
      file=self._file,
      exit=self._settings.hang_exit,
    )

  def close(self) -> None:
    """Stops watching; an empty file is removed."""
    if self._file is None:
      return
    faulthandler.cancel_dump_traceback_later()
    self._file.close()
    self._file = None
    if not self._path.stat().st_size:
      self._path.unlink()
