r"""Renders clips of the captioned 3-D world into a dataset to train on.

  lumiere toybox --out data/toys --size 32 --num-clips 2000
  lumiere toybox --out data/unseen --split test_unseen --size 128 \
    --num-clips 256 --workers 2
  lumiere toybox --out data/look --size 96 --num-clips 12 --sheet toys.png

One to three things of 7 shapes, 10 colours, 2 materials and 3 sizes; 11
actions, 7 camera moves, 6 grounds, 4 skies: 5 seconds at 16 frames a second,
each with a caption that is true of it. Clip k of a split is the same on every
machine. Stopped, the same command goes on.
"""

import dataclasses
import pathlib
from typing import Literal

import numpy as np
import tyro

from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.cli import restartable
from lumiere_jax.data import prepare
from lumiere_jax.data import toybox
from lumiere_jax.toybox import world
from lumiere_jax.video import sheet
from lumiere_jax.video import write

_SHOWN = 12  # clips of a sheet


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere toybox`.

  Attributes:
    out: folder to make.
    split: what to render; test_unseen has pairs of attributes that train and
      test never show, styled is drawn instead of lit.
    size: pixels of a frame's side.
    num_clips: how many.
    first: number of the first.
    num_frames: of a clip's five seconds, evenly spread; 8 stills do for a
      network of images, and render ten times as fast.
    workers: processes; 0 as many as there are cores.
    per_shard: clips in a shard: what a stop may lose, for each worker.
    key: PEM file to sign the dataset with.
    overwrite: replace a dataset that is there.
    sheet: PNG to draw too: five stills of each of the first dozen clips.
    films: folder for those clips as mp4s, each with its first and last frame
      beside it as PNGs; what applications can be tried on.
  """

  out: pathlib.Path
  split: Literal[world.NAMES] = "train"
  size: int = 32
  num_clips: int = 1000
  first: int = 0
  num_frames: int = toybox.NUM_FRAMES
  workers: int = 0
  per_shard: int = 100
  key: pathlib.Path | None = None
  overwrite: bool = False
  sheet: pathlib.Path | None = None
  films: pathlib.Path | None = None


def main(argv: list[str] | None = None) -> None:
  """Renders a dataset; see the module for the command."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere toybox", description=__doc__)
  report = restartable.run(
    flags.out, "clips", lambda **told: _build(flags, told)
  )
  print(
    f"wrote {flags.out}: {report.kept} clips, "
    f"{progress.duration(report.seconds)} of video, "
    f"{report.num_bytes / 1e6:.1f} MB"
  )
  if flags.sheet:
    write.write_png(flags.sheet, _stills(flags))
    print(f"wrote {flags.sheet}")
  if flags.films:
    _films(flags, flags.films)


def _stills(flags: Flags):
  """Five stills of each of the first clips, three clips a row."""
  frames = [toy.frames() for toy in _first(flags)]
  stills = [clip[8 :: toybox.NUM_FRAMES // 5] for clip in frames]
  return sheet.contact_sheet(np.concatenate(stills), 3 * 5)


def _films(flags: Flags, folder: pathlib.Path) -> None:
  for toy in _first(flags):
    path, frames = folder / f"{toy.split}_{toy.index:06d}.mp4", toy.frames()
    write.write_mp4(path, frames, toybox.FPS)
    for name, frame in (("first", frames[0]), ("last", frames[-1])):
      write.write_png(path.with_name(f"{path.stem}_{name}.png"), frame)
    print(f"wrote {path}")


def _first(flags: Flags) -> list[toybox.Toy]:
  """The first dozen clips."""
  return [
    toybox.Toy(split=flags.split, index=flags.first + k, size=flags.size)
    for k in range(min(flags.num_clips, _SHOWN))
  ]


def _build(flags: Flags, told):
  work = prepare.Work(
    workers=flags.workers,
    per_shard=flags.per_shard,
    key=flags.key,
    overwrite=flags.overwrite,
  )
  return toybox.build(
    flags.out,
    split=flags.split,
    size=flags.size,
    num_clips=flags.num_clips,
    first=flags.first,
    num_frames=flags.num_frames,
    work=work,
    **told,
  )


if __name__ == "__main__":
  exits.run(main)
