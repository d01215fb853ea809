"""Only bugs leave a traceback."""

import subprocess
import sys

import pytest

from lumiere_jax import errors
from lumiere_jax.cli import exits


def _raise(error):
  def main(argv=None):
    raise error

  return main


def test_our_errors_are_one_sentence_and_code_2(capsys):
  with pytest.raises(SystemExit) as stop:
    exits.run(_raise(errors.ConfigError("steps is 0; use 1.")))
  assert stop.value.code == 2
  assert capsys.readouterr().err == "error: steps is 0; use 1.\n"


def test_a_stop_is_code_130(capsys):
  with pytest.raises(SystemExit) as stop:
    exits.run(_raise(KeyboardInterrupt()))
  assert stop.value.code == 130
  assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_bug():
  program = (
    "from lumiere_jax.cli import exits\n"
    "def main(argv=None):\n"
    "  for line in range(100_000): print(line)\n"
    "exits.run(main)"
  )
  with subprocess.Popen(
    [sys.executable, "-c", program],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  ) as done:
    assert done.stdout.readline() == b"0\n"
    done.stdout.close()
    assert done.stderr.read() == b""
  assert done.returncode == 141


def test_another_pipe_that_breaks_is_one():
  with pytest.raises(BrokenPipeError):
    exits.run(_raise(BrokenPipeError()))


def test_bugs_pass():
  with pytest.raises(ZeroDivisionError):
    exits.run(_raise(ZeroDivisionError()))


def test_arguments_are_handed_on():
  seen = []
  exits.run(seen.append, ["--x"])
  exits.run(lambda argv="own": seen.append(argv))
  assert seen == [["--x"], "own"]
