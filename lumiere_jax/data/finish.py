"""Shards that are all there to a dataset at its name, whole or not at all."""

from collections.abc import Iterator, Sequence
import dataclasses
import itertools
import os
import pathlib
import shutil

from lumiere_jax import errors
from lumiere_jax.data import copies
from lumiere_jax.data import croissant
from lumiere_jax.data import examine
from lumiere_jax.data import making
from lumiere_jax.data import report as reports
from lumiere_jax.data import store
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import merkle
from lumiere_jax.provenance import seal

_ABOUT = croissant.About()


def finish(
  tasks: Sequence[making.Task],
  out: pathlib.Path,
  settings: examine.Settings,
  num_files: int,
  key: pathlib.Path | None = None,
  on_bytes: seal.OnBytes | None = None,
) -> reports.Report:
  """Puts a dataset together; may be stopped and called again.

  Args:
    tasks: all of them done, in order.
    out: where the dataset appears.
    settings: what it was made with.
    num_files: how many were found.
    key: PEM file to sign it with.
    on_bytes: told how much of it is sealed.

  Raises:
    DataError: no clip is left.
    ConfigError: the key cannot be used.
  """
  folder = tasks[0].folder / "whole"
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir()
  done = itertools.chain.from_iterable(map(making.read, tasks))
  seen, lengths = copies.Copies(done, settings.duplicate), []
  with Account(folder, settings, num_files) as account:
    for task in tasks:
      entries = [seen.judge(entry) for entry in making.read(task)]
      num_kept = sum(map(account.add, entries))
      if num_kept:
        _take(task, entries, folder / f"part-{len(lengths):05d}")
        lengths.append(num_kept)
  if not lengths:
    shutil.rmtree(tasks[0].folder)  # nothing to go on from
  account.require_some()
  for k in range(len(lengths)):
    name = store.shard_name(k, len(lengths))
    (folder / f"part-{k:05d}").rename(folder / name)
  return account.publish(lengths, out, key, on_bytes)


class Account:
  """All of a dataset but its shards, while it is told clip after clip."""

  def __init__(
    self, folder: pathlib.Path, settings: examine.Settings, num_files: int
  ):
    self._report = reports.Report(
      read=num_files, settings=dataclasses.asdict(settings)
    )
    self._folder, self._page = folder, reports.Page()
    self._tree = merkle.Tree()

  def __enter__(self):
    self._lines = open(self._folder / seal.LINES, "w", encoding="utf-8")
    return self

  def __exit__(self, *_) -> None:
    self._lines.close()

  def add(self, entry: making.Entry) -> bool:
    """Takes one clip into account; whether it is kept."""
    self._report.count(entry)
    self._page.show(entry)
    if entry.kind != "kept":
      return False
    line = manifest.to_line(entry.record)
    self._tree.add(line.encode())
    self._lines.write(line + "\n")
    return True

  def require_some(self) -> None:
    """Raises `DataError` if no clip is left."""
    skipped = self._report.skipped
    if not self._report.kept:
      raise errors.DataError(
        f"no clip is left: all {len(skipped)} were skipped, the first "
        f"({skipped[0]['id']}) because it {skipped[0]['reason']}."
      )

  def publish(
    self,
    lengths: Sequence[int],
    out: pathlib.Path,
    key: pathlib.Path | None,
    on_bytes: seal.OnBytes | None = None,
  ) -> reports.Report:
    """Describes and seals the dataset, and puts it at `out`.

    Args:
      lengths: records of each shard.
      out: where the dataset appears.
      key: PEM file to sign it with.
      on_bytes: told how much of it is sealed.
    """
    folder, report = self._folder, self._report
    store.describe(folder, lengths, report.num_bytes)
    report.root = self._tree.root().hex()
    report.write(folder)
    self._page.write(folder, report)
    records = manifest.read_manifest(folder / seal.LINES)
    croissant.write(folder, records, out.name, about=_ABOUT)
    seal.write(folder, key=key, on_bytes=on_bytes)
    _appear(folder, out)
    return report


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
