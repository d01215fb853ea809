"""Shards that are all there to a dataset at its name, whole or not at all."""

from collections.abc import Iterator, Sequence
import dataclasses
import os
import pathlib
import shutil

from lumiere_jax import errors
from lumiere_jax.data import croissant
from lumiere_jax.data import examine
from lumiere_jax.data import making
from lumiere_jax.data import report as reports
from lumiere_jax.data import store
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import merkle
from lumiere_jax.provenance import seal
from lumiere_jax.video import fingerprint

_ABOUT = croissant.About()
# A picture without edges has almost no bits, or almost all: they say nothing.
_TELLING = 16


def finish(
  tasks: Sequence[making.Task],
  out: pathlib.Path,
  settings: examine.Settings,
  num_files: int,
  key: pathlib.Path | None = None,
) -> reports.Report:
  """Puts a dataset together; may be stopped and called again.

  Args:
    tasks: all of them done, in order.
    out: where the dataset appears.
    settings: what it was made with.
    num_files: how many were found.
    key: PEM file to sign it with.

  Raises:
    DataError: no clip is left.
    ConfigError: the key cannot be used.
  """
  report = reports.Report(read=num_files, settings=dataclasses.asdict(settings))
  folder = tasks[0].folder / "whole"
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir()
  tree = merkle.Tree()
  with open(folder / seal.LINES, "w", encoding="utf-8") as lines:
    lengths, page = [], reports.Page()
    copies = _Copies(settings.duplicate)
    for task in tasks:
      entries = [copies.judge(entry) for entry in making.read(task)]
      kept = [entry.record for entry in entries if entry.kind == "kept"]
      for entry in entries:
        report.count(entry)
        page.show(entry)
      if kept:
        part = folder / f"part-{len(lengths):05d}"
        _take(task, entries, part)
        lengths.append(len(kept))
        for record in kept:
          line = manifest.to_line(record)
          tree.add(line.encode())
          lines.write(line + "\n")
  if not report.kept:
    shutil.rmtree(tasks[0].folder)  # nothing to go on from
    raise _nothing_left(report)
  for k in range(len(lengths)):
    name = store.shard_name(k, len(lengths))
    (folder / f"part-{k:05d}").rename(folder / name)
  store.describe(folder, lengths, report.num_bytes)
  report.root = tree.root().hex()
  report.write(folder)
  page.write(folder, report)
  records = manifest.read_manifest(folder / seal.LINES)
  croissant.write(folder, records, out.name, about=_ABOUT)
  seal.write(folder, key=key)
  _appear(folder, out)
  return report


class _Copies:
  """Leaves out what was seen before; the first in order stays."""

  def __init__(self, max_distance: int):
    self._hashes: dict[tuple[str, float], str] = {}
    self._near = None
    if max_distance >= 0:
      self._near = fingerprint.Neighbours(max_distance)

  def judge(self, entry: making.Entry) -> making.Entry:
    if entry.record is None:
      return entry
    original = self._find(entry.record)
    if original is None:
      return entry
    reason = f"looks like {original}"
    return dataclasses.replace(
      entry, kind="duplicate", reason=reason, record=None
    )

  def _find(self, record: manifest.ClipRecord) -> str | None:
    known = self._hashes.setdefault(record.stored_sha256, record.id)
    if known != record.id:
      return known
    digits = record.fingerprint
    count = int(digits, 16).bit_count() if digits else 0
    if self._near is None or not _TELLING <= count <= 256 - _TELLING:
      return None
    found = self._near.find(digits)
    if found is None:
      self._near.add(digits, record.id)
    return found


def _take(task, entries, part: pathlib.Path) -> None:
  """Puts the kept records of a shard at `part`."""
  stored = [e for e in entries if e.kind in ("kept", "duplicate")]
  if all(entry.kind == "kept" for entry in stored):
    _link(task.records, part)
    return

  def kept() -> Iterator[bytes]:
    records = store.read_shard(task.records)
    for entry, record in zip(stored, records, strict=True):
      if entry.kind == "kept":
        yield record

  store.write_shard(part, kept())


def _link(source: pathlib.Path, target: pathlib.Path) -> None:
  try:
    os.link(source, target)
  except OSError:  # a file system without links
    shutil.copyfile(source, target)


def _appear(folder: pathlib.Path, out: pathlib.Path) -> None:
  """Renames the whole dataset to its name, which may be taken by an old one."""
  former = folder.with_name("former")
  if out.exists():
    shutil.rmtree(former, ignore_errors=True)
    out.rename(former)
  folder.rename(out)


def _nothing_left(report: reports.Report) -> errors.DataError:
  first = report.skipped[0]
  return errors.DataError(
    f"no clip is left: all {len(report.skipped)} were skipped, the first "
    f"({first['id']}) because it {first['reason']}."
  )
