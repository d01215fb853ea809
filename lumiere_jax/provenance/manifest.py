"""The dataset manifest: which clips we trained on, and by what right.

One JSON object a line.  The digest of a manifest is written into every
checkpoint trained on it, so a video can be walked back to its sources.
"""

from collections.abc import Iterable, Iterator
import dataclasses
import hashlib
import json
import os

from lumiere_jax import errors

VERSION = 2


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ClipRecord:
  """One training clip.

  Attributes:
    id: names the clip within its dataset: its path, or "path#3" for the third
      of the pieces that a file was cut into.
    path: of the file, in the folder or table the dataset was made from.
    start: where the clip begins in that file, in seconds; 0 for a whole file.
    sha256: hex digest of the file as it was found there.
    stored_sha256: hex digest of the bytes in the dataset, which differ from
      the file's if it was cut or encoded again.
    fingerprint: perceptual hash of the frames, 256 bits as 64 hex digits; ""
      if it was not computed.
    width: pixels, as shown.
    height: pixels, as shown.
    fps: native frame rate, in frames per second.
    num_frames: native length, in frames.
    duration: native length, in seconds.
    hold: whether the last frame may stand in for what the clip lacks.
    caption: text paired with the clip.
    caption_origin: "given", or what made the caption, e.g. "folder name".
    licence: SPDX identifier such as "CC-BY-4.0", or "unknown".
    owner: who holds the rights; "" if unknown.
    source: where the clip was obtained; a URL if there is one.
  """

  id: str
  path: str
  start: float
  sha256: str
  stored_sha256: str
  fingerprint: str
  width: int
  height: int
  fps: float
  num_frames: int
  duration: float
  hold: bool
  caption: str
  caption_origin: str
  licence: str
  owner: str
  source: str


_FIELDS = frozenset(field.name for field in dataclasses.fields(ClipRecord))


def to_line(record: ClipRecord) -> str:
  """One line of a manifest, without its end."""
  entry = {"version": VERSION, **dataclasses.asdict(record)}
  return json.dumps(entry, ensure_ascii=False)


def read_manifest(path: os.PathLike | str) -> Iterator[ClipRecord]:
  """Yields records in file order; raises at the first line it cannot trust."""
  with open(path, "rb") as lines:
    for number, line in enumerate(lines, start=1):
      yield from_line(line, f"{path}:{number}")


def digest(records: Iterable[ClipRecord]) -> str:
  """SHA-256 over pictures and captions; does not depend on their order."""
  lines = sorted(json.dumps([r.stored_sha256, r.caption]) for r in records)
  return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def from_line(line: bytes, place: str) -> ClipRecord:
  """The inverse of `to_line`; `place` is what an error calls the line.

  Raises:
    DataError: it is no such line, or of another version.
  """
  try:
    entry = json.loads(line.decode())
    version = entry.pop("version", None)
  except (ValueError, AttributeError, TypeError) as error:
    raise errors.DataError(
      f"{place}: not a JSON object, as each line of a manifest must be; make "
      "the dataset again."
    ) from error
  if version != VERSION:
    raise errors.DataError(
      f"{place}: manifest version is {version!r}, this code reads version "
      f"{VERSION}; make the dataset again."
    )
  if entry.keys() != _FIELDS:
    raise errors.DataError(
      f"{place}: missing {sorted(_FIELDS - entry.keys())}, unknown "
      f"{sorted(entry.keys() - _FIELDS)}; make the dataset again."
    )
  return ClipRecord(**entry)
