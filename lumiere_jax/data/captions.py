"""Which clips a folder holds, and what is said of each.

A clip's caption is looked up in a table (`metadata.jsonl` or `metadata.csv`
in the folder, or a file the user names), else in the text file beside it.
"""

from collections.abc import Iterable
import dataclasses
import difflib
import pathlib
import posixpath

from lumiere_jax import errors
from lumiere_jax.data import tables

SUFFIXES = (".mp4", ".mov", ".webm", ".avi", ".gif", ".m4v", ".mkv")
STILLS = (".png", ".jpg", ".jpeg", ".webp")
TABLES = ("metadata.jsonl", "metadata.csv")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionedFile:
  """One clip to take into a dataset.

  Attributes:
    file: where it is, or the archive it is in.
    path: its place relative to the folder, with forward slashes, or what a
      table or an archive calls it.
    id: names it within the dataset; its path unless given.
    caption: one line of text.
    caption_origin: as given; "" where nothing was said.
    licence: as given; "" where nothing was said.
    owner: as given; "" where nothing was said.
    source: as given; "" where nothing was said.
    offset: bytes before it in the archive.
    size: its bytes there; None for a file of its own.
  """

  file: pathlib.Path
  path: str
  id: str = ""
  caption: str
  caption_origin: str = ""
  licence: str = ""
  owner: str = ""
  source: str = ""
  offset: int = 0
  size: int | None = None

  def __post_init__(self):
    object.__setattr__(self, "id", self.id or self.path)

  @property
  def is_still(self) -> bool:
    """Whether it is a picture, a clip of one frame."""
    return self.path.lower().endswith(STILLS)

  def read(self) -> bytes:
    """The bytes of the clip; raises `OSError` if there is no such file."""
    if self.size is None:
      return self.file.read_bytes()
    with open(self.file, "rb") as file:
      file.seek(self.offset)
      return file.read(self.size)


def find(
  folder: pathlib.Path,
  table: pathlib.Path | None = None,
  *,
  suffixes: tuple[str, ...] = SUFFIXES,
  need_captions: bool = True,
) -> list[CaptionedFile]:
  """All clips below a folder with their captions, sorted by path.

  Args:
    folder: searched with its subfolders; hidden files are passed over.
    table: a .jsonl, .csv or .tsv of captions; else one of `TABLES` in
      `folder`, if it is there.
    suffixes: of what is a clip.
    need_captions: whether a clip without caption is an error; else its
      caption is empty.

  Raises:
    DataError: there is no clip, or a clip without caption, or two for one.
  """
  clips = _clips(folder, suffixes)
  table = table or _table_in(folder)
  rows = _by_path(tables.read(table), table) if table else {}
  unknown = sorted(rows.keys() - clips.keys())
  if unknown:
    raise _names_nothing(unknown[0], clips, table, folder)
  beside = {
    path: posixpath.splitext(path)[0] + ".txt"
    for path in clips
    if path not in rows
  }
  _require_own_captions(beside)
  found = []
  for path, file in sorted(clips.items()):
    row = rows.get(path) or _read_beside(file, need_captions)
    found.append(CaptionedFile(file=file, path=path, **row))
  return found


def find_in_table(table: pathlib.Path) -> list[CaptionedFile]:
  """All clips that a table names, in its order.

  Paths are relative to the table's folder, or absolute; a column `id` or
  `videoid` gives their ids, else the paths are.

  Raises:
    DataError: the table cannot be read, or names a clip twice.
  """
  found, ids = [], set()
  for path, row in tables.read(table, need_captions=False):
    name = row.pop("id") or path
    if name in ids:
      raise errors.DataError(
        f"{table} names {name} twice; each clip has one row. Remove one."
      )
    ids.add(name)
    file = table.parent / path
    found.append(CaptionedFile(file=file, path=path, id=name, **row))
  if not found:
    raise errors.DataError(f"{table} has no row, so there is no clip to take.")
  return found


def _clips(
  folder: pathlib.Path, suffixes: tuple[str, ...]
) -> dict[str, pathlib.Path]:
  if not folder.is_dir():
    raise errors.DataError(
      f"{folder} is not a folder; --source names the folder that holds the "
      "clips."
    )
  files = (
    file
    for file in folder.rglob("*")
    if file.suffix.lower() in suffixes and file.is_file()
  )
  relative = {file.relative_to(folder).as_posix(): file for file in files}
  clips = {
    path: file
    for path, file in relative.items()
    if not any(part.startswith(".") for part in path.split("/"))
  }
  if not clips:
    raise errors.DataError(
      f"{folder} holds no clip: no file below it ends in {', '.join(suffixes)}."
    )
  return clips


def _table_in(folder: pathlib.Path) -> pathlib.Path | None:
  tables = [folder / name for name in TABLES if (folder / name).exists()]
  if len(tables) > 1:
    raise errors.DataError(
      f"{folder} holds both {' and '.join(TABLES)}; remove one, or say which "
      "with --captions."
    )
  return tables[0] if tables else None


def _by_path(
  rows: Iterable[tuple[str, dict[str, str]]], table: pathlib.Path
) -> dict[str, dict[str, str]]:
  found = {}
  for path, row in rows:
    if path in found:
      raise errors.DataError(
        f"{table} names {path} twice; each clip has one row. Remove one."
      )
    found[path] = {k: v for k, v in row.items() if k != "id"}
  return found


def _names_nothing(path, clips, table, folder) -> errors.DataError:
  close = difflib.get_close_matches(path, clips, n=1)
  hint = f" Did you mean {close[0]}?" if close else ""
  return errors.DataError(
    f"{table} names {path}, but there is no such clip in {folder}.{hint}"
  )


def _require_own_captions(beside: dict[str, str]) -> None:
  owners = {}
  for path, text in sorted(beside.items()):
    if text in owners:
      raise errors.DataError(
        f"{owners[text]} and {path} would share the caption {text}; rename "
        "one of the clips, or give a table of captions."
      )
    owners[text] = path


def _read_beside(file: pathlib.Path, need_captions: bool) -> dict[str, str]:
  beside = file.with_suffix(".txt")
  if not beside.is_file() and not need_captions:
    return {"caption": ""}
  if not beside.is_file():
    raise errors.DataError(
      f"{file} has no caption. Give one in any of three ways: a text file "
      f"{beside.name} beside it, a row in metadata.jsonl or metadata.csv "
      "(columns file_name, caption) in the source folder, or such a table "
      "elsewhere with --captions FILE."
    )
  try:
    text = beside.read_text(encoding="utf-8-sig")
  except UnicodeDecodeError as error:
    raise errors.DataError(
      f"{beside} is not UTF-8 text ({error.reason}); save it again as UTF-8."
    ) from error
  return {"caption": tables.require_text(" ".join(text.split()), f"{beside}")}
