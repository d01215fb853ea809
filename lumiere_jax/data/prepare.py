"""A folder of clips to a dataset, once, before training.

Everything that can be wrong with a clip is found here, where a person is
watching, and not in a worker process of a pod at night.  The dataset appears
at its name whole or not at all.
"""

from collections.abc import Callable, Iterator
import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile

from lumiere_jax import errors
from lumiere_jax.data import captions as captions_lib
from lumiere_jax.data import store
from lumiere_jax.provenance import manifest
from lumiere_jax.video import atomic
from lumiere_jax.video import read
from lumiere_jax.video import resize
from lumiere_jax.video import write

_CHUNK = 64  # frames in memory while a clip is encoded again

# (clips done, clips in all, path of the last) after each clip.
OnClip = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
  """How clips become records.

  Attributes:
    seconds: shortest clip that needs no exception.
    short: for shorter ones, "error", "skip", or "hold" to keep them and let
      their last frame stand when they are decoded.
    broken: for files that cannot be decoded, "error" or "skip".
    short_side: pixels that the shorter side is brought down to, once, by
      encoding again; None keeps every file's bytes as they are.
    licence: for clips of which nothing is said.
  """

  seconds: float = 5.0
  short: str = "error"
  broken: str = "error"
  short_side: int | None = None
  licence: str = "unknown"

  def __post_init__(self):
    errors.require_one_of("--short", self.short, ("error", "hold", "skip"))
    errors.require_one_of("--broken", self.broken, ("error", "skip"))
    if self.seconds <= 0:
      raise errors.ConfigError(
        f"--seconds is {self.seconds}; use a positive length, such as 5."
      )
    if self.short_side is not None:
      errors.require_divisible(
        "--short-side", self.short_side, 2, because="an mp4 needs even sides"
      )


@dataclasses.dataclass(kw_only=True)
class Report:
  """What became of the clips.

  Attributes:
    read: clips found.
    kept: clips in the dataset.
    held: clips among them whose last frame will stand.
    skipped: [{"path": ..., "reason": ...}] for the others.
    seconds: length of the clips kept, together.
    num_bytes: size of the clips kept, as stored.
    digest: of the dataset; see `manifest.digest`.
    settings: what the dataset was made with.
  """

  read: int = 0
  kept: int = 0
  held: int = 0
  skipped: list[dict[str, str]] = dataclasses.field(default_factory=list)
  seconds: float = 0.0
  num_bytes: int = 0
  digest: str = ""
  settings: dict = dataclasses.field(default_factory=dict)


class _SkipError(Exception):
  """This clip is left out, for the reason given, and that is fine."""


