"""Tables of clips: who names the columns how, and where a mistake stands."""

from collections.abc import Iterator
import csv
import json
import pathlib
import posixpath

from lumiere_jax import errors

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


def read(
  table: pathlib.Path, *, need_captions: bool = True
) -> Iterator[tuple[str, dict[str, str]]]:
  """Yields (path, other columns); raises `DataError` naming the line."""
  readers = {
    ".jsonl": _json_lines,
    ".csv": _csv_lines,
    ".tsv": _csv_lines,
    ".parquet": _parquet_rows,
  }
  rows = readers.get(table.suffix.lower())
  if rows is None or not table.is_file():
    raise errors.DataError(
      f"{table} is not a table of captions: give an existing .jsonl, .csv, "
      ".tsv or .parquet file with the columns file_name and caption."
    )
  try:
    for number, entry in rows(table):
      yield _columns(entry, f"{table}:{number}", need_captions)
  except (UnicodeDecodeError, csv.Error) as error:
    raise errors.DataError(
      f"{table} is not UTF-8 text that can be read as {table.suffix} "
      f"({error}); save it again as UTF-8."
    ) from error


def columns_of(entry: dict) -> dict[str, str]:
  """What a row says, under our names; "" where it says nothing."""
  given = {str(key).strip().lower(): v for key, v in entry.items() if key}
  found = {}
  for column, names in _COLUMNS.items():
    values = (given.get(name) for name in names)
    value = next((v for v in values if v is not None and v != ""), "")
    found[column] = " ".join(str(value).split())
  return found


def require_text(caption: str, place: str) -> str:
  """The caption; raises `DataError` if it is empty."""
  if not caption:
    raise errors.DataError(
      f"{place}: the caption is empty; say in a few words what the clip shows."
    )
  return caption


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
    require_text(found["caption"], place)
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
