"""Passes denoising steps on to whoever asked, and notes when they came."""

from collections.abc import Sequence
import dataclasses
import time

import jax
import numpy as np

from lumiere_jax.generation import progress
from lumiere_jax.parallel import machine


def can_watch(devices: Sequence[jax.Device]) -> bool:
  """Whether steps can be told of while a program runs.

  Simulated devices share few threads. The one that tells of a step waits for
  its clips to be copied, the copy waits for a thread, and the threads wait in
  the next collective for the one that tells: with clips above some 100 kB,
  jax 0.10 on two cores then always stops for good.  So it does with one device
  in a pool of one thread.
  """
  if devices[0].platform != "cpu":
    return True
  return len(devices) == 1 and machine.compute_threads() > 1


@dataclasses.dataclass
class Watch:
  """Passes steps on and notes when they came.

  Attributes:
    stage: its name.
    on_step: told of each step; None for nobody.
    num_groups: how often the stage's program runs.
    group: which run this is.
  """

  stage: str
  on_step: progress.OnStep | None
  num_groups: int = 1
  group: int = 0
  start: float = dataclasses.field(default_factory=time.monotonic)
  times: list[float] = dataclasses.field(default_factory=list)
  failure: BaseException | None = None

  def __call__(self, step: int, num_steps: int, clean: np.ndarray) -> None:
    """Passes a step of the program that runs on, and notes when it came."""
    self.times.append(time.monotonic() - self.start)
    self.tell(step, num_steps, clean)

  def tell(self, step: int, num_steps: int, clean: np.ndarray) -> None:
    """Passes a step on without noting when it came."""
    if self.failure:
      return
    try:
      self.on_step(
        progress.Progress(
          stage=self.stage,
          step=self.group * num_steps + step + 1,
          num_steps=self.num_groups * num_steps,
          clean=clean,
        )
      )
    # An exception must not cross the compiled program: it would come out as
    # an error of that program, without its type.
    except BaseException as error:
      self.failure = error

  def next_group(
    self, clips: np.ndarray, num_steps: int, was_watched: bool
  ) -> None:
    """One run is over; tells of its last step if of none before."""
    if self.on_step is not None and not was_watched:
      self.tell(num_steps - 1, num_steps, clips)
    self.group += 1

  def finish(self) -> dict[str, float]:
    """Returns seconds spent; raises what `on_step` raised."""
    if self.failure:
      raise self.failure
    seconds = {"total": time.monotonic() - self.start}
    if self.times:
      seconds["first_step"] = self.times[0]
    if len(self.times) > 1:
      spent = self.times[-1] - self.times[0]
      seconds["per_step"] = spent / (len(self.times) - 1)
    return {name: round(value, 4) for name, value in seconds.items()}
