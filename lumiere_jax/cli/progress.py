"""A progress bar with the time left; plain lines where no one watches."""

from collections.abc import Callable
import dataclasses
import sys
import time
from typing import TextIO

WIDTH = 30
_PATIENCE = 3.0  # seconds without a sign of life
_LINE_EVERY = 10.0  # seconds between lines where no one watches


@dataclasses.dataclass
class Bar:
  """Shows how far one piece of work after another is.

  The time left is reckoned from the second step seen, since the first also
  compiles.

  Attributes:
    stream: where to write; a terminal gets one line that is redrawn, anything
      else about ten lines for each label.
    clock: seconds, from anywhere.
  """

  stream: TextIO = dataclasses.field(default_factory=lambda: sys.stderr)
  clock: Callable[[], float] = time.monotonic
  _label: str | None = None
  _first: tuple[int, float] = (0, 0.0)  # step, seconds

  def __call__(self, label: str, step: int, num_steps: int) -> None:
    """Notes that `step` of `num_steps`, from 1, is done."""
    now = self.clock()
    is_first = label != self._label or step <= self._first[0]
    if is_first:
      self._label, self._first = label, (step, now)
    left = "compiled"
    if not is_first:
      rate = (now - self._first[1]) / (step - self._first[0])
      left = f"{duration(rate * (num_steps - step))} left, {rate:.2f} s/step"
    if self.stream.isatty():
      end = "\n" if step == num_steps else ""
      line = f"{label:>5} {bar(step, num_steps)} {left}"
      self.stream.write(f"\r{line:<78}{end}")
    elif is_first or is_milestone(step, num_steps):
      self.stream.write(f"{label} {step} of {num_steps}: {left}\n")
    self.stream.flush()


def amounts(
  unit: str,
  per: int = 1,
  stream: TextIO | None = None,
  clock: Callable[[], float] = time.monotonic,
) -> Callable[[int, int, str], None]:
  """Shows (done, in all, name of the last) once the work takes long.

  Args:
    unit: what is shown, such as "MB".
    per: how much of what is told makes one of them, such as a million bytes.
    stream: where to write; standard error unless given.
    clock: seconds, from anywhere.
  """
  stream = stream or sys.stderr
  began, said = clock(), -_LINE_EVERY

  def on_amount(done: int, total: int, name: str) -> None:
    nonlocal said
    now, is_watched = clock(), stream.isatty()
    wait = 0.1 if is_watched else _LINE_EVERY
    if now - began < _PATIENCE or (now - said < wait and done < total):
      return
    said = now
    left = duration((now - began) / max(done, 1) * (total - done))
    step, num_steps = done // per, max(1, total // per)
    if is_watched:
      line = f"{bar(step, num_steps)} {unit}, {left} left  {name}"
      stream.write(f"\r{line[:78]:<78}" + ("\n" if done == total else ""))
    else:
      stream.write(f"{step} of {num_steps} {unit}, {left} left\n")
    stream.flush()

  return on_amount


def bar(step: int, num_steps: int) -> str:
  """Draws `[####----] 4/8`."""
  full = WIDTH * step // num_steps
  return f"[{'#' * full}{'-' * (WIDTH - full)}] {step}/{num_steps}"


def is_milestone(step: int, num_steps: int) -> bool:
  """Whether another tenth of the way ends at `step`."""
  return 10 * step // num_steps > 10 * (step - 1) // num_steps


def duration(seconds: float) -> str:
  """Writes 75 as "1:15" and 3675 as "1:01:15"."""
  minutes, seconds = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  if hours:
    return f"{hours}:{minutes:02d}:{seconds:02d}"
  return f"{minutes}:{seconds:02d}"
