"""A disk small enough to fill."""

import pathlib
import subprocess

import pytest


@pytest.fixture
def tiny_disk(tmp_path):
  """A folder on a disk of 100 kB, where one may be mounted."""
  yield from _mounted(tmp_path / "disk", "100k")


@pytest.fixture
def small_disk(tmp_path):
  """The same of 700 kB: room for a run's record, not for checkpoints."""
  yield from _mounted(tmp_path / "disk", "700k")


def _mounted(disk, size):
  disk.mkdir()
  mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
  try:
    subprocess.run(mount, check=True, capture_output=True)
  except (OSError, subprocess.CalledProcessError):
    pytest.skip("mounting a small disk takes privileges")
  yield pathlib.Path(disk)
  subprocess.run(["umount", str(disk)], check=True)
