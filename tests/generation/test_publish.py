"""All files appear, or none does."""

import errno

import pytest

from lumiere_jax import errors
from lumiere_jax.generation import publish


def _text(text):
  return lambda path: path.write_text(text)


def _full_disk(path):
  path.write_text("half an")
  raise OSError(errno.ENOSPC, "No space left on device")


def test_all_files_appear_and_nothing_else(tmp_path):
  folder = tmp_path / "new" / "folder"
  publish.publish({folder / "a": _text("1"), folder / "b": _text("2")})
  assert sorted(p.name for p in folder.iterdir()) == ["a", "b"]
  assert (folder / "b").read_text() == "2"


def test_a_full_disk_leaves_nothing(tmp_path):
  with pytest.raises(
    errors.OutputError, match="a was not written: the disk is full"
  ):
    publish.publish({tmp_path / "a": _text("1"), tmp_path / "b": _full_disk})
  assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_what_was_there(tmp_path):
  (tmp_path / "a").write_text("old")
  with pytest.raises(errors.OutputError, match="disk is full"):
    publish.publish(
      {tmp_path / "a": _text("new"), tmp_path / "b": _full_disk},
      overwrite=True,
    )
  assert [p.name for p in tmp_path.iterdir()] == ["a"]
  assert (tmp_path / "a").read_text() == "old"


def test_an_existing_file_is_refused_unless_told(tmp_path):
  (tmp_path / "b").write_text("old")
  writers = {tmp_path / "a": _text("1"), tmp_path / "b": _text("2")}
  with pytest.raises(errors.OutputError, match=r"b exists.*--overwrite"):
    publish.publish(writers)
  assert not (tmp_path / "a").exists()
  publish.publish(writers, overwrite=True)
  assert (tmp_path / "b").read_text() == "2"


def test_a_failed_rename_takes_the_new_files_back(tmp_path):
  (tmp_path / "b").mkdir()  # a folder where a file is to go
  with pytest.raises(errors.OutputError, match="was not written"):
    publish.publish(
      {tmp_path / "a": _text("1"), tmp_path / "b": _text("2")}, overwrite=True
    )
  assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(errors.OutputError, match="was not written"):
    publish.publish({tmp_path / "file" / "a": _text("1")})
