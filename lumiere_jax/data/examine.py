"""One file to the clips that are kept of it, and what became of the rest.

Everything that can be wrong with a clip is found here, where a person is
watching, and not in a worker process of a pod at night.
"""

from collections.abc import Iterator
import dataclasses
import hashlib
import io

import numpy as np
from PIL import Image

from lumiere_jax import errors
from lumiere_jax.data import captions
from lumiere_jax.data import settings as settings_lib
from lumiere_jax.provenance import exclusions
from lumiere_jax.provenance import manifest
from lumiere_jax.video import fingerprint
from lumiere_jax.video import index
from lumiere_jax.video import letterbox
from lumiere_jax.video import measure
from lumiere_jax.video import read
from lumiere_jax.video import resize
from lumiere_jax.video import shots
from lumiere_jax.video import still
from lumiere_jax.video import transcode
from lumiere_jax.video import write

_STILL_FPS = 25.0  # what a player shows a picture for: one frame of these
_ORIENTATION = 0x0112  # tag of EXIF
CAPTIONLESS = "left out"  # the origin of captions that are missing for good

Settings = settings_lib.Settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
  """What became of one clip.

  Attributes:
    id: of the clip, or of its file.
    kind: "kept", or why not: "broken", "excluded", "captionless", "short",
      "static", "dark", "duplicate".
    reason: in words: "it ...".
    thumb: PNG to show, b"" if there is nothing to.
    record: its line of the manifest, if it is kept.
    data: bytes to store, likewise.
    notes: what was done to it: "cut", "cropped", "encoded", "held".
  """

  id: str
  kind: str = "kept"
  reason: str = ""
  thumb: bytes = b""
  record: manifest.ClipRecord | None = None
  data: bytes = b""
  notes: tuple[str, ...] = ()


class _LeftOutError(Exception):
  """This clip is left out: (kind, reason)."""


def examine(
  file: captions.CaptionedFile,
  settings: Settings,
  excluded: exclusions.Exclusions | None = None,
) -> Iterator[Outcome]:
  """Yields what becomes of a file's clips.

  Raises:
    DataError: it is too short, where that is an error.
    VideoError: it cannot be decoded, where that is an error.
  """
  excluded = excluded or exclusions.Exclusions({})
  try:
    source = _open(file, excluded)
    if file.is_still:
      yield _still(source, settings, excluded)
    else:
      yield from _clips(source, settings, excluded)
  except _LeftOutError as left_out:
    kind, reason = left_out.args
    yield Outcome(id=file.id, kind=kind, reason=reason)
  except errors.VideoError as error:
    if settings.broken == "error":
      raise errors.VideoError(
        f"{error} Or leave out all such files with --broken skip."
      ) from error
    reason = "cannot be decoded"
    yield Outcome(id=file.id, kind="broken", reason=reason)


@dataclasses.dataclass(frozen=True)
class _Source:
  """A file whose hash is known.

  Attributes:
    file: what is said of it.
    content: its path, so that a film never stands in memory whole, or the
      bytes of a member of an archive.
    sha256: hex digest.
  """

  file: captions.CaptionedFile
  content: index.Source
  sha256: str

  def data(self) -> bytes:
    return self.file.read() if self.file.size is None else self.content


