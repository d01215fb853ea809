"""What `lumiere prepare --source` names, as one list of clips.

a folder              of clips with captions beside them or in a table
a table               .csv, .tsv, .jsonl or .parquet of paths and captions
a tar, or a pattern   WebDataset tars: data/{00..17}.tar, data/*.tar
a folder of tars      likewise
"""

import dataclasses
import itertools
import pathlib
import re

from lumiere_jax import errors
from lumiere_jax.data import captions
from lumiere_jax.data import examine
from lumiere_jax.data import tars

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
TAKES = ("videos", "stills", "both")
CAPTIONLESS = ("error", "skip", "file name", "folder name", "none")
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
  """Which files are clips, and what is said of those without caption.

  Attributes:
    take: "videos", "stills" or "both".
    captionless: what to do with a clip without caption: "error", "skip", or
      to call it by its "file name" or its "folder name", or "none" for an
      empty one.
    caption_origin: where captions come from that do not say; e.g. "blip2".
    licence: of clips of which nothing is said.
    owner: likewise.
  """

  take: str = "videos"
  captionless: str = "error"
  caption_origin: str = "given"
  licence: str = "unknown"
  owner: str = ""

  def __post_init__(self):
    errors.require_one_of("--take", self.take, TAKES)
    errors.require_one_of("--captionless", self.captionless, CAPTIONLESS)

  @property
  def suffixes(self) -> tuple[str, ...]:
    """What the names of clips end in."""
    return {
      "videos": captions.SUFFIXES,
      "stills": captions.STILLS,
      "both": captions.SUFFIXES + captions.STILLS,
    }[self.take]


def find(
  source: str, table: pathlib.Path | None, choice: Choice
) -> list[captions.CaptionedFile]:
  """All clips of a source, in an order that does not depend on the machine.

  Args:
    source: see the module.
    table: of captions, for a folder.
    choice: see `Choice`.

  Raises:
    DataError: there is no clip, or one without caption where that is an
      error.
  """
  found = _find(source, table, choice)
  if not found:
    raise errors.DataError(
      f"{source} holds no clip that ends in {', '.join(choice.suffixes)}."
    )
  for clip in found:
    _require_text(clip)
  return [_completed(clip, choice, source) for clip in found]


def _require_text(clip: captions.CaptionedFile) -> None:
  try:
    f"{clip.id}{clip.path}{clip.caption}".encode()
  except UnicodeEncodeError as error:
    raise errors.DataError(
      f"{clip.path!a} is not a name in UTF-8, as records need; rename the file."
    ) from error


def _find(source: str, table, choice: Choice) -> list[captions.CaptionedFile]:
  path = pathlib.Path(source)
  if path.suffix.lower() in TABLES and path.is_file():
    return captions.find_in_table(path)
  archives = _tars(source)
  if archives:
    return list(tars.find(archives, choice.suffixes))
  return captions.find(
    path,
    table,
    suffixes=choice.suffixes,
    need_captions=choice.captionless == "error",
  )


def _tars(source: str) -> list[pathlib.Path]:
  """The tars that a source names; none if it names something else."""
  path = pathlib.Path(source)
  if path.is_dir():
    found = sorted(path.glob("*.tar"))
    others = (p for p in path.rglob("*") if p.suffix.lower() != ".tar")
    has_clips = any(p.suffix.lower() in captions.SUFFIXES for p in others)
    return [] if has_clips else found
  if not source.endswith(".tar"):
    return []
  names = expand(source)
  found = [p for name in names for p in sorted(path.parent.glob(name))]
  if not found:
    raise errors.DataError(f"there is no tar {source}.")
  return found


def expand(pattern: str) -> list[str]:
  """File names for "data/{00..17}.tar", in order; without its folder."""
  parts = _BRACES.split(pathlib.PurePath(pattern).name)
  texts, firsts, lasts = parts[::3], parts[1::3], parts[2::3]
  ranges = [
    [f"{k:0{len(first)}}" for k in range(int(first), int(last) + 1)]
    for first, last in zip(firsts, lasts, strict=True)
  ]
  return [
    texts[0] + "".join(n + t for n, t in zip(numbers, texts[1:], strict=True))
    for numbers in itertools.product(*ranges)
  ]


def _completed(
  clip: captions.CaptionedFile, choice: Choice, source: str
) -> captions.CaptionedFile:
  """Fills in what nothing was said of."""
  caption, origin = clip.caption, clip.caption_origin or choice.caption_origin
  if not caption:
    caption, origin = _substitute(clip, choice, source)
  return dataclasses.replace(
    clip,
    caption=caption,
    caption_origin=origin,
    licence=clip.licence or choice.licence,
    owner=clip.owner or choice.owner,
    source=clip.source or clip.path,
  )


def _substitute(clip, choice: Choice, source: str) -> tuple[str, str]:
  path = pathlib.PurePosixPath(clip.path)
  if choice.captionless in ("none", "skip"):
    return "", examine.CAPTIONLESS if choice.captionless == "skip" else "none"
  if choice.captionless == "error" or (
    choice.captionless == "folder name" and not path.parent.name
  ):
    raise errors.DataError(
      f"{clip.path} of {source} has no caption; give it one, or say with "
      "--captionless what to do with such clips: skip, file name, folder name, "
      "none."
    )
  name = path.stem if choice.captionless == "file name" else path.parent.name
  return _in_words(name), choice.captionless


def _in_words(name: str) -> str:
  return " ".join(re.split(r"[\s_.-]+", name)).strip()
