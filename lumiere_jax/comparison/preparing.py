"""Preparation against FFmpeg's command line, on the same clips and settings.

Ours decodes, finds shots, bars, motion, light and copies, scales and encodes,
in as many processes as there are cores; FFmpeg decodes, scales and encodes,
one file after the other with its own threads, or two at a time.  They take
turns; what is compared is the median of the ratios, of wall time and of CPU
time: where other programs run, wall time goes to whoever has more threads.
"""

from collections.abc import Callable
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import subprocess
import time

import numpy as np

from lumiere_jax import errors
from lumiere_jax.comparison import footage
from lumiere_jax.data import prepare
from lumiere_jax.video import atomic
from lumiere_jax.video import transcode


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What to measure.

  Attributes:
    clips: folder of footage; None makes some up.
    height: rows of the files.
    seconds: length of each file.
    files: how many.
    short_side: pixels to bring them down to.
    rounds: times everything is done.
  """

  clips: pathlib.Path | None = None
  height: int = 720
  seconds: float = 10.0
  files: int = 12
  short_side: int = 256
  rounds: int = 3


def run(out: pathlib.Path, plan: Plan) -> None:
  """Measures; prints a table and writes preparing.json.

  Raises:
    ConfigError: there is no ffmpeg.
  """
  if shutil.which("ffmpeg") is None:
    raise errors.ConfigError(
      "there is no ffmpeg to compare with; install it with: apt install ffmpeg"
    )
  source = _sources(out, plan)
  tools = {
    "lumiere": lambda: _ours(source, out / "ours", plan),
    "ffmpeg, one by one": lambda: _ffmpeg(source, out / "theirs", plan, 1),
    "ffmpeg, two at a time": lambda: _ffmpeg(source, out / "theirs", plan, 2),
  }
  seconds = {name: [] for name in tools}
  for _ in range(plan.rounds):
    for name, tool in tools.items():
      seconds[name].append(_timed(tool))
  total = plan.files * plan.seconds
  found = {}
  for name, spent in seconds.items():
    ratios = np.median(np.array(spent) / seconds["lumiere"], axis=0)
    wall, cpu = np.median(spent, axis=0)
    found[name] = {
      "video_seconds_per_second": float(total / wall),
      "video_seconds_per_cpu_second": float(total / cpu),
      "lumiere_is_faster": float(ratios[0]),
      "lumiere_takes_less_cpu": float(ratios[1]),
    }
  for name, row in found.items():
    print(f"{name:<24}" + "  ".join(f"{k} {v:.2f}" for k, v in row.items()))
  atomic.write_text(out / "preparing.json", json.dumps(found, indent=2) + "\n")


def _sources(out: pathlib.Path, plan: Plan) -> pathlib.Path:
  """Copies of one file: neither side looks for copies before it encodes."""
  clips = footage.find(plan.clips)
  (path,) = footage.make(out, (plan.height,), clips, plan.seconds).values()
  source = out / "source"
  shutil.rmtree(source, ignore_errors=True)
  source.mkdir()
  for k in range(plan.files):
    shutil.copyfile(path, source / f"{k:03d}.mp4")
    (source / f"{k:03d}.txt").write_text(f"clip {k}")
  return source


def _ours(source: pathlib.Path, out: pathlib.Path, plan: Plan) -> None:
  shutil.rmtree(out, ignore_errors=True)
  settings = prepare.Settings(
    short_side=plan.short_side, seconds=1.0, motion=0.0, short="skip"
  )
  work = prepare.Work(workers=0, per_shard=2)
  prepare.prepare(source, out, settings=settings, work=work)


def _ffmpeg(
  source: pathlib.Path, out: pathlib.Path, plan: Plan, at_once: int
) -> None:
  shutil.rmtree(out, ignore_errors=True)
  out.mkdir()
  encoding = transcode.Encoding()
  waiting = []
  for path in sorted(source.glob("*.mp4")):
    gop = round(encoding.gop * footage.FPS)
    command = [
      *("ffmpeg", "-v", "error", "-y", "-i", path, "-an"),
      *("-vf", f"scale=-2:{plan.short_side}:flags=area"),
      *("-c:v", "libx264", "-preset", encoding.preset),
      *("-crf", encoding.crf, "-g", gop, "-x264-params", "mbtree=0"),
      *("-movflags", "+faststart", out / path.name),
    ]
    if at_once > 1:  # share the cores as our processes do
      command[-1:-1] = ["-threads", max(1, (os.cpu_count() or 1) // at_once)]
    if len(waiting) == at_once:
      waiting.pop(0).wait()
    waiting.append(subprocess.Popen(list(map(str, command))))
  for process in waiting:
    process.wait()


def _timed(tool: Callable[[], None]) -> tuple[float, float]:
  """Seconds of wall time, and of CPU time with that of child processes."""
  began, cpu = time.perf_counter(), _cpu_seconds()
  tool()
  return time.perf_counter() - began, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
  both = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
  return sum(sum(resource.getrusage(who)[:2]) for who in both)
