"""The bar tells the truth about the time left."""

import io

import pytest

from lumiere_jax.cli import progress


class _Terminal(io.StringIO):
  def isatty(self):
    return True


def _watch(stream, num_steps):
  ticks = iter([10.0, *(10.0 + 2.0 * k for k in range(1, num_steps))])
  bar = progress.Bar(stream=stream, clock=lambda: next(ticks))
  for step in range(1, num_steps + 1):
    bar("base", step, num_steps)
  return stream.getvalue()


def test_steps_of_two_seconds_leave_two_seconds_each():
  lines = _watch(io.StringIO(), 4).splitlines()
  assert lines == [
    "base 1 of 4: compiled",
    "base 2 of 4: 0:04 left, 2.00 s/step",
    "base 3 of 4: 0:02 left, 2.00 s/step",
    "base 4 of 4: 0:00 left, 2.00 s/step",
  ]


def test_a_resumed_run_is_timed_from_where_it_resumes():
  ticks, stream = iter([0.0, 5.0]), io.StringIO()
  bar = progress.Bar(stream=stream, clock=lambda: next(ticks))
  bar("step", 90, 100)
  bar("step", 100, 100)
  assert stream.getvalue().splitlines() == [
    "step 90 of 100: compiled",
    "step 100 of 100: 0:00 left, 0.50 s/step",
  ]


def test_many_steps_make_about_ten_lines():
  assert 10 <= len(_watch(io.StringIO(), 250).splitlines()) <= 12


def test_a_terminal_gets_one_line_redrawn():
  text = _watch(_Terminal(), 4)
  assert text.count("\n") == 1
  assert text.count("\r") == 4
  assert "[##############################] 4/4" in text


@pytest.mark.parametrize(
  ("seconds", "text"), [(0.4, "0:00"), (75, "1:15"), (3675, "1:01:15")]
)
def test_duration_reads_as_a_clock(seconds, text):
  assert progress.duration(seconds) == text
