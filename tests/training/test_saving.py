"""Saves that are late or fail are never skipped in silence."""

import threading

import jax.numpy as jnp
import pytest

from lumiere_jax import errors
from lumiere_jax.checkpoints import checksums
from lumiere_jax.checkpoints import folder
from lumiere_jax.training import saving

QUICK = dict(backoff=0.0, budget=0.05)


def snapshot():
  return {"state": {"w": jnp.ones(3)}}, {"data": {"place": 1}}


@pytest.fixture
def events():
  return []


@pytest.fixture
def make(tmp_path, events):
  made = []

  def saver(**settings):
    one = saving.Saver(
      str(tmp_path),
      saving.Settings(**(QUICK | settings)),
      lambda kind, **fields: events.append((kind, fields)),
    )
    made.append(one)
    return one

  yield saver
  for one in made:
    one.close()


@pytest.fixture
def broken(monkeypatch):
  """The disk is full while this is set."""
  real, is_full = checksums.write, threading.Event()

  def write(path):
    if is_full.is_set():
      raise OSError(28, "No space left on device")
    return real(path)

  monkeypatch.setattr(checksums, "write", write)
  return is_full


def test_what_is_due_is_saved_and_told(make, tmp_path, events):
  saver = make(budget=30.0)
  for step in range(1, 5):
    saver.turn(step, step % 2 == 0, snapshot, 0.5)
  saver.finish(5, snapshot, 0.25)
  assert folder.steps(tmp_path) == [4, 5]
  assert [kind for kind, _ in events] == ["checkpoint"] * 3
  assert saving.loss_of(tmp_path, 4) == 0.5
  assert saving.loss_of(tmp_path, 5) == 0.25
  assert saving.loss_of(tmp_path, 6) is None


def test_the_last_step_is_saved_once(make, events):
  saver = make()
  saver.turn(2, True, snapshot, None)
  saver.finish(2, snapshot, None)
  saver.finish(2, snapshot, None)
  assert len(events) == 1


def test_a_failed_save_is_counted_and_tried_again(
  make, broken, tmp_path, events
):
  saver = make()
  broken.set()
  saver.turn(2, True, snapshot, None)
  saver.settle()
  broken.clear()
  saver.turn(3, False, snapshot, None)
  saver.settle()
  assert folder.steps(tmp_path) == [3]
  (failed, said), (saved, _) = events
  assert (failed, saved) == ("checkpoint_failed", "checkpoint")
  assert (said["step"], said["attempt"]) == (2, 1)
  assert "No space left on device" in said["reason"]


def test_after_each_failure_it_waits_twice_as_long(make, broken, events):
  saver = make()
  broken.set()
  tried = []
  for step in range(1, 13):
    saver.turn(step, step == 1, snapshot, None)
    saver._store.wait()
    tried.append(len(events))
  # At steps 1, 2, 4 and 8; each failure is told one turn later.
  assert tried == [0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]


def test_too_many_failures_end_the_run_in_one_sentence(make, broken):
  saver = make(attempts=3)
  broken.set()
  with pytest.raises(errors.OutputError, match=r"3 times in a row: .*No space"):
    saver.finish(1, snapshot, None)


def test_a_save_in_the_way_is_waited_for_no_longer_than_the_budget(
  make, tmp_path, monkeypatch
):
  gate, real = threading.Event(), checksums.write
  monkeypatch.setattr(
    checksums, "write", lambda path: gate.wait(30) and real(path)
  )
  saver = make()
  saver.turn(2, True, snapshot, None)
  saver.turn(4, True, snapshot, None)  # in the way; still wanted
  saver.turn(5, False, snapshot, None)
  assert folder.steps(tmp_path) == []
  gate.set()
  saver._store.wait()
  saver.turn(6, False, snapshot, None)
  saver.settle()
  assert folder.steps(tmp_path) == [2, 6]


def test_what_nothing_wants_is_deleted(make, tmp_path):
  saver = make(keep_every=4, keep_best=1)
  losses = {1: 0.9, 2: 0.1, 3: 0.8, 4: 0.7, 5: 0.6, 6: 0.5, 7: 0.4}
  for step, loss in losses.items():
    saver.turn(step, True, snapshot, loss)
    saver.settle()
  assert folder.steps(tmp_path) == [2, 4, 6, 7]


def test_reasons_are_one_line():
  assert saving.why(ValueError("first\nsecond")) == "first"
  assert saving.why(KeyError()) == "KeyError"
