import io
import subprocess
import sys

import clips
import pytest

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
  assert found.stdout == "wrote out: 2 of 2 clips, 0:02 of video, 0.0 MB\n"
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
  assert "1 of 2 clips, 0:05 of video" in said[1]


def test_an_error_is_one_sentence_and_exit_code_2(tmp_path, capsys):
  command = ["--source", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
  with pytest.raises(SystemExit) as raised:
    exits.run(prepare.main, command)
  assert raised.value.code == 2
  said = capsys.readouterr().err
  assert said.startswith("error: ")
  assert said.count("\n") == 1
  assert not (tmp_path / "out").exists()


class _Terminal(io.StringIO):
  def isatty(self):
    return True


@pytest.mark.parametrize("stream", [io.StringIO, _Terminal])
def test_nothing_is_shown_of_what_is_quick(stream):
  stream = stream()
  on_clip = prepare.bar(stream, clock=iter([0, 1, 2]).__next__)
  on_clip(1, 2, "a.mp4")
  on_clip(2, 2, "b.mp4")
  assert stream.getvalue() == ""


def test_lines_come_seldom_and_say_what_is_left():
  stream = io.StringIO()
  on_clip = prepare.bar(stream, clock=iter([0, 4, 8, 12, 16, 20]).__next__)
  for k in range(1, 6):
    on_clip(k, 5, "a.mp4")
  # 4 s a clip; a line every 10 s, and the last
  assert stream.getvalue() == (
    "clip 1 of 5, 0:16 left\nclip 4 of 5, 0:04 left\nclip 5 of 5, 0:00 left\n"
  )


def test_a_terminal_gets_one_line():
  stream = _Terminal()
  on_clip = prepare.bar(stream, clock=iter([0, 60, 120]).__next__)
  on_clip(1, 2, "a.mp4")
  on_clip(2, 2, "b.mp4")
  assert stream.getvalue().count("\n") == 1
  assert "1/2 1:00 left  a.mp4" in stream.getvalue()
