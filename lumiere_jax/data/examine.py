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
from lumiere_jax.provenance import exclusions
from lumiere_jax.provenance import manifest
from lumiere_jax.video import fingerprint
from lumiere_jax.video import letterbox
from lumiere_jax.video import measure
from lumiere_jax.video import read
from lumiere_jax.video import resize
from lumiere_jax.video import shots
from lumiere_jax.video import still
from lumiere_jax.video import transcode
from lumiere_jax.video import write

_STILL_FPS = 25.0  # what a player shows a picture for: one frame of these


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
  """How files become clips.

  Attributes:
    seconds: shortest clip that needs no exception.
    short: for shorter files, "error", "skip", or "hold" to keep them and let
      their last frame stand when they are decoded; shots of a file that was
      cut are held or skipped.
    shortest: seconds below which nothing is kept, not even held.
    longest: seconds after which a shot is cut anyway; None never.
    broken: for files that cannot be decoded, "error" or "skip".
    cut: grey levels by which two frames differ where a shot ends; 255 and
      above leaves files whole.
    crop: whether to crop dark bars that are burned in.
    motion: grey levels a second of change below which a clip is too static.
    light: grey level that a tenth of the picture must exceed.
    duplicate: bits of 256 by which copies may look different, at most 15; -1
      keeps all but equal files.
    short_side: pixels that the shorter side is brought down to, once, by
      encoding again; None keeps the bytes of files that need no cut.
    crf: x264's quality where a clip is encoded: 18 looks lossless.
    gop: seconds between keyframes, which a random start decodes in vain.
    preset: x264's trade of time for size.
  """

  seconds: float = 5.0
  short: str = "error"
  shortest: float = 0.5
  longest: float | None = None
  broken: str = "error"
  cut: float = shots.THRESHOLD
  crop: bool = True
  motion: float = 1.0
  light: float = 24.0
  duplicate: int = 10
  short_side: int | None = None
  crf: int = 18
  gop: float = 1.0
  preset: str = "medium"

  def __post_init__(self):
    errors.require_one_of("--short", self.short, ("error", "hold", "skip"))
    errors.require_one_of("--broken", self.broken, ("error", "skip"))
    if self.seconds <= 0 or self.gop <= 0:
      raise errors.ConfigError(
        f"--seconds is {self.seconds} and --gop {self.gop}; use positive "
        "lengths, such as 5 and 1."
      )
    if self.longest is not None and self.longest < self.seconds:
      raise errors.ConfigError(
        f"--longest is {self.longest}, less than --seconds {self.seconds}: "
        "every clip would be too short. Use a longer one, or none."
      )
    if not -1 <= self.duplicate <= fingerprint.MAX_DISTANCE:
      raise errors.ConfigError(
        f"--duplicate is {self.duplicate}; use 0 to {fingerprint.MAX_DISTANCE} "
        "bits, or -1 to keep what only looks alike."
      )
    if self.short_side is not None:
      errors.require_divisible(
        "--short-side", self.short_side, 2, because="an mp4 needs even sides"
      )

  @property
  def encoding(self) -> transcode.Encoding:
    """How clips are encoded where they are."""
    return transcode.Encoding(
      short_side=self.short_side,
      crf=self.crf,
      gop=self.gop,
      preset=self.preset,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
  """What became of one clip.

  Attributes:
    id: of the clip, or of its file.
    kind: "kept", or why not: "broken", "excluded", "short", "static", "dark",
      "duplicate".
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
    data = _read(file, excluded)
    if file.is_still:
      yield _still(file, data, settings, excluded)
    else:
      yield from _clips(file, data, settings, excluded)
  except _LeftOutError as left_out:
    kind, reason = left_out.args
    yield Outcome(id=file.path, kind=kind, reason=reason)
  except errors.VideoError as error:
    if settings.broken == "error":
      raise errors.VideoError(
        f"{error} Or leave out all such files with --broken skip."
      ) from error
    reason = "cannot be decoded"
    yield Outcome(id=file.path, kind="broken", reason=reason)


def _read(file: captions.CaptionedFile, excluded) -> bytes:
  said = dict(id=file.path, path=file.path, owner=file.owner)
  reason = excluded.reason(**said, source=file.source)
  if reason:
    raise _LeftOutError("excluded", reason)
  try:
    data = file.read()
  except OSError as error:
    raise errors.VideoError(
      f"{file.file} cannot be read ({error.strerror}); take it out of the list."
    ) from error
  reason = excluded.reason(sha256=_sha256(data))
  if reason:
    raise _LeftOutError("excluded", reason)
  return data


def _clips(file, data: bytes, settings: Settings, excluded) -> Iterator:
  name = f"{file.path}"
  probe = read.probe(data, name=name)
  box = letterbox.survey(data, name=name) if settings.crop else letterbox.Box()
  is_large = settings.short_side is not None and (
    min(probe.width, probe.height) > settings.short_side
  )
  if box.is_empty and not is_large:
    found = transcode.survey(data, name=name)
    is_long = settings.longest and probe.duration > settings.longest
    if not (shots.find(found.thumbs, settings.cut) or is_long):
      whole = transcode.Piece(
        start=0.0, data=data, probe=probe, thumbs=found.thumbs
      )
      yield _judged(file, data, whole, file.path, (), settings, excluded)
      return
  yield from _pieces(file, data, box, settings, excluded)


def _pieces(file, data: bytes, box, settings: Settings, excluded) -> Iterator:
  """A file that is encoded again, and perhaps cut."""
  found = list(
    transcode.pieces(
      data,
      encoding=settings.encoding,
      box=box,
      threshold=settings.cut,
      longest=settings.longest,
      name=f"{file.path}",
    )
  )
  notes = ("encoded",) + (() if box.is_empty else ("cropped",))
  if len(found) == 1:
    piece = found[0]
    yield _judged(file, data, piece, file.path, notes, settings, excluded)
    return
  for number, piece in enumerate(found, start=1):
    # Shots of a file are often short, and none of them is a mistake.
    mild = dataclasses.replace(
      settings, short="hold" if settings.short == "hold" else "skip"
    )
    id = f"{file.path}#{number}"
    yield _judged(file, data, piece, id, (*notes, "cut"), mild, excluded)


def _judged(
  file, original: bytes, piece, id: str, notes, settings: Settings, excluded
) -> Outcome:
  """Keeps a piece, or says why not."""
  thumb = _png(piece.thumbs[len(piece.thumbs) // 2])
  looks = fingerprint.fingerprint(piece.thumbs)
  try:
    hold = _is_short(piece.probe, settings, file)
    _require_sight(piece, settings)
    reason = excluded.reason(id=id, fingerprint=looks)
    if reason:
      raise _LeftOutError("excluded", reason)
  except _LeftOutError as left_out:
    kind, reason = left_out.args
    return Outcome(id=id, kind=kind, reason=reason, thumb=thumb)
  return Outcome(
    id=id,
    thumb=thumb,
    data=piece.data,
    notes=notes + (("held",) if hold else ()),
    record=_record(
      file, id, original, piece.data, piece.probe, looks, hold, piece.start
    ),
  )


def _record(
  file, id, original, data, probe, looks, hold, start
) -> manifest.ClipRecord:
  return manifest.ClipRecord(
    id=id,
    path=file.path,
    start=start,
    sha256=_sha256(original),
    stored_sha256=_sha256(data),
    fingerprint=looks,
    hold=hold,
    caption=file.caption,
    caption_origin=file.caption_origin,
    licence=file.licence,
    owner=file.owner,
    source=file.source,
    **dataclasses.asdict(probe),
  )


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


def _require_sight(piece: transcode.Piece, settings: Settings) -> None:
  light = measure.brightness(piece.thumbs)
  if light < settings.light:
    raise _LeftOutError(
      "dark", f"is too dark ({light:.0f} of 255, less than {settings.light:g})"
    )
  motion = measure.motion(piece.thumbs, piece.probe.fps)
  if motion < settings.motion:
    raise _LeftOutError(
      "static",
      f"hardly moves ({motion:.2f} grey levels a second, less than "
      f"{settings.motion:g})",
    )


def _still(file, data: bytes, settings: Settings, excluded) -> Outcome:
  original, notes = data, ()
  pixels = still.decode(data, name=file.path)
  side = settings.short_side
  if side is not None and min(pixels.shape[:2]) > side:
    size = resize.with_short_side(*pixels.shape[:2], side)
    pixels = resize.resize(pixels[None], *size)[0]
    data, notes = write.png_bytes(pixels), ("encoded",)
  grey = Image.fromarray(pixels).convert("L")
  grey = grey.resize((shots.COLUMNS, shots.ROWS), Image.Resampling.BOX)
  thumb = np.asarray(grey)
  looks = fingerprint.fingerprint(thumb[None])
  reason = excluded.reason(fingerprint=looks)
  if reason:
    raise _LeftOutError("excluded", reason)
  probe = read.Probe(
    width=pixels.shape[1],
    height=pixels.shape[0],
    fps=_STILL_FPS,
    num_frames=1,
    duration=1 / _STILL_FPS,
  )
  return Outcome(
    id=file.path,
    thumb=_png(thumb),
    data=data,
    notes=notes,
    record=_record(file, file.path, original, data, probe, looks, True, 0.0),
  )


def _png(thumb: np.ndarray) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(thumb).save(buffer, "png")
  return buffer.getvalue()


def _sha256(data: bytes) -> str:
  return hashlib.sha256(data).hexdigest()
