"""Whether a dataset is still, byte for byte, what it was sealed as.

Three things must agree: the files on disk with their hashes in the seal, the
lines of the manifest with the root in the seal, and each record with its line
of the manifest.  Whatever does not is named, and nothing stops at the first
difference: a torn disk is best known whole.
"""

from collections.abc import Callable, Iterator
import dataclasses
import itertools
import os
import pathlib
from typing import Any

import numpy as np

from lumiere_jax import errors
from lumiere_jax.data import shards
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import merkle
from lumiere_jax.provenance import seal as seals

# (bytes done, bytes in all, name of a file) now and then.
OnBytes = Callable[[int, int, str], None]
KINDS = ("changed", "missing", "extra", "unreadable")
_FIELDS = tuple(f.name for f in dataclasses.fields(manifest.ClipRecord))


@dataclasses.dataclass(frozen=True)
class Finding:
  """One difference.

  Attributes:
    kind: one of `KINDS`.
    name: of a file, or "clip ID".
    reason: what is wrong with it.
  """

  kind: str
  name: str
  reason: str

  def __str__(self) -> str:
    return f"{self.kind} {self.name}: {self.reason}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
  """What a dataset was found to be.

  Attributes:
    root: Merkle root of the manifest as it is now, 64 hex digits.
    num_clips: lines of the manifest as it is now.
    num_bytes: size of all files together.
    is_signed: whether the seal holds a signature.
    findings: all differences; none if the dataset is sound.
  """

  root: str
  num_clips: int
  num_bytes: int
  is_signed: bool
  findings: tuple[Finding, ...]


def verify(
  folder: os.PathLike | str,
  *,
  public_key: os.PathLike | str | None = None,
  root: str | None = None,
  on_bytes: OnBytes | None = None,
) -> Report:
  """Hashes everything again.

  Args:
    folder: made by `lumiere prepare`.
    public_key: PEM file; the seal must be signed with the key it belongs to.
    root: that the manifest must have, 64 hex digits; from a checkpoint, say.
    on_bytes: told how far it is; shards are read twice.

  Raises:
    DataError: `folder` is no dataset at all.
    ConfigError: the key cannot be used.
  """
  folder = pathlib.Path(folder)
  if not (folder / seals.FILE).exists() and not (folder / seals.LINES).exists():
    raise errors.DataError(
      f"{folder} holds neither {seals.FILE} nor {seals.LINES}, so it is no "
      "dataset that can be verified; give the --out of `lumiere prepare`."
    )
  findings, found = [], _Progress(folder, on_bytes)
  seal = _read_seal(folder, findings)
  if seal and public_key is not None:
    _check_signature(folder, public_key, findings)
  _check_files(folder, seal, found, findings)
  tree = merkle.Tree()
  findings += _check_clips(folder, seal, tree, found)
  now = tree.root().hex()
  if seal and now != seal.root and not _is_named(seals.LINES, findings):
    reason = f"its root is {now}, and the seal says {seal.root}"
    findings.append(Finding("changed", seals.LINES, reason))
  if root is not None and now != root.lower():
    reason = f"its root is {now}, and {root.lower()} was asked for"
    findings.append(Finding("changed", seals.LINES, reason))
  return Report(
    root=now,
    num_clips=tree.size,
    num_bytes=found.size,
    is_signed=bool(seal and seal.signature),
    findings=tuple(findings),
  )


def _is_named(name: str, findings: list[Finding]) -> bool:
  return any(finding.name == name for finding in findings)


class _Progress:
  """Adds up what was read, of all files once and of the shards again."""

  def __init__(self, folder: pathlib.Path, on_bytes: OnBytes | None):
    self.names = seals.names(folder)
    sizes = {name: _size(folder / name) for name in self.names}
    self.size = sum(sizes.values())
    again = sum(n for name, n in sizes.items() if shards.is_shard(name))
    self._total, self._done, self._on_bytes = self.size + again, 0, on_bytes

  def files(self, done: int, total: int, name: str) -> None:
    """As `seal.OnBytes`."""
    del total
    self._done = done
    self.add(0, name)

  def add(self, num_bytes: int, name: str) -> None:
    """Notes a record."""
    self._done = min(self._done + num_bytes, self._total)
    if self._on_bytes:
      self._on_bytes(self._done, self._total, name)


def _size(path: pathlib.Path) -> int:
  return path.stat().st_size if path.is_file() else 0


def _read_seal(folder, findings) -> seals.Seal | None:
  if not (folder / seals.FILE).is_file():
    reason = "nothing says what the files held"
    findings.append(Finding("missing", seals.FILE, reason))
    return None
  try:
    return seals.read(folder)
  except errors.DataError as error:
    findings.append(Finding("changed", seals.FILE, str(error)))
    return None


def _check_signature(folder, public_key, findings) -> None:
  try:
    seals.check_signature(folder, public_key)
  except errors.DataError as error:
    findings.append(Finding("changed", seals.FILE, str(error)))


