"""Where the time of a run goes, and what happened to it.

`ledger.jsonl` in the run's folder: one JSON object a line, written by process
0.  A stop may cut the last line; readers pass over it.  What a process did
between its last line and its death nobody wrote down: it counts as away.
"""

from collections.abc import Callable, Iterable, Mapping
import contextlib
import dataclasses
import json
import os
import pathlib
import time
from typing import Any

from lumiere_jax.training import metrics

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
    self._born = self._since = self._flushed = clock()
    self._step = 0

  def event(self, kind: str, **fields: Any) -> None:
    """Writes that something happened."""
    if not self.is_active:
      return
    path = pathlib.Path(self.workdir) / FILE
    entry = {"time": self.now(), "event": kind} | fields
    with metrics.tolerated("the ledger"):
      path.parent.mkdir(parents=True, exist_ok=True)
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

  def age(self) -> float:
    """Seconds since the session began."""
    return self.clock() - self._born

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


def read(workdir: str | os.PathLike) -> list[dict[str, Any]]:
  """All entries, oldest first; none where there is no ledger."""
  path = pathlib.Path(workdir) / FILE
  found = []
  for line in path.read_text("utf-8").splitlines() if path.exists() else ():
    with contextlib.suppress(ValueError):  # cut by a stop
      found.append(json.loads(line))
  return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Goodput:
  """Where the time went, in seconds.

  Attributes:
    seconds: by class, as charged; "step" without what was lost.
    lost: steps that were done and, after a run went back, done again.
    away: between sessions, when there was no process.
  """

  seconds: Mapping[str, float]
  lost: float
  away: float

  @property
  def total(self) -> float:
    """All that processes spent."""
    return sum(self.seconds.values()) + self.lost

  @property
  def share(self) -> float:
    """Of that, what went into steps that counted; 0 of nothing."""
    return self.seconds["step"] / self.total if self.total else 0.0


def goodput(entries: Iterable[Mapping[str, Any]]) -> Goodput:
  """Adds up a ledger."""
  seconds = dict.fromkeys(CLASSES, 0.0)
  done: list[tuple[int, int, float]] = []  # first and last step, seconds
  lost = away = 0.0
  last_time = None
  for entry in entries:
    kind = entry["event"]
    if kind == "spent":
      for name, spent in entry["seconds"].items():
        if name != "step":
          seconds[name] = seconds.get(name, 0.0) + spent
      steps = entry["first"], entry["step"]
      done.append((*steps, entry["seconds"].get("step", 0.0)))
    elif kind in ("started", "rolled_back"):
      to = entry["to"] if kind == "rolled_back" else entry["step"]
      done, gone = _cut(done, to)
      lost += gone
      if kind == "started" and last_time is not None:
        away += max(0.0, entry["time"] - last_time - entry.get("seconds", 0.0))
    last_time = entry["time"]
  seconds["step"] = sum(spent for _, _, spent in done)
  return Goodput(seconds=seconds, lost=lost, away=away)


def _cut(done, step: int):
  """Windows up to a step, and the seconds of those behind it, pro rata."""
  kept, lost = [], 0.0
  for first, last, spent in done:
    stays = max(0, min(last, step) - first + 1)
    share = stays / (last - first + 1) if last >= first else 1.0
    lost += spent * (1 - share)
    if share:
      kept.append((first, min(last, step), spent * share))
  return kept, lost
