import json

import pytest

from lumiere_jax import errors
from lumiere_jax.data import captions


@pytest.fixture
def folder(tmp_path):
  """Two clips, one in a subfolder; their contents do not matter here."""
  for path in ("a.mp4", "sub/b.WEBM", ".hidden.mp4", ".trash/c.mp4"):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_bytes(b"")
  return tmp_path


def _beside(folder):
  (folder / "a.txt").write_text("a dog\n runs\n")
  (folder / "sub/b.txt").write_text("\ufeffa cat sits", encoding="utf-8")


def test_text_files_beside_clips(folder):
  _beside(folder)
  found = captions.find(folder)
  assert [(f.path, f.caption) for f in found] == [
    ("a.mp4", "a dog runs"),
    ("sub/b.WEBM", "a cat sits"),
  ]
  assert found[1].file == folder / "sub/b.WEBM"


JSONL = "".join(
  json.dumps(row) + "\n\n"
  for row in (
    {"path": "./a.mp4", "text": "a dog", "license": "MIT", "url": "http://x"}
    | {"author": "Ada", "caption_origin": "blip2"},
    {"file_name": "sub/b.WEBM", "caption": "a cat", "extra": 1},
  )
)
CSV = """\ufefffile_name,caption,caption_origin,licence,owner,source
a.mp4,"a dog",blip2,MIT,Ada,http://x
sub/b.WEBM,"a cat",,,,
"""
TSV = CSV.replace(",", "\t")


@pytest.mark.parametrize(
  ("name", "text"),
  [("metadata.jsonl", JSONL), ("metadata.csv", CSV), ("t.tsv", TSV)],
  ids=["jsonl", "csv", "tsv elsewhere"],
)
def test_tables(folder, tmp_path_factory, name, text):
  elsewhere = name.startswith("t.")
  table = (tmp_path_factory.mktemp("t") if elsewhere else folder) / name
  table.write_text(text, encoding="utf-8")
  a, b = captions.find(folder, table if elsewhere else None)
  assert (a.caption, a.licence, a.source) == ("a dog", "MIT", "http://x")
  assert (a.caption_origin, a.owner) == ("blip2", "Ada")
  assert (b.caption_origin, b.owner) == ("", "")
  assert (b.caption, b.licence, b.source) == ("a cat", "", "")


def test_a_row_goes_before_a_text_file(folder):
  _beside(folder)
  row = {"file_name": "a.mp4", "caption": "from the table"}
  (folder / "metadata.jsonl").write_text(json.dumps(row))
  found = captions.find(folder)
  assert [f.caption for f in found] == ["from the table", "a cat sits"]


def _write(name, text):
  return lambda folder: (folder / name).write_text(text, encoding="utf-8")


ROW = '{"file_name": "a.mp4", "caption": "a dog"}\n'
CASES = {
  "caption missing": (
    lambda folder: None,
    r"a\.mp4 has no caption.*three ways.*a\.txt.*metadata\.jsonl.*--captions",
  ),
  "caption empty": (_write("a.txt", " \n"), r"a\.txt: the caption is empty"),
  "caption empty in a row": (
    _write("metadata.csv", "file_name,caption\na.mp4, \n"),
    r"metadata\.csv:2: the caption is empty",
  ),
  "row twice": (_write("metadata.jsonl", ROW + ROW), r"names a\.mp4 twice"),
  "row for nothing": (
    _write("metadata.jsonl", ROW.replace("a.mp4", "aa.mp4")),
    r"names aa\.mp4, but there is no such clip.*Did you mean a\.mp4",
  ),
  "no caption column": (
    _write("metadata.csv", "file_name,words\na.mp4,x\n"),
    r"metadata\.csv:2: has no caption.*here they are file_name, words",
  ),
  "no file column": (
    _write("metadata.jsonl", '{"caption": "x"}'),
    r"metadata\.jsonl:1: has no file_name",
  ),
  "not JSON": (_write("metadata.jsonl", ROW + "{"), r"jsonl:2: not JSON"),
  "not an object": (_write("metadata.jsonl", "[1]"), r"jsonl:1: has no file"),
  "two tables": (
    lambda folder: [(folder / name).write_text("") for name in captions.TABLES],
    "holds both metadata.jsonl and metadata.csv",
  ),
}


@pytest.mark.parametrize(("spoil", "match"), CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_named(folder, spoil, match):
  spoil(folder)
  with pytest.raises(errors.DataError, match=match) as raised:
    captions.find(folder)
  assert "\n" not in str(raised.value)


def test_one_text_file_is_not_for_two_clips(folder):
  _beside(folder)
  (folder / "a.mov").write_bytes(b"")
  with pytest.raises(errors.DataError, match=r"a\.mov and a\.mp4 would share"):
    captions.find(folder)


@pytest.mark.parametrize("name", ["a.txt", "metadata.csv"])
def test_other_encodings_are_refused(folder, name):
  (folder / name).write_bytes("file_name,caption\na.mp4,é".encode("latin-1"))
  with pytest.raises(errors.DataError, match=rf"{name} is not UTF-8"):
    captions.find(folder)


def test_a_folder_without_clips_is_refused(tmp_path):
  with pytest.raises(errors.DataError, match=r"holds no clip.*\.mp4"):
    captions.find(tmp_path)
  with pytest.raises(errors.DataError, match="is not a folder"):
    captions.find(tmp_path / "none")


def test_a_table_that_is_not_one_is_refused(folder):
  with pytest.raises(errors.DataError, match=r"x\.xlsx is not a table"):
    captions.find(folder, folder / "x.xlsx")