def _check_files(folder, seal, found: _Progress, findings) -> None:
  now = _describe(folder, found)
  if seal is None:
    return
  for name in sorted(seal.files.keys() | now.keys()):
    if name not in now:
      findings.append(Finding("missing", name, "it was there when sealed"))
    elif name not in seal.files:
      findings.append(Finding("extra", name, "it was not there when sealed"))
    elif now[name] is None:
      findings.append(Finding("unreadable", name, "the disk does not yield it"))
    elif now[name] != seal.files[name]:
      size, before = now[name]["size"], seal.files[name]["size"]
      reason = "other bytes than when sealed"
      if size != before:
        reason = f"{size} bytes, and {before} when sealed"
      findings.append(Finding("changed", name, reason))


def _describe(folder, found: _Progress) -> dict[str, Any]:
  """As `seal.describe`; None for files that cannot be read."""
  try:
    return seals.describe(folder, found.names, found.files)
  except OSError:
    now = {}
    for name in found.names:  # one of them is broken; see which
      try:
        now |= seals.describe(folder, [name])
      except OSError:
        now[name] = None
    return now


@dataclasses.dataclass(frozen=True)
class _Line:
  """A line of the manifest, or why it is none."""

  position: int
  clip: manifest.ClipRecord | None
  fault: str = ""


def _lines(folder: pathlib.Path, tree: merkle.Tree) -> Iterator[_Line]:
  if not (folder / seals.LINES).is_file():
    return
  for position, line in enumerate(seals.lines(folder)):
    tree.add(line)
    try:
      clip = manifest.from_line(line, f"line {position + 1}")
    except errors.DataError as error:
      yield _Line(position, None, str(error))
      continue
    is_ours = manifest.to_line(clip).encode() == line
    yield _Line(position, clip, "" if is_ours else "its line was rewritten")


def _check_clips(folder, seal, tree, found: _Progress) -> Iterator[Finding]:
  """Matches lines and records by id, in order as far as that goes.

  What has no counterpart yet waits for it, so that one line too many shifts
  all others by one and costs nothing.
  """
  lines, records, torn_lines, torn_records = {}, {}, {}, {}
  sealed = list(seal.files) if seal else []
  pairs = itertools.zip_longest(
    _lines(folder, tree), shards.records(folder, sealed)
  )
  for line, record in pairs:
    if line and line.clip is None:
      torn_lines[line.position] = line.fault
    elif line:
      lines[line.clip.id] = line
    if record and record.fields is None:
      torn_records[record.position] = record.fault
    elif record:
      found.add(record.size, record.shard)
      records[record.fields["id"]] = record
    for one in (_line_id(line), _record_id(record)):
      if one in lines and one in records:
        yield from _compare(lines.pop(one), records.pop(one))
  yield from _without_record(lines, torn_records)
  yield from _without_line(records, torn_lines)


def _line_id(line: _Line | None) -> str | None:
  return line.clip.id if line and line.clip else None


def _record_id(record: shards.Record | None) -> str | None:
  return record.fields["id"] if record and record.fields else None


def _compare(line: _Line, record: shards.Record) -> Iterator[Finding]:
  name = f"clip {line.clip.id}"
  if line.fault:
    yield Finding("changed", name, line.fault)
  if record.sha256 != line.clip.stored_sha256:
    yield Finding("changed", name, "its bytes are not those of the manifest")
  differ = [
    field
    for field in _FIELDS
    if not _is_same(record.fields[field], getattr(line.clip, field))
  ]
  if differ:
    reason = f"record and manifest differ in {', '.join(differ)}"
    yield Finding("changed", name, reason)


def _is_same(stored: Any, listed: Any) -> bool:
  # TFDS keeps every number with a point in 32 bits.
  if isinstance(listed, float):
    return np.float32(stored) == np.float32(listed)
  return stored == listed


def _without_record(lines, torn) -> Iterator[Finding]:
  """Clips of the manifest that no record is, and records that are unknown."""
  for id_, line in lines.items():
    if line.position in torn:
      yield Finding("unreadable", f"clip {id_}", torn.pop(line.position))
    else:
      yield Finding("missing", f"clip {id_}", "there is no record of it")
  for position, fault in torn.items():
    yield Finding("unreadable", f"record {position}", fault)


def _without_line(records, torn) -> Iterator[Finding]:
  """Clips in the shards that no line is, and lines that cannot be read."""
  for id_, record in records.items():
    fault = torn.pop(record.position, None)
    if fault:
      yield Finding("changed", f"clip {id_}", f"{seals.LINES}: {fault}")
    else:
      reason = f"{record.shard} holds it, and no line of {seals.LINES} is it"
      yield Finding("extra", f"clip {id_}", reason)
  for fault in torn.values():
    yield Finding("changed", seals.LINES, fault)
