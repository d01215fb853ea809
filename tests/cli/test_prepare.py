import subprocess
import sys

import clips
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import exits
from lumiere_jax.cli import prepare


def test_the_command_makes_a_dataset(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog", "a cat"])
  found = subprocess.run(
    [
      *(sys.executable, "-m", "lumiere_jax.cli.prepare"),
      *("--source", "in", "--out", "out", "--seconds", "1"),
    ],
    cwd=tmp_path,
    capture_output=True,
    text=True,
    check=True,
    env={"PYTHONPATH": ":".join(p for p in sys.path if p)},
  )
  assert found.stdout == (
    "wrote out: 2 clips of 2 files, 0 left out, 0:02 of video, 0.0 MB\n"
  )
  assert found.stderr == ""
  assert (tmp_path / "out/dataset_info.json").exists()


def test_what_is_left_out_is_said(tmp_path, capsys):
  clips.write_folder(tmp_path / "in", ["a dog"])
  clips.write_clip(tmp_path / "in/long.mp4")
  (tmp_path / "in/long.txt").write_text("waves")
  command = ["--source", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
  prepare.main([*command, "--short", "skip"])
  said = capsys.readouterr().out.splitlines()
  assert said[0] == "left out 0.mp4: it lasts 1.00 s, less than 5 s"
  assert "1 clips of 2 files, 1 left out, 0:05 of video" in said[1]


def test_an_error_is_one_sentence_and_exit_code_2(tmp_path, capsys):
  command = ["--source", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
  with pytest.raises(SystemExit) as raised:
    exits.run(prepare.main, command)
  assert raised.value.code == 2
  said = capsys.readouterr().err
  assert said.startswith("error: ")
  assert said.count("\n") == 1
  assert not (tmp_path / "out").exists()


def test_the_same_command_works_through_beam(tmp_path, capsys):
  clips.write_folder(tmp_path / "in", ["a dog", "a cat"])
  command = ["--source", str(tmp_path / "in"), "--seconds", "1"]
  out = str(tmp_path / "out")
  prepare.main([*command, "--out", out, "--beam=--runner=DirectRunner"])
  assert "2 clips of 2 files, 0 left out" in capsys.readouterr().out
  with pytest.raises(errors.OutputError, match="--overwrite"):
    prepare.main([*command, "--out", out, "--beam="])


def test_an_error_says_what_is_kept(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog", "a cat"])
  (tmp_path / "in/1.mp4").write_bytes(b"x" * 99)
  command = ["--source", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
  command += ["--seconds", "1", "--per-shard", "1"]
  with pytest.raises(errors.VideoError, match=r"is kept \(1 of the shards\)"):
    prepare.main(command)
  prepare.main([*command, "--broken", "skip"])
  assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}
