r"""A folder of captioned clips in, a dataset to train on out.

  lumiere prepare --source clips --out datasets/mine

Each clip (mp4, mov, webm, avi, gif) needs a caption, in any of three ways:
clip.txt beside clip.mp4; metadata.jsonl or metadata.csv in the folder, with
the columns file_name, caption and, if known, licence and source; or such a
table elsewhere, with --captions FILE.

OUT appears whole or not at all. Beside the records it holds manifest.jsonl
(every clip, its digest and its licence) and report.json (what was kept, what
was left out and why).
"""

from collections.abc import Callable
import dataclasses
import pathlib
import sys
import time
from typing import Literal, TextIO

import tyro

from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.data import prepare

_PATIENCE = 3.0  # seconds without a sign of life
_LINE_EVERY = 10.0  # seconds between lines where no one watches


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere prepare`.

  Attributes:
    source: folder of clips, searched with its subfolders.
    out: folder to make.
    captions: table of captions (.jsonl, .csv, .tsv) outside the folder.
    short: clips shorter than --seconds: stop, keep them and let their last
      frame stand, or leave them out.
    broken: files that cannot be decoded: stop, or leave them out.
    seconds: shortest clip that is long enough.
    short_side: bring larger clips down to this short side, in pixels, by
      encoding them again; left out, every file's bytes are kept as they are.
    licence: of clips of which the captions say nothing.
    overwrite: replace the dataset at --out.
  """

  source: pathlib.Path
  out: pathlib.Path
  captions: pathlib.Path | None = None
  short: Literal["error", "hold", "skip"] = "error"
  broken: Literal["error", "skip"] = "error"
  seconds: float = 5.0
  short_side: int | None = None
  licence: str = "unknown"
  overwrite: bool = False


def main(argv: list[str] | None = None) -> None:
  """Prepares a dataset; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere prepare", description=__doc__
  )
  settings = prepare.Settings(
    seconds=flags.seconds,
    short=flags.short,
    broken=flags.broken,
    short_side=flags.short_side,
    licence=flags.licence,
  )
  report = prepare.prepare(
    flags.source,
    flags.out,
    captions=flags.captions,
    settings=settings,
    overwrite=flags.overwrite,
    on_clip=bar(sys.stderr),
  )
  for skipped in report.skipped:
    print(f"left out {skipped['path']}: it {skipped['reason']}")
  held = f", {report.held} of them held to length" if report.held else ""
  print(
    f"wrote {flags.out}: {report.kept} of {report.read} clips{held}, "
    f"{progress.duration(report.seconds)} of video, "
    f"{report.num_bytes / 1e6:.1f} MB"
  )


def bar(
  stream: TextIO, clock: Callable[[], float] = time.monotonic
) -> prepare.OnClip:
  """Shows how far it is and how long it will take, once it takes long."""
  began, said = clock(), -1e9

  def on_clip(done: int, total: int, path: str) -> None:
    nonlocal said
    now = clock()
    if now - began < _PATIENCE:
      return
    left = progress.duration((now - began) / done * (total - done))
    if stream.isatty():
      line = f"{progress.bar(done, total)} {left} left  {path}"
      stream.write(f"\r{line[:78]:<78}" + ("\n" if done == total else ""))
    elif now - said >= _LINE_EVERY or done == total:
      stream.write(f"clip {done} of {total}, {left} left\n")
      said = now
    stream.flush()

  return on_clip


if __name__ == "__main__":
  exits.run(main)
