"""Where the time of a run goes, and what happened to it.

`ledger.jsonl` in the run's folder: one JSON object a line, written by process
0.  A stop may cut the last line; readers pass over it.
"""

from collections.abc import Callable
import contextlib
import json
import pathlib
import time
from typing import Any

FILE = "ledger.jsonl"
CLASSES = ("compile", "data", "step", "checkpoint", "restart", "other")


class Ledger:
  """Adds up seconds by class, and writes them and events down.

  Attributes:
    workdir: the run's folder.
    is_active: whether this process writes.
    clock: seconds, from anywhere.
    now: seconds since 1970.
  """

  def __init__(
    self,
    workdir: str,
    *,
    is_active: bool = True,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
  ):
    self.workdir, self.is_active = workdir, is_active
    self.clock, self.now = clock, now
    self._spent = dict.fromkeys(CLASSES, 0.0)
    self._open: list[str] = []
    self._since = self._flushed = clock()
    self._step = 0

  def event(self, kind: str, **fields: Any) -> None:
    """Writes that something happened."""
    if not self.is_active:
      return
    path = pathlib.Path(self.workdir) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {"time": self.now(), "event": kind} | fields
    with path.open("a", encoding="utf-8") as file:
      file.write(json.dumps(entry) + "\n")

  @contextlib.contextmanager
  def spending(self, kind: str):
    """Charges the block's seconds to a class; an inner block's to its own."""
    self._charge()
    self._open.append(kind)
    try:
      yield
    finally:
      self._charge()
      self._open.pop()

  def add(self, kind: str, seconds: float) -> None:
    """Charges seconds that were measured elsewhere."""
    self._spent[kind] += seconds

  def begin(self, step: int) -> None:
    """Says that the next window begins after `step`."""
    self._step = step

  def flush(self, step: int) -> None:
    """Writes what the steps since the last flush took."""
    self._charge()
    now = self.clock()
    self.event(
      "spent",
      first=self._step + 1,
      step=step,
      total=now - self._flushed,
      seconds=self._spent,
    )
    self._spent = dict.fromkeys(CLASSES, 0.0)
    self._flushed, self._step = now, step

  def _charge(self) -> None:
    now = self.clock()
    kind = self._open[-1] if self._open else "other"
    self._spent[kind] += now - self._since
    self._since = now