def prepare(
  source: os.PathLike | str,
  out: os.PathLike | str,
  *,
  captions: os.PathLike | str | None = None,
  settings: Settings | None = None,
  overwrite: bool = False,
  on_clip: OnClip | None = None,
) -> Report:
  """Makes a dataset from a folder of captioned clips.

  Args:
    source: folder of mp4, mov, webm, avi, gif files, searched with its
      subfolders.
    out: folder to make: ArrayRecord files with their TFDS description,
      manifest.jsonl and report.json.
    captions: table of captions; see `captions.find`.
    settings: see `Settings`.
    overwrite: whether a dataset at `out` may be replaced.
    on_clip: told after each clip.

  Returns:
    What is also in report.json.

  Raises:
    DataError: no clip, no caption, or a clip that is too short.
    VideoError: a clip that cannot be decoded.
    OutputError: `out` may not be replaced, or the disk is full.
  """
  settings, out = settings or Settings(), pathlib.Path(out)
  _require_free(out, overwrite)
  files = captions_lib.find(
    pathlib.Path(source), pathlib.Path(captions) if captions else None
  )
  report = Report(read=len(files), settings=dataclasses.asdict(settings))
  with atomic.replacing_folder(out) as folder:
    records = []
    examples = _examples(files, settings, report, records, on_clip)
    store.write(folder, _not_none(examples, report))
    lines = [manifest.to_line(record) + "\n" for record in records]
    (folder / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")
    report.digest = manifest.digest(records)
    text = json.dumps(dataclasses.asdict(report), indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
  return report


def _require_free(out: pathlib.Path, overwrite: bool) -> None:
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


def _examples(files, settings, report, records, on_clip) -> Iterator[dict]:
  """Yields records to store; counts in `report`, collects in `records`."""
  for done, file in enumerate(files, start=1):
    try:
      data, record = _examine(file, settings)
    except _SkipError as skip:
      report.skipped.append({"path": file.path, "reason": str(skip)})
    else:
      report.kept += 1
      report.held += record.hold
      report.seconds = round(report.seconds + record.duration, 3)
      report.num_bytes += len(data)
      records.append(record)
      yield {"video": data, **dataclasses.asdict(record)}
    if on_clip:
      on_clip(done, len(files), file.path)


def _not_none(examples: Iterator[dict], report: Report) -> Iterator[dict]:
  yield from examples
  if not report.kept:
    first = report.skipped[0]
    raise errors.DataError(
      f"no clip is left: all {report.read} were skipped, the first "
      f"({first['path']}) because it {first['reason']}."
    )


def _examine(
  file: captions_lib.CaptionedFile, settings: Settings
) -> tuple[bytes, manifest.ClipRecord]:
  """The bytes to store for one clip, and its record."""
  data = found = file.file.read_bytes()
  try:
    probe = read.probe(data, name=f"{file.file}")
    read.verify(data, name=f"{file.file}")
  except errors.VideoError as error:
    if settings.broken == "skip":
      raise _SkipError("cannot be decoded") from error
    raise errors.VideoError(
      f"{error} Or leave out all such files with --broken skip."
    ) from error
  short = _is_short(probe, settings, file)
  if settings.short_side and min(probe.width, probe.height) > (
    settings.short_side
  ):
    data = _encode_again(data, probe, settings.short_side)
    probe = read.probe(data, name=f"{file.file}, encoded again,")
  record = manifest.ClipRecord(
    id=file.path,
    path=file.path,
    start=0.0,
    sha256=hashlib.sha256(found).hexdigest(),
    stored_sha256=hashlib.sha256(data).hexdigest(),
    fingerprint="",
    hold=short,
    caption=file.caption,
    caption_origin=file.caption_origin or "given",
    licence=file.licence or settings.licence,
    owner=file.owner,
    source=file.source or file.path,
    **dataclasses.asdict(probe),
  )
  return data, record


def _is_short(probe: read.Probe, settings: Settings, file) -> bool:
  # Half a frame of grace: 5 s of 29.97 fps footage is often 149 frames.
  if probe.duration >= settings.seconds - 0.5 / probe.fps:
    return False
  reason = f"lasts {probe.duration:.2f} s, less than {settings.seconds:g} s"
  if settings.short == "skip":
    raise _SkipError(reason)
  if settings.short == "error":
    raise errors.DataError(
      f"{file.file} {reason}. Leave such clips out with --short skip, let "
      "their last frame stand with --short hold, or ask for less with "
      "--seconds."
    )
  return True


def _encode_again(data: bytes, probe: read.Probe, short_side: int) -> bytes:
  even = lambda side: 2 * round(side / 2)
  height, width = map(
    even, resize.with_short_side(probe.height, probe.width, short_side)
  )
  total = max(1, round(probe.duration * probe.fps))
  chunks = (
    read.decode(
      data,
      start=first / probe.fps,
      num_frames=min(_CHUNK, total - first),
      fps=probe.fps,
      height=height,
      width=width,
      hold=True,
    )
    for first in range(0, total, _CHUNK)
  )
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "clip.mp4")
    write.write_mp4_chunks(path, chunks, probe.fps)
    return path.read_bytes()
