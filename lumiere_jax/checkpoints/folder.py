"""Where the checkpoints of a run lie, and which there are.

    WORKDIR/checkpoints/1000        whole, with its checksums
    WORKDIR/checkpoints/.unsealed   being written, or left by a stop
    WORKDIR/checkpoints/damaged     set aside, with a report each

A checkpoint takes its final name in one step, after all of it is on disk.
"""

from collections.abc import Sequence
import json
import os
import pathlib
import shutil
import time

FOLDER = "checkpoints"
UNSEALED = ".unsealed"
DAMAGED = "damaged"
REPORT = "report.json"


def root(workdir: str | os.PathLike) -> pathlib.Path:
  """The folder of all checkpoints of a run, absolute."""
  return pathlib.Path(workdir).absolute() / FOLDER


def steps(workdir: str | os.PathLike) -> list[int]:
  """Steps of which there is a whole checkpoint, oldest first."""
  folder = root(workdir)
  if not folder.is_dir():
    return []
  return sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit())


def newest(workdir: str | os.PathLike) -> int | None:
  """The newest of `steps`, or None."""
  return max(steps(workdir), default=None)


def of(workdir: str | os.PathLike, step: int) -> pathlib.Path:
  """The folder of a checkpoint, whether it is there or not."""
  return root(workdir) / str(step)


def unsealed(workdir: str | os.PathLike, step: int) -> pathlib.Path:
  """Where a checkpoint is written before it has its checksums."""
  return root(workdir) / UNSEALED / str(step)


def clean(workdir: str | os.PathLike) -> None:
  """Removes what a stop left half written or half deleted."""
  shutil.rmtree(root(workdir) / UNSEALED, ignore_errors=True)


def remove(workdir: str | os.PathLike, step: int) -> None:
  """Deletes a checkpoint; it is gone at once, whatever stops us."""
  away = unsealed(workdir, step).with_name(f"{step}.removed")
  away.parent.mkdir(parents=True, exist_ok=True)
  os.rename(of(workdir, step), away)
  shutil.rmtree(away, ignore_errors=True)


def set_aside(
  workdir: str | os.PathLike, step: int, problems: Sequence[str]
) -> pathlib.Path:
  """Moves a damaged checkpoint out of the way, with a report of what is wrong.

  Returns:
    Where it is now.
  """
  when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
  base = root(workdir) / DAMAGED / f"{step}-{when}"
  to, count = base, 1
  while to.exists():
    to, count = base.with_name(f"{base.name}-{count}"), count + 1
  to.parent.mkdir(parents=True, exist_ok=True)
  os.rename(of(workdir, step), to)
  report = {"step": step, "set_aside": when, "problems": list(problems)}
  (to / REPORT).write_text(json.dumps(report, indent=1) + "\n")
  return to
