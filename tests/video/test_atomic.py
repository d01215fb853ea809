import errno
import os

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.video import atomic
from lumiere_jax.video import write


def test_nothing_stands_at_the_name_until_the_end(tmp_path):
  path = tmp_path / "a.txt"
  with atomic.replacing(path) as unfinished:
    unfinished.write_text("whole")
    assert unfinished.suffix == ".txt"
    assert not path.exists()
  assert path.read_text() == "whole"
  assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
  "error",
  [
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    OSError("riegeli: No space left on device writing x"),
  ],
  ids=["disk", "quota", "a message alone"],
)
def test_a_full_disk_is_said_in_one_sentence(tmp_path, error):

  def write():
    with atomic.replacing_folder(tmp_path / "out") as folder:
      (folder / "part").write_text("part")
      raise error

  with pytest.raises(errors.OutputError, match="disk is full"):
    write()
  assert not list(tmp_path.iterdir())


def test_a_folder_replaces_the_former_one_whole(tmp_path):
  out = tmp_path / "out"
  for name in ("a", "b"):
    with atomic.replacing_folder(out) as folder:
      (folder / name).write_text(name)
  assert [p.name for p in out.iterdir()] == ["b"]
  assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_fails_keeps_the_former_one(tmp_path):
  out = tmp_path / "out"
  atomic.write_text(out / "a", "a")
  with pytest.raises(ZeroDivisionError), atomic.replacing_folder(out):
    _ = 1 / 0
  assert [p.name for p in out.iterdir()] == ["a"]
  assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_name_below_a_file_is_refused(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(errors.OutputError, match="was not written"):
    atomic.write_text(tmp_path / "file" / "a.txt", "a")


def test_a_truly_full_disk(tiny_disk):
  noise = np.random.default_rng(0).integers(0, 256, (9, 128, 128, 3), np.uint8)
  with pytest.raises(errors.OutputError, match="disk is full"):
    write.write_mp4(tiny_disk / "a.mp4", noise, 16, crf=1)
  assert not list(tiny_disk.iterdir())