def _open(file: captions.CaptionedFile, excluded) -> _Source:
  said = dict(id=file.id, path=file.path, owner=file.owner)
  reason = excluded.reason(**said, source=file.source)
  if reason:
    raise _LeftOutError("excluded", reason)
  if file.caption_origin == CAPTIONLESS:
    raise _LeftOutError("captionless", "has no caption")
  try:
    if file.size is None:
      with open(file.file, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
      source = _Source(file, file.file, digest)
    else:
      data = file.read()
      source = _Source(file, data, _sha256(data))
  except OSError as error:
    raise errors.VideoError(
      f"{file.file} cannot be read ({error.strerror}); take it out of the list."
    ) from error
  reason = excluded.reason(sha256=source.sha256)
  if reason:
    raise _LeftOutError("excluded", reason)
  return source


def _clips(source: _Source, settings: Settings, excluded) -> Iterator[Outcome]:
  content, name = source.content, source.file.path
  probe = read.probe(content, name=name)
  box = letterbox.Box()
  if settings.crop:
    box = letterbox.survey(content, dark=settings.bars, name=name)
  is_large = settings.short_side is not None and (
    min(probe.width, probe.height) > settings.short_side
  )
  if box.is_empty and not is_large:
    found = transcode.survey(content, probe=probe, name=name)
    is_long = settings.longest and probe.duration > settings.longest
    if not (shots.find(found.thumbs, settings.cut) or is_long):
      whole = transcode.Piece(
        start=0.0, data=source.data(), probe=probe, thumbs=found.thumbs
      )
      yield _judged(source, whole, source.file.id, (), settings, excluded)
      return
  yield from _pieces(source, probe, box, settings, excluded)


def _pieces(
  source: _Source,
  probe: read.Probe,
  box: letterbox.Box,
  settings: Settings,
  excluded,
) -> Iterator[Outcome]:
  """A file that is encoded again, and perhaps cut."""
  # All before any: a file that is damaged at its end is left out whole.
  found = list(
    transcode.pieces(
      source.content,
      encoding=settings.encoding,
      box=box,
      threshold=settings.cut,
      longest=settings.longest,
      probe=probe,
      name=source.file.path,
    )
  )
  id = source.file.id
  notes = ("encoded",) + (() if box.is_empty else ("cropped",))
  if len(found) == 1:
    yield _judged(source, found[0], id, notes, settings, excluded)
    return
  # Shots of a file are often short, and none of them is a mistake.
  mild = dataclasses.replace(
    settings, short="hold" if settings.short == "hold" else "skip"
  )
  notes += ("cut",)
  for number, piece in enumerate(found, start=1):
    yield _judged(source, piece, f"{id}#{number}", notes, mild, excluded)


def _judged(
  source: _Source, piece, id: str, notes, settings: Settings, excluded
) -> Outcome:
  """Keeps a piece, or says why not."""
  thumb = _png(piece.thumbs[len(piece.thumbs) // 2])
  try:
    hold = _is_short(piece.probe, settings, source.file)
    _require_light(piece.thumbs, settings)
    _require_motion(piece, settings)
    record = _record(source, piece, id, hold)
    _require_allowed(record, excluded)
  except _LeftOutError as left_out:
    kind, reason = left_out.args
    return Outcome(id=id, kind=kind, reason=reason, thumb=thumb)
  return Outcome(
    id=id,
    thumb=thumb,
    data=piece.data,
    notes=notes + (("held",) if hold else ()),
    record=record,
  )


def _record(
  source: _Source, piece: transcode.Piece, id: str, hold: bool
) -> manifest.ClipRecord:
  file = source.file
  return manifest.ClipRecord(
    id=id,
    path=file.path,
    start=piece.start,
    sha256=source.sha256,
    stored_sha256=_sha256(piece.data),
    fingerprint=fingerprint.fingerprint(piece.thumbs),
    hold=hold,
    caption=file.caption,
    caption_origin=file.caption_origin,
    licence=file.licence,
    owner=file.owner,
    source=file.source,
    **dataclasses.asdict(piece.probe),
  )


def _require_allowed(record: manifest.ClipRecord, excluded) -> None:
  reason = excluded.reason_for(record)
  if reason:
    raise _LeftOutError("excluded", reason)


def _is_short(probe: read.Probe, settings: Settings, file) -> bool:
  # Half a frame of grace: 5 s of 29.97 fps footage is often 149 frames.
  grace = 0.5 / probe.fps
  if probe.duration >= settings.seconds - grace:
    return False
  reason = f"lasts {probe.duration:.2f} s, less than {settings.seconds:g} s"
  is_tiny = probe.duration < settings.shortest - grace
  if settings.short == "skip" or (settings.short == "hold" and is_tiny):
    raise _LeftOutError("short", reason)
  if settings.short == "error":
    raise errors.DataError(
      f"{file.file} {reason}. Leave such clips out with --short skip, let "
      "their last frame stand with --short hold, or ask for less with "
      "--seconds."
    )
  return True


def _require_light(thumbs: np.ndarray, settings: Settings) -> None:
  light = measure.brightness(thumbs)
  if light < settings.light:
    raise _LeftOutError(
      "dark", f"is too dark ({light:.0f} of 255, less than {settings.light:g})"
    )


def _require_motion(piece: transcode.Piece, settings: Settings) -> None:
  motion = measure.motion(piece.thumbs, piece.probe.fps)
  if motion < settings.motion:
    raise _LeftOutError(
      "static",
      f"hardly moves ({motion:.2f} grey levels a second, less than "
      f"{settings.motion:g})",
    )


def _still(source: _Source, settings: Settings, excluded) -> Outcome:
  """A clip of one frame, which cannot be short, or static, or cut."""
  file, data, notes = source.file, source.data(), ()
  pixels, side = still.decode(data, name=file.path), settings.short_side
  is_large = side is not None and min(pixels.shape[:2]) > side
  if is_large:
    size = resize.with_short_side(*pixels.shape[:2], side)
    pixels = resize.resize(pixels[None], *size)[0]
  if is_large or not _is_plain(data):
    data, notes = write.png_bytes(pixels), ("encoded",)
  grey = Image.fromarray(pixels).convert("L")
  grey = grey.resize((shots.COLUMNS, shots.ROWS), Image.Resampling.BOX)
  probe = read.Probe(
    width=pixels.shape[1],
    height=pixels.shape[0],
    fps=_STILL_FPS,
    num_frames=1,
    duration=1 / _STILL_FPS,
  )
  thumbs = np.asarray(grey)[None]
  piece = transcode.Piece(start=0.0, data=data, probe=probe, thumbs=thumbs)
  _require_light(thumbs, settings)
  record = _record(source, piece, file.id, True)
  _require_allowed(record, excluded)
  return Outcome(
    id=file.id, thumb=_png(thumbs[0]), data=data, notes=notes, record=record
  )


def _is_plain(data: bytes) -> bool:
  """Whether a decoder of video shows a picture as it is meant."""
  with Image.open(io.BytesIO(data)) as image:
    return (
      image.mode in ("L", "RGB")
      and "transparency" not in image.info
      and image.getexif().get(_ORIENTATION, 1) == 1
      and getattr(image, "n_frames", 1) == 1
    )


def _png(thumb: np.ndarray) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(thumb).save(buffer, "png")
  return buffer.getvalue()


def _sha256(data: bytes) -> str:
  return hashlib.sha256(data).hexdigest()
