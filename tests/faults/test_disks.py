"""A disk without room: training goes on, and ends with a sentence."""

import contextlib
import os
import subprocess

from disks import small_disk  # noqa: F401, a fixture
from faults.conftest import STEPS
import pytest

from lumiere_jax.checkpoints import folder

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def _hurried(lab):
  quick = ("--config.checkpoints.attempts=3", "--config.checkpoints.backoff=.1")
  return type(lab)(home=lab.home, flags=(*lab.flags, *quick))


def test_a_full_disk_ends_the_run_with_a_sentence(lab, small_disk):  # noqa: F811
  link = lab.home / "full"
  link.symlink_to(small_disk)
  process = _hurried(lab).start("full", STEPS)
  assert process.wait(timeout=240) == 2
  said = lab.said("full")
  link.unlink()
  assert "could not be written 3 times in a row" in said
  assert "Traceback" not in said.split("could not be written")[-1]
  assert said.count("training goes on and it will be tried again") == 3
  assert len(said.splitlines()) < 100  # not a trace for each task of Orbax
  assert folder.steps(small_disk) == []


@pytest.mark.bar
def test_room_in_time_saves_the_run(lab, small_disk, undisturbed):  # noqa: F811
  link = lab.home / "late"
  link.symlink_to(small_disk)
  process = lab.start("late", STEPS)
  while "it will be tried again" not in lab.said("late"):
    with contextlib.suppress(subprocess.TimeoutExpired):
      process.wait(timeout=0.1)
      break
  more = ["mount", "-o", "remount,size=100m", os.fspath(small_disk)]
  subprocess.run(more, check=True)
  assert process.wait(timeout=240) == 0
  assert folder.newest(small_disk) == STEPS
  link.unlink()
