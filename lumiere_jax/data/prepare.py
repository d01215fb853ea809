"""Files to a dataset, once, before training: in parallel, and restartable.

The list of files is cut into shards; worker processes make one after the
other in a folder beside the dataset, `.NAME.unfinished`.  Stopped at any
moment, the same command goes on: shards that are whole stay.  When all are
there, copies of one picture are left out across all shards, the manifest and
the seal are written, and the dataset appears at its name whole.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
from typing import Any

from lumiere_jax import errors
from lumiere_jax.data import captions
from lumiere_jax.data import examine
from lumiere_jax.data import finish
from lumiere_jax.data import listing
from lumiere_jax.data import making
from lumiere_jax.data import report as reports
from lumiere_jax.data import workers
from lumiere_jax.provenance import exclusions
from lumiere_jax.provenance import seal
from lumiere_jax.video import atomic

Settings = examine.Settings
Report = reports.Report


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
  """How the work is divided and what is done with its result.

  Attributes:
    workers: processes; 1 works in this one; 0 as many as there are cores.
    per_shard: files in a shard: what a stop may lose, for each worker.
    exclude: file of opt-outs; see `exclusions`.
    key: PEM file to sign the dataset with.
    overwrite: whether a dataset that is there may be replaced.
  """

  workers: int = 1
  per_shard: int = 200
  exclude: pathlib.Path | None = None
  key: pathlib.Path | None = None
  overwrite: bool = False

  def __post_init__(self):
    if self.workers < 0 or self.per_shard < 1:
      raise errors.ConfigError(
        f"--workers is {self.workers} and --per-shard {self.per_shard}; use 0 "
        "or more processes and at least one file a shard."
      )

  def exclusions(self) -> exclusions.Exclusions | None:
    """Reads the opt-outs; raises `DataError`."""
    return exclusions.Exclusions.read(self.exclude) if self.exclude else None


def prepare(
  source: os.PathLike | str,
  out: os.PathLike | str,
  *,
  captions: os.PathLike | str | None = None,
  choice: listing.Choice | None = None,
  settings: Settings | None = None,
  work: Work | None = None,
  on_clip: workers.OnFile | None = None,
  on_bytes: seal.OnBytes | None = None,
) -> Report:
  """Makes a dataset from captioned clips.

  Args:
    source: see `listing`.
    out: folder to make: ArrayRecord files with their TFDS description,
      manifest.jsonl, manifest.json, report.json, report.html, croissant.json.
    captions: table of captions, for a folder of clips.
    choice: which files, and what is said of them.
    settings: what is kept, and how it is stored.
    work: see `Work`.
    on_clip: told after each file.
    on_bytes: told how much of the result is sealed.

  Returns:
    What is also in report.json.

  Raises:
    DataError: no clip, no caption, a clip that is too short, or nothing left.
    VideoError: a clip that cannot be decoded.
    OutputError: `out` may not be replaced, or the disk is full.
  """
  settings, work = settings or Settings(), work or Work()
  out = pathlib.Path(out)
  require_free(out, work.overwrite)
  files = listing.find(
    f"{source}",
    pathlib.Path(captions) if captions else None,
    choice or listing.Choice(),
  )
  return assemble(files, out, settings, work, on_clip, on_bytes)


def assemble(
  files: Sequence[Any],
  out: pathlib.Path,
  settings: Settings,
  work: Work,
  on_clip: workers.OnFile | None = None,
  on_bytes: seal.OnBytes | None = None,
  how: Callable[..., Iterator[examine.Outcome]] | None = None,
) -> Report:
  """Makes a dataset of what `how` makes of each file; see `prepare`.

  Args:
    files: what to go through; each has a `path` and says by its repr what it
      is.
    out: as there.
    settings: as there.
    work: as there.
    on_clip: as there.
    on_bytes: as there.
    how: see `making.Task`.
  """
  require_free(out, work.overwrite)
  excluded = work.exclusions()
  folder = _folder(out)
  with _refusals(out), _alone(folder, out):
    _agree(folder, files, settings, work)
    tasks = _tasks(folder, files, settings, work, excluded, how)
    try:
      workers.make_all(tasks, work.workers, on_clip)
      found = finish.finish(
        tasks, out, settings, len(files), work.key, on_bytes
      )
    except BaseException:
      if not unfinished(out):  # nothing to go on from
        shutil.rmtree(folder, ignore_errors=True)
      raise
    shutil.rmtree(folder, ignore_errors=True)
  return found


def require_free(out: pathlib.Path, overwrite: bool) -> None:
  """Raises `OutputError` if something at `out` may not be replaced."""
  if not out.exists() or (out.is_dir() and not any(out.iterdir())):
    return
  if not (out / "dataset_info.json").is_file():
    raise errors.OutputError(
      f"{out} exists and is not a dataset, so it is not replaced; choose a "
      "name for --out that is free."
    )
  if not overwrite:
    raise errors.OutputError(
      f"{out} already holds a dataset; choose another --out, or replace it "
      "with --overwrite."
    )


def unfinished(out: os.PathLike | str) -> int:
  """Number of shards that a command that was stopped has left for `out`."""
  return len(list(_folder(pathlib.Path(out)).glob("shard-*.jsonl")))


def _folder(out: pathlib.Path) -> pathlib.Path:
  """Where the work is done until it is whole."""
  return out.with_name(f".{out.name}.unfinished")


@contextlib.contextmanager
def _refusals(out: pathlib.Path) -> Iterator[None]:
  """What the disk refuses becomes one sentence."""
  try:
    yield
  except errors.LumiereError:
    raise
  except Exception as error:
    # ArrayRecord tells of a full disk without an error of its kind.
    if isinstance(error, OSError) or atomic.is_disk_full(error):
      raise atomic.output_error(out, error) from error
    raise


@contextlib.contextmanager
def _alone(folder: pathlib.Path, out: pathlib.Path) -> Iterator[None]:
  """Makes and holds the folder, so that no other command works in it."""
  folder.mkdir(parents=True, exist_ok=True)
  with open(folder / "lock", "w", encoding="utf-8") as lock:
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      raise errors.OutputError(
        f"another `lumiere prepare` is making {out} right now; wait for it, "
        "or choose another --out."
      ) from error
    yield


def _agree(folder, files, settings: Settings, work: Work) -> None:
  """Begins the work, or makes sure that what is there is of the same."""
  plan = {
    "files": _digest(files),
    "settings": dataclasses.asdict(settings),
    "per_shard": work.per_shard,
    "exclude": _content(work.exclude),
  }
  path = folder / "plan.json"
  old = json.loads(path.read_text()) if path.exists() else {}
  changed = [name for name in plan if not _is_same(name, old, plan)]
  begins = not any(folder.glob("shard-*.jsonl"))  # there is nothing to lose
  if changed and not (begins or work.overwrite):
    raise errors.OutputError(
      f"{folder} holds the unfinished work of a command with other "
      f"{' and '.join(changed)}; run that one again to finish it, or begin "
      "anew with --overwrite."
    )
  for left in folder.glob("shard-*" if changed else "shard-*.part"):
    left.unlink()
  atomic.write_text(path, json.dumps(plan, indent=2) + "\n")


def _is_same(name: str, old: dict, new: dict) -> bool:
  """Whether shards made by an old plan are what a new one would make."""
  if name != "settings" or name not in old:
    return old.get(name) == new[name]
  # Where a short or broken file stops everything, a shard that is whole has
  # none, whatever is done with them from now on.
  stopped = {k: v for k, v in old[name].items() if v == "error"}
  return old[name] == new[name] | stopped


def _digest(files: Sequence[captions.CaptionedFile]) -> str:
  total = hashlib.sha256()
  for file in files:
    total.update(repr(file).encode(errors="backslashreplace"))
  return total.hexdigest()


def _content(path: pathlib.Path | None) -> str:
  return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""


def _tasks(
  folder, files, settings, work: Work, excluded, how
) -> list[making.Task]:
  return [
    making.Task(
      index=first // work.per_shard,
      folder=folder,
      files=files[first : first + work.per_shard],
      settings=settings,
      excluded=excluded,
      how=how,
    )
    for first in range(0, len(files), work.per_shard)
  ]
