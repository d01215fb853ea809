"""Which clips a folder holds, and what is said of each.

A clip's caption is looked up in a table (`metadata.jsonl` or `metadata.csv`
in the folder, or a file the user names), else in the text file beside it.
"""

from collections.abc import Iterable, Iterator
import csv
import dataclasses
import difflib
import json
import pathlib
import posixpath

from lumiere_jax import errors

SUFFIXES = (".mp4", ".mov", ".webm", ".avi", ".gif", ".m4v", ".mkv")
STILLS = (".png", ".jpg", ".jpeg", ".webp")
TABLES = ("metadata.jsonl", "metadata.csv")

# What other tools call the columns, in order of preference.
_COLUMNS = {
  "path": (
    *("file_name", "path", "filename", "file", "video", "video_path"),
    "contenturl",
  ),
  "caption": ("caption", "text", "prompt", "name", "description"),
  "caption_origin": ("caption_origin", "caption_source"),
  "licence": ("licence", "license"),
  "owner": ("owner", "author", "creator"),
  "source": ("source", "url"),
}
_IDS = ("id", "videoid", "video_id")
_FOLDER = "page_dir"  # of a file that is called by its id


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
  rows = _by_path(read_table(table), table) if table else {}
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


def read_table(
  table: pathlib.Path, *, need_captions: bool = True
) -> Iterator[tuple[str, dict[str, str]]]:
  """Yields (path, other columns); raises `DataError` naming the line."""
  readers = {
    ".jsonl": _json_lines,
    ".csv": _csv_lines,
    ".tsv": _csv_lines,
    ".parquet": _parquet_rows,
  }
  read = readers.get(table.suffix.lower())
  if read is None or not table.is_file():
    raise errors.DataError(
      f"{table} is not a table of captions: give an existing .jsonl, .csv, "
      ".tsv or .parquet file with the columns file_name and caption."
    )
  try:
    for number, entry in read(table):
      yield _columns(entry, f"{table}:{number}", need_captions)
  except (UnicodeDecodeError, csv.Error) as error:
    raise errors.DataError(
      f"{table} is not UTF-8 text that can be read as {table.suffix} "
      f"({error}); save it again as UTF-8."
    ) from error


def find_in_table(table: pathlib.Path) -> list[CaptionedFile]:
  """All clips that a table names, in its order.

  Paths are relative to the table's folder, or absolute; a column `id` or
  `videoid` gives their ids, else the paths are.

  Raises:
    DataError: the table cannot be read, or names a clip twice.
  """
  found, ids = [], set()
  for path, row in read_table(table, need_captions=False):
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


def columns_of(entry: dict) -> dict[str, str]:
  """What a row says, under our names; "" where it says nothing."""
  given = {str(key).strip().lower(): v for key, v in entry.items() if key}
  found = {}
  for column, names in _COLUMNS.items():
    value = next((given[n] for n in names if given.get(n) is not None), None)
    found[column] = " ".join(str("" if value is None else value).split())
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


def _json_lines(table: pathlib.Path) -> Iterator[tuple[int, dict]]:
  with open(table, encoding="utf-8-sig") as lines:
    for number, line in enumerate(lines, start=1):
      if not line.strip():
        continue
      try:
        entry = json.loads(line)
      except ValueError as error:
        raise errors.DataError(
          f"{table}:{number}: not JSON ({error}); each line is one object "
          'like {"file_name": "a.mp4", "caption": "a dog runs"}.'
        ) from error
      yield number, entry if isinstance(entry, dict) else {}


def _csv_lines(table: pathlib.Path) -> Iterator[tuple[int, dict]]:
  delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
  # utf-8-sig: spreadsheets put a byte order mark before the first column.
  with open(table, encoding="utf-8-sig", newline="") as lines:
    reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    for entry in reader:
      yield reader.line_num, entry


def _parquet_rows(table: pathlib.Path) -> Iterator[tuple[int, dict]]:
  import pyarrow  # here, since worker processes never read a table
  from pyarrow import parquet

  number = 0
  try:
    with parquet.ParquetFile(table) as file:
      for batch in file.iter_batches():
        for entry in batch.to_pylist():
          number += 1
          yield number, entry
  except pyarrow.ArrowException as error:
    raise errors.DataError(
      f"{table} cannot be read as parquet ({error}); write it again."
    ) from error


def _columns(
  entry: dict, place: str, need_captions: bool
) -> tuple[str, dict[str, str]]:
  """(path, {caption, licence, ...}) of one row."""
  found = columns_of(entry)
  for column in ("path", "caption") if need_captions else ("path",):
    given = [str(key).strip().lower() for key in entry if key]
    if not any(name in given for name in _COLUMNS[column]):
      raise errors.DataError(
        f"{place}: has no {_COLUMNS[column][0]}; the columns are file_name, "
        "caption and, if known, licence and source, and here they are "
        f"{', '.join(given) or 'none'}."
      )
  if not found["path"]:
    raise errors.DataError(f"{place}: the path is empty; name a clip.")
  if need_captions:
    _require_text(found["caption"], place)
  said = {str(k).strip().lower(): v for k, v in entry.items() if k}
  id = next((str(said[n]).strip() for n in _IDS if said.get(n) is not None), "")
  path = found.pop("path")
  if "://" in path:
    path = _local(path, id, said.get(_FOLDER), place)
  return posixpath.normpath(path), found | {"id": id}


def _local(url: str, id: str, folder: str | None, place: str) -> str:
  """Where WebVid's own downloader puts a clip."""
  if not (id and folder):
    raise errors.DataError(
      f"{place}: {url} is not on this machine; download the clips first, and "
      "give a column path, or page_dir and videoid for PAGE_DIR/VIDEOID.mp4."
    )
  return f"{folder}/{id}.mp4"


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
  return {"caption": _require_text(" ".join(text.split()), f"{beside}")}


def _require_text(caption: str, place: str) -> str:
  if not caption:
    raise errors.DataError(
      f"{place}: the caption is empty; say in a few words what the clip shows."
    )
  return caption
