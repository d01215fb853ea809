"""The README's first command: help, refusals; what it runs is tested in cli."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SCRIPTS = ("quickstart.sh", "train_tiny.sh")


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_the_header(launcher, script):
  done = launcher(script, "--help")
  assert done.returncode == 0, done.stderr
  header = (ROOT / "launch" / script).read_text().split("\nset -euo")[0]
  assert done.stdout.splitlines() == [
    line[2:] for line in header.splitlines()[1:]
  ]


@pytest.mark.parametrize(
  ("script", "words", "message"),
  [
    ("quickstart.sh", ["--wrong"], "--wrong is unknown"),
    ("quickstart.sh", ["--out"], "--out needs a value"),
    ("quickstart.sh", ["--out", "a.avi"], "ends in .mp4"),
    ("quickstart.sh", ["--seed", "x"], '--seed is "x"'),
    ("quickstart.sh", ["a", "ball"], "quote it"),
    ("quickstart.sh", ["--python", "nopython"], "no Python at nopython"),
    ("train_tiny.sh", ["--wrong"], "--wrong is unknown"),
    ("train_tiny.sh", ["--source", "nowhere"], "no folder nowhere"),
    ("train_tiny.sh", ["--mesh", "2,2"], "three sizes"),
  ],
)
def test_a_wrong_call_is_one_sentence_and_exit_2(
  launcher, script, words, message
):
  done = launcher(script, *words)
  assert done.returncode == 2
  assert re.fullmatch(r"error: .*\n", done.stderr), done.stderr
  assert message in done.stderr
