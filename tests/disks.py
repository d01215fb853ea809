"""A disk small enough to fill."""

import pathlib
import subprocess

import pytest


@pytest.fixture
def tiny_disk(tmp_path):
  """A folder on a disk of 100 kB, where one may be mounted."""
  disk = tmp_path / "disk"
  disk.mkdir()
  mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)]
  try:
    subprocess.run(mount, check=True, capture_output=True)
  except (OSError, subprocess.CalledProcessError):
    pytest.skip("mounting a small disk takes privileges")
  yield pathlib.Path(disk)
  subprocess.run(["umount", str(disk)], check=True)
