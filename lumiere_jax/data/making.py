"""One shard of a dataset in the making: a file of records, and what was done.

A shard is a fixed stretch of the list of files, so it is the same whoever
makes it and whenever.  Its sidecar is renamed into place last: where it
stands, the shard is whole, and a command that starts again passes it over.
"""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import json
import os
import pathlib
from typing import Any

from lumiere_jax.data import examine
from lumiere_jax.data import store
from lumiere_jax.provenance import exclusions
from lumiere_jax.provenance import manifest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
  """What a worker is told.

  Attributes:
    index: of the shard.
    folder: where it goes.
    files: to take into it; each has a `path`.
    settings: how.
    excluded: opt-outs.
    how: (file, settings, excluded) -> what becomes of its clips; None for
      `examine.examine`.
  """

  index: int
  folder: pathlib.Path
  files: Sequence[Any]
  settings: examine.Settings
  excluded: exclusions.Exclusions | None = None
  how: Callable[..., Iterator[examine.Outcome]] | None = None

  @property
  def records(self) -> pathlib.Path:
    """The file of records."""
    return self.folder / f"shard-{self.index:05d}.array_record"

  @property
  def sidecar(self) -> pathlib.Path:
    """What was done, a JSON object a line."""
    return self.records.with_suffix(".jsonl")

  @property
  def is_done(self) -> bool:
    """Whether the shard is whole."""
    return self.sidecar.exists()


class StoppedError(Exception):
  """The work was asked to stop."""


def make(
  task: Task,
  on_file: Callable[[Any], None],
  is_stopped: Callable[[], bool] = lambda: False,
  on_begin: Callable[[Any], None] | None = None,
) -> None:
  """Makes a shard.

  Args:
    task: which.
    on_file: told after each file.
    is_stopped: asked before each file.
    on_begin: told before each file.

  Raises:
    LumiereError: see `examine.examine`.
    StoppedError: `is_stopped` said so; nothing of the shard stays.
  """
  # Not even a worker of a command that was killed writes to the same name.
  part = task.records.with_suffix(f".{os.getpid()}.part")
  lines, how = [], task.how or examine.examine

  def kept() -> Iterator[bytes]:
    for file in task.files:
      if is_stopped():
        raise StoppedError
      if on_begin:
        on_begin(file)
      for outcome in how(file, task.settings, task.excluded):
        lines.append(to_line(summary(outcome)) + "\n")
        if outcome.record is not None:
          record = dataclasses.asdict(outcome.record)
          yield store.serialize({"video": outcome.data, **record})
      on_file(file)

  try:
    store.write_shard(part, kept())
    part.replace(task.records)
    part.write_text("".join(lines), encoding="utf-8")
    part.replace(task.sidecar)
  finally:
    part.unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
  """One line of a sidecar: an `examine.Outcome` without its bytes.

  Attributes:
    id: likewise.
    kind: likewise.
    reason: likewise.
    notes: likewise.
    record: likewise.
    num_bytes: stored bytes.
    thumb: PNG, in hex.
  """

  id: str
  kind: str
  reason: str
  notes: tuple[str, ...]
  record: manifest.ClipRecord | None
  num_bytes: int
  thumb: str


def summary(outcome: examine.Outcome) -> Entry:
  """What is kept on record of an outcome."""
  return Entry(
    id=outcome.id,
    kind=outcome.kind,
    reason=outcome.reason,
    notes=outcome.notes,
    record=outcome.record,
    num_bytes=len(outcome.data),
    thumb=outcome.thumb.hex(),
  )


def read(task: Task) -> Iterator[Entry]:
  """Yields what was done, in order."""
  with open(task.sidecar, encoding="utf-8") as lines:
    yield from map(from_line, lines)


def to_line(entry: Entry) -> str:
  """One line of a sidecar, without its end."""
  return json.dumps(dataclasses.asdict(entry), ensure_ascii=False)


def from_line(line: str) -> Entry:
  """The inverse of `to_line`."""
  entry = json.loads(line)
  record, notes = entry.pop("record"), tuple(entry.pop("notes"))
  if record is not None:
    record = manifest.ClipRecord(**record)
  return Entry(**entry, notes=notes, record=record)
