"""launch/applications.sh: what it refuses before it does anything."""

import pathlib
import re
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "launch/applications.sh"


def _run(*words):
  return subprocess.run(
    ["bash", SCRIPT, *map(str, words)],
    capture_output=True,
    text=True,
    check=False,
  )


def test_help_is_the_header():
  done = _run("--help")
  assert done.returncode == 0
  header = SCRIPT.read_text().split("\nset -euo")[0]
  assert done.stdout.splitlines() == [
    line[2:] for line in header.splitlines()[1:]
  ]


@pytest.mark.parametrize(
  ("words", "match"),
  [
    (["--wrong"], "--wrong is unknown"),
    (["--video"], "--video needs a value"),
    (["--video", "nowhere.mp4"], "there is no clip nowhere.mp4"),
    (["--video", SCRIPT], "with --first and --last"),
  ],
  ids=["flag", "value", "clip", "pictures"],
)
def test_a_mistake_is_one_sentence_and_exit_2(words, match):
  done = _run(*words)
  assert done.returncode == 2
  assert done.stdout == ""
  assert done.stderr.count("\n") == 1
  assert re.search(match, done.stderr)
