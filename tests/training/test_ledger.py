"""Seconds are charged once, and what was done twice is lost once; by hand."""

import json

import pytest

from lumiere_jax.training import ledger


class Clock:
  def __init__(self):
    self.seconds = 0.0

  def __call__(self):
    return self.seconds


@pytest.fixture
def clock():
  return Clock()


@pytest.fixture
def book(tmp_path, clock):
  return ledger.Ledger(str(tmp_path), clock=clock, now=lambda: 1000 + clock())


def test_each_second_has_one_class(book, clock, tmp_path):
  clock.seconds += 1  # other
  with book.spending("step"):
    clock.seconds += 2
    with book.spending("checkpoint"):
      clock.seconds += 4
    clock.seconds += 8
  with book.spending("data"):
    clock.seconds += 16
  book.add("compile", 32)
  book.begin(10)
  book.flush(12)
  (entry,) = ledger.read(tmp_path)
  assert (entry["first"], entry["step"]) == (11, 12)
  want = dict(other=1, step=10, checkpoint=4, data=16, compile=32, restart=0)
  assert entry["seconds"] == want
  assert entry["total"] == 31
  book.flush(13)
  assert ledger.read(tmp_path)[1]["first"] == 13
  assert sum(ledger.read(tmp_path)[1]["seconds"].values()) == 0


def test_time_in_a_block_that_fails_is_charged_too(book, clock, tmp_path):
  def fail():
    with book.spending("step"):
      clock.seconds += 3
      raise ValueError("why")

  with pytest.raises(ValueError, match="why"):
    fail()
  book.flush(1)
  assert ledger.read(tmp_path)[0]["seconds"]["step"] == 3


def test_others_write_nothing(tmp_path):
  book = ledger.Ledger(str(tmp_path), is_active=False)
  book.event("started", step=0)
  book.flush(1)
  assert ledger.read(tmp_path) == []


def test_a_line_that_was_cut_is_passed_over(book, tmp_path):
  book.event("started", step=0)
  with (tmp_path / ledger.FILE).open("a") as file:
    file.write('{"time": 12, "ev')
  assert [one["event"] for one in ledger.read(tmp_path)] == ["started"]


def spent(first, last, step, time=0.0, **others):
  return {
    **dict(time=time, event="spent", first=first, step=last),
    "seconds": {"step": step} | others,
  }


def started(step, time=0.0, **more):
  return {"time": time, "event": "started", "step": step} | more


def test_without_accidents_nothing_is_lost():
  found = ledger.goodput([started(0), spent(1, 4, 8.0, data=1.0, other=1.0)])
  assert (found.lost, found.away, found.total) == (0, 0, 10)
  assert found.share == 0.8


def test_what_lies_behind_the_place_gone_back_to_is_lost():
  entries = [
    started(0),
    spent(1, 4, 8.0),
    spent(5, 8, 8.0),
    started(6, time=50.0),  # two of the four steps 5 to 8 stay
    spent(7, 8, 4.0, time=60.0),
  ]
  found = ledger.goodput(entries)
  assert found.lost == 4.0
  assert found.seconds["step"] == 16.0
  rolled = {"time": 0.0, "event": "rolled_back", "step": 8, "to": 0}
  assert ledger.goodput([*entries[:3], rolled]).lost == 16.0


def test_time_without_a_process_is_apart():
  entries = [started(0, 100.0), spent(1, 2, 1.0, time=110.0)]
  # It began 15 seconds before it said so.
  found = ledger.goodput([*entries, started(2, time=200.0, seconds=15.0)])
  assert found.away == 75.0
  assert found.total == 1.0


def test_nothing_is_no_goodput():
  assert ledger.goodput([]).share == 0.0


def test_entries_are_json(book, tmp_path):
  book.event("checkpoint_failed", step=3, attempt=1, reason="full")
  (line,) = (tmp_path / ledger.FILE).read_text().splitlines()
  assert json.loads(line)["reason"] == "full"
