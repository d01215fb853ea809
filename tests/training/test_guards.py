"""What is borne and what is not, by hand."""

import sys
import time

import pytest

from lumiere_jax import errors
from lumiere_jax.training import guards


def window(*losses):
  """Metrics of steps; None is one without a finite gradient."""
  return [
    {"loss": float("nan") if x is None else x, "skipped": float(x is None)}
    for x in losses
  ]


def watch(**settings):
  return guards.Watch(guards.Settings(**settings))


def test_means_are_of_the_steps_that_counted():
  means = watch().means(window(1.0, None, 3.0), 3)
  assert means == {"loss": 2.0, "skipped": 1.0}
  assert watch().means(window(None), 1) == {"skipped": 1.0}


def test_too_many_skipped_in_a_row_across_windows_are_a_fault():
  one = watch(max_skipped=3)
  one.means(window(1.0, None, None), 3)
  with pytest.raises(guards.FaultError, match=r"in steps 2 to 5$"):
    one.means(window(None, None), 5)


def test_skipped_steps_with_others_between_are_borne():
  one = watch(max_skipped=1)
  for last in (2, 4, 6):
    one.means(window(None, 1.0), last)


def test_another_broken_metric_is_a_fault():
  broken = [{"loss": 1.0, "other": float("inf"), "skipped": 0.0}]
  with pytest.raises(guards.FaultError, match="other became NaN or infinite"):
    watch().means(broken, 1)


def test_a_spike_is_seen_once_the_usual_is_known():
  one = watch(spike=3.0)
  one.means(window(9.0), 1)  # nothing is usual yet
  for step, loss in enumerate((1.0, 1.1, 0.9, 1.0, 1.0), 2):
    one.means(window(loss), step)
  one.means(window(2.9), 7)
  with pytest.raises(guards.FaultError, match="over 3 times its median 1"):
    one.means(window(3.5), 8)
  off = watch(spike=0.0)
  for step in range(10):
    off.means(window(10.0**step), step)


def test_going_back_is_bounded_and_needs_a_checkpoint():
  one = watch(max_rollbacks=2)
  fault = guards.FaultError("the loss jumped")
  one.roll_back(fault, 10)
  one.roll_back(fault, 10)
  with pytest.raises(errors.TrainingError, match="jumped, once more; nothing"):
    one.roll_back(fault, 10)
  with pytest.raises(errors.TrainingError, match="before there was a"):
    watch().roll_back(fault, None)


def test_a_step_that_hangs_leaves_the_stacks(tmp_path):
  dog = guards.Watchdog(tmp_path, guards.Settings(hang_seconds=0.2))
  dog.beat()
  time.sleep(0.6)
  said = (tmp_path / guards.STACKS.format(0)).read_text()
  dog.close()
  assert "Timeout" in said
  assert f"line {sys._getframe().f_lineno - 4} in test_a_step_that" in said


def test_without_a_hang_nothing_is_left(tmp_path):
  dog = guards.Watchdog(tmp_path, guards.Settings(hang_seconds=60))
  dog.beat()
  dog.beat()
  dog.close()
  dog.close()
  assert not [*tmp_path.iterdir()]
  guards.Watchdog(tmp_path, guards.Settings(hang_seconds=0)).beat()
  assert not [*tmp_path.iterdir()]
