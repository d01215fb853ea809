"""Two runs do not share a folder."""

import subprocess
import sys

import pytest

from lumiere_jax import errors
from lumiere_jax.training import lock

HOLD = """
import sys
from lumiere_jax.training import lock
with lock.held(sys.argv[1]):
  print("held", flush=True)
  sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
  process = subprocess.Popen(
    [sys.executable, "-c", HOLD, tmp_path],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert process.stdout.readline() == "held\n"
  yield process
  process.kill()
  process.wait()


def test_a_folder_in_use_is_refused_and_says_by_whom(tmp_path, other):
  with (
    pytest.raises(errors.ConfigError, match=f"process {other.pid} on .* since"),
    lock.held(tmp_path),
  ):
    pass


def test_the_lock_goes_with_the_process(tmp_path, other):
  other.kill()
  other.wait()
  with lock.held(tmp_path):
    pass
  with lock.held(tmp_path):  # and with the block
    pass


def test_what_is_no_folder_is_refused(tmp_path):
  (tmp_path / "file").touch()
  with (
    pytest.raises(errors.OutputError, match="give another --workdir"),
    lock.held(tmp_path / "file" / "run"),
  ):
    pass


def test_a_file_system_without_locks_is_only_warned_of(
  tmp_path, monkeypatch, caplog
):
  def none(*args):
    raise OSError(95, "Operation not supported")

  monkeypatch.setattr(lock.fcntl, "flock", none)
  with lock.held(tmp_path):
    pass
  assert "cannot be locked: Operation not supported" in caplog.text


def test_a_holder_that_wrote_nothing_is_said_to(tmp_path, other):
  (tmp_path / lock.FILE).write_text("")
  with (
    pytest.raises(errors.ConfigError, match="which has not said more"),
    lock.held(tmp_path),
  ):
    pass
