import threading

import pytest

from lumiere_jax.training import ahead


class _Numbers:
  """0, 1, 2 ...; raises at `bad`."""

  def __init__(self, bad=None):
    self.place, self.bad, self.drawn = 0, bad, threading.Semaphore(0)

  def __next__(self):
    if self.place == self.bad:
      raise ValueError("torn")
    self.place += 1
    self.drawn.release()
    return self.place - 1

  def get_state(self):
    return self.place

  def set_state(self, state):
    self.place = state


def _ahead(**kwargs):
  return ahead.Ahead(_Numbers(**kwargs), lambda n: n * 10)


def test_batches_come_in_order_and_placed():
  batches = _ahead()
  assert [next(batches) for _ in range(5)] == [0, 10, 20, 30, 40]
  batches.close()


def test_two_are_drawn_before_they_are_asked_for():
  batches = _ahead()
  next(batches)
  for _ in range(3):
    assert batches.batches.drawn.acquire(timeout=10)
  batches.close()


def test_the_place_is_that_of_what_was_handed_out():
  batches = _ahead()
  assert batches.get_state() == 0
  next(batches), next(batches)
  assert batches.get_state() == 2
  batches.close()
  assert batches.batches.place == 2
  assert next(batches) == 20
  batches.close()


def test_it_goes_on_from_a_place():
  batches = _ahead()
  next(batches)
  batches.set_state(7)
  assert (next(batches), batches.get_state()) == (70, 8)
  batches.close()


def test_what_drawing_raises_comes_in_its_turn():
  batches = _ahead(bad=2)
  assert [next(batches), next(batches)] == [0, 10]
  with pytest.raises(ValueError, match="torn"):
    next(batches)
  assert batches.get_state() == 2


def test_no_thread_outlives_closing():
  before = threading.active_count()
  batches = _ahead()
  next(batches)
  batches.close()
  assert threading.active_count() == before
