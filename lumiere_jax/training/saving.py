"""When a run saves, and what it does about a save that fails.

A save runs in the background.  If the one before it is still under way when
the next is due, the loop waits for at most `budget` seconds and then goes on
training; the save that is due begins at the next step that logs at which the
way is free.  One that fails is told, counted and tried again with the state of
then, after 1, 2, 4, ... steps that log; too many in a row end the run.
Nothing is ever skipped in silence.
"""

from collections.abc import Callable, Mapping
import dataclasses
import errno
import json
import os
import time
from typing import Any

from absl import logging
import jax

from lumiere_jax import errors
from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import retention
from lumiere_jax.checkpoints import store as stores
from lumiere_jax.parallel import agree
from lumiere_jax.video import atomic

# What a process knows of its last save, the worst last.
_SAVED, _BUSY, _FAILED = range(3)
_LOSSES = "losses.json"

# () -> (trees of arrays, notes of JSON values) of the step.
Snapshot = Callable[[], tuple[Mapping[str, Any], Mapping[str, Any]]]
OnEvent = Callable[..., None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
  """How a run keeps what it has learned.

  Attributes:
    keep_newest: see `retention.Retention`.
    keep_every: likewise.
    keep_best: likewise.
    budget: seconds that the loop waits for a save that is under way.
    attempts: saves that may fail in a row before the run ends.
    backoff: seconds before the first repetition of the last save of a run,
      which nothing else goes on beside; doubled each time.
  """

  keep_newest: int = 2
  keep_every: int = 0
  keep_best: int = 0
  budget: float = 60.0
  attempts: int = 5
  backoff: float = 1.0

  def retention(self) -> retention.Retention:
    """Which checkpoints stay."""
    return retention.Retention(
      newest=self.keep_newest, every=self.keep_every, best=self.keep_best
    )


class Saver:
  """Saves what is wanted, sooner or later; the same in every process."""

  def __init__(
    self,
    workdir: str,
    settings: Settings = Settings(),
    on_event: OnEvent = lambda kind, **fields: None,
  ):
    self.settings = settings
    self._workdir = workdir
    self._retention = settings.retention()
    self._store = stores.Store(workdir)
    self._on_event = on_event
    self._is_wanted = False
    self._failures = 0
    self._pause = 0  # calls of `turn` to let pass after a failure

  def turn(
    self, step: int, is_due: bool, snapshot: Snapshot, loss: float | None
  ) -> None:
    """Saves if it is due, or still wanted; to call at steps that log.

    Args:
      step: steps done.
      is_due: whether a checkpoint belongs here by the recipe.
      snapshot: what to save.
      loss: mean since the last checkpoint.

    Raises:
      OutputError: too many saves failed in a row.
    """
    if is_due:
      self._store.wait(self.settings.budget)
    state = self._review()
    if is_due and state == _BUSY:
      logging.warning(
        "the checkpoint due at step %d waits: the one before it is still "
        "being written after %.0f s",
        step,
        self.settings.budget,
      )
    self._is_wanted |= is_due
    self._pause = max(0, self._pause - 1)
    if self._is_wanted and state != _BUSY and (is_due or not self._pause):
      self._start(step, snapshot, loss)

  def finish(self, step: int, snapshot: Snapshot, loss: float | None) -> None:
    """Saves now and waits until it is done; for the last step of a run.

    Raises:
      OutputError: it failed too often.
    """
    self.settle()
    if self._newest() == step:
      return
    while True:
      self._start(step, snapshot, loss)
      self._store.wait()
      if self._review() == _SAVED:
        return
      time.sleep(self.settings.backoff * 2 ** (self._failures - 1))

  def settle(self) -> None:
    """Waits for a save under way, and takes note of how it ended."""
    self._store.wait()
    self._review()

  def close(self) -> None:
    """Waits for a save under way; for the end."""
    self._store.close()

  def _newest(self) -> int:
    return agree.first(folder.newest(self._workdir) or 0)

  def _start(self, step: int, snapshot: Snapshot, loss: float | None) -> None:
    if self._newest() == step:
      self._is_wanted = False
      return
    self._is_wanted = False
    trees, notes = snapshot()
    self._store.start(step, trees, {**notes, "loss": {"mean": loss}})

  def _review(self) -> int:
    """What became of the last save, anywhere; counts a failure."""
    outcome = self._store.outcome()
    mine = _BUSY if self._store.is_busy() else _SAVED
    if outcome is not None and outcome.error is not None:
      mine = _FAILED
    worst = agree.largest(mine)
    if worst == _FAILED:
      self._failed(outcome)
    elif outcome is not None and worst == _SAVED:
      self._failures = 0
      self._thin_out()
      self._on_event(
        "checkpoint",
        step=outcome.step,
        seconds=outcome.blocked,
        background=outcome.background,
        sealing=outcome.sealing,
        bytes=outcome.nbytes,
      )
    return worst

  def _failed(self, outcome: stores.Outcome | None) -> None:
    self._failures += 1
    self._is_wanted, self._pause = True, 2 ** (self._failures - 1)
    reason = why(outcome.error) if outcome and outcome.error else "elsewhere"
    step = outcome.step if outcome else -1
    self._on_event(
      "checkpoint_failed", step=step, attempt=self._failures, reason=reason
    )
    logging.error(
      "saving step %d failed (%s), %d of %d times in a row; training goes on "
      "and it will be tried again",
      step,
      reason,
      self._failures,
      self.settings.attempts,
    )
    if self._failures >= self.settings.attempts:
      raise errors.OutputError(
        f"{folder.root(self._workdir)} could not be written {self._failures} "
        f"times in a row: {reason}. Free some space or mend the disk and run "
        "the same command again; the checkpoints that are there are whole."
      )

  def _thin_out(self) -> None:
    if jax.process_index() != 0:
      return
    steps = folder.steps(self._workdir)
    losses = {step: loss_of(self._workdir, step) for step in steps}
    for step in self._retention.goes(losses):
      try:
        folder.remove(self._workdir, step)
      except OSError as error:
        logging.warning("checkpoint %d stays: %s", step, error)


def loss_of(workdir: str | os.PathLike, step: int) -> float | None:
  """Mean loss before a checkpoint, None if it is not known."""
  path = folder.of(workdir, step) / "loss" / "metadata"
  try:
    return json.loads(path.read_text())["mean"]
  except (OSError, ValueError, KeyError, TypeError):
    return None


def why(error: BaseException) -> str:
  """The first line of an error, without the trace that Orbax adds."""
  if atomic.is_disk_full(error):
    return os.strerror(errno.ENOSPC)
  return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
