r"""Captioned clips in, a dataset to train on out.

  lumiere prepare --source clips --out data/mine
  lumiere prepare --source webvid.csv --out data/webvid --workers 0 \
    --short-side 256 --short skip --broken skip
  lumiere prepare --source 'shards/{000..099}.tar' --out data/tars

SOURCE is a folder of clips (mp4, mov, webm, avi, gif), a table of paths (csv,
tsv, jsonl, parquet), or WebDataset tars. Each clip needs a caption: clip.txt
beside clip.mp4; metadata.jsonl or metadata.csv in the folder, or such a table
elsewhere with --captions, with the columns file_name, caption and, if known,
licence, owner, source; or clip.txt or clip.json in the tar.

Files are cut at their shots; what is too short, too dark, too still, seen
before or excluded is left out; black bars are cropped. OUT appears whole or
not at all; stopped, the same command goes on. Beside the records it holds
manifest.jsonl (every clip, its digest, its licence), manifest.json (what
seals it), report.html and report.json (what was left out, and why).
"""

import dataclasses
import pathlib
import shlex
from typing import Literal

import tyro

from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.cli import restartable
from lumiere_jax.data import examine
from lumiere_jax.data import listing
from lumiere_jax.data import prepare
from lumiere_jax.data import report as reports
from lumiere_jax.data import tfds_build

_DEFAULT = examine.Settings()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere prepare`.

  Attributes:
    source: folder, table or tars.
    out: folder to make.
    captions: table of captions (.jsonl, .csv, .tsv, .parquet) outside the
      folder.
    take: videos, stills (png, jpg, webp: clips of one frame), or both.
    captionless: clips without caption: stop, leave them out, call them by the
      name of their file or folder, or give them none.
    caption_origin: where the captions come from, such as the model that wrote
      them.
    licence: of clips of which nothing is said.
    owner: likewise.
    short: files shorter than --seconds: stop, keep them and let their last
      frame stand, or leave them out.
    broken: files that cannot be decoded: stop, or leave them out.
    seconds: shortest clip that is long enough.
    shortest: seconds below which nothing is kept, not even held.
    longest: cut shots that last longer, in seconds.
    cut: grey levels by which two frames differ where a shot ends; 255 leaves
      files whole.
    crop: crop dark bars that are burned in.
    bars: level that no colour in such a bar exceeds.
    motion: grey levels a second of change below which a clip is too static.
    light: grey level that a tenth of the picture must exceed.
    duplicate: bits of 256 by which copies may look different; -1 keeps all
      but equal files.
    short_side: bring larger clips down to this short side, in pixels, by
      encoding them again; left out, the bytes of files that need no cut are
      kept as they are.
    crf: quality where a clip is encoded again: 18 looks lossless, 51 worst.
    gop: seconds between keyframes there.
    preset: x264's trade of time for size there.
    exclude: file of clips, hashes, fingerprints and owners to leave out.
    key: PEM file of a private key to sign the dataset with.
    workers: processes; 0 is one for each core.
    per_shard: files in a shard; a stop loses at most one for each worker.
    overwrite: replace the dataset at --out.
    beam: work through Apache Beam, by these flags of its own, for example
      "--runner=DirectRunner"; all machines must see the files and --out.
  """

  source: str
  out: pathlib.Path
  captions: pathlib.Path | None = None
  take: Literal["videos", "stills", "both"] = "videos"
  captionless: Literal[listing.CAPTIONLESS] = "error"
  caption_origin: str = "given"
  licence: str = "unknown"
  owner: str = ""
  short: Literal["error", "hold", "skip"] = "error"
  broken: Literal["error", "skip"] = "error"
  seconds: float = _DEFAULT.seconds
  shortest: float = _DEFAULT.shortest
  longest: float | None = None
  cut: float = _DEFAULT.cut
  crop: bool = True
  bars: float = _DEFAULT.bars
  motion: float = _DEFAULT.motion
  light: float = _DEFAULT.light
  duplicate: int = _DEFAULT.duplicate
  short_side: int | None = None
  crf: int = _DEFAULT.crf
  gop: float = _DEFAULT.gop
  preset: str = _DEFAULT.preset
  exclude: pathlib.Path | None = None
  key: pathlib.Path | None = None
  workers: int = 1
  per_shard: int = 200
  overwrite: bool = False
  beam: str | None = None


def main(argv: list[str] | None = None) -> None:
  """Prepares a dataset; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere prepare", description=__doc__
  )
  asked = dict(
    captions=flags.captions,
    choice=_part(flags, listing.Choice),
    settings=_part(flags, examine.Settings),
    work=_part(flags, prepare.Work),
  )
  if flags.beam is None:
    report = restartable.run(
      flags.out,
      "files",
      lambda **told: prepare.prepare(flags.source, flags.out, **asked, **told),
    )
  else:
    options = shlex.split(flags.beam)
    report = tfds_build.build(flags.source, flags.out, **asked, options=options)
  _tell(report, flags.out)


def _part(flags: Flags, kind: type):
  """The flags that are attributes of a dataclass, as one."""
  names = [field.name for field in dataclasses.fields(kind)]
  return kind(**{name: getattr(flags, name) for name in names})


def _tell(report: reports.Report, out: pathlib.Path) -> None:
  shown = 20
  for skipped in report.skipped[:shown]:
    print(f"left out {skipped['id']}: it {skipped['reason']}")
  if len(report.skipped) > shown:
    print(f"... and {len(report.skipped) - shown} more: see report.html")
  held = f", {report.held} of them held to length" if report.held else ""
  left = len(report.skipped)
  print(
    f"wrote {out}: {report.kept} clips of {report.read} files{held}, {left} "
    f"left out, {progress.duration(report.seconds)} of video, "
    f"{report.num_bytes / 1e6:.1f} MB"
  )


if __name__ == "__main__":
  exits.run(main)
