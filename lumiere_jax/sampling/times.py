"""Which diffusion times a sampler visits.

  "time"    t_i equally spaced from t_start down to 0
  "logsnr"  logsnr(t_i) equally spaced from logsnr(t_start) to 10, then t = 0
  "leading"   of a thousand steps, every r-th from the first, r = 1000 // n
  "trailing"  of a thousand steps, every r-th from the last, r = 1000 / n

n steps visit n + 1 times.  The second suits solvers of higher order, whose
error is a power of the step in logsnr.  The last two are diffusers', for
networks that were trained on a thousand steps (`diffusion.schedules.Betas`);
such a network's steps may also be listed one by one.
"""

from collections.abc import Sequence
import itertools

import jax.numpy as jnp
import numpy as np

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules
from lumiere_jax.types import Array

SPACINGS = ("time", "logsnr", "leading", "trailing")

# Where sampling starts when nothing is given: t = 1, or a little below where
# that has less signal than this.  At the cosine's t = 1 (logsnr -20) a network
# that predicts noise has its error divided by an alpha of 4.5e-5, and it has
# hardly ever been there in training: of uniform times only one in 2,800 lies
# beyond logsnr -15.  What starting there leaves out is a signal of 0.0006, a
# fourteenth of one level of 8 bits, so pure noise is still the right start.
START_LOGSNR = -15.0

# Where the last step of "logsnr" spacing begins: noise of 0.0067, below one
# level of 8 bits (2 / 255 = 0.0078).  Finer steps polish what is not seen.
END_LOGSNR = 10.0


def start(schedule: schedules.Schedule) -> Array:
  """Time at which sampling from pure noise starts: scalar float32."""
  first = jnp.maximum(schedule.logsnr(jnp.float32(1.0)), START_LOGSNR)
  return schedule.time(first)


def grid(
  schedule: schedules.Schedule,
  num_steps: int,
  *,
  spacing: str = "time",
  t_start: Array | float | None = None,
  visits: Sequence[int] | None = None,
  shift: float = 1.0,
) -> Array:
  """Times from `t_start` down to 0.

  Args:
    schedule: gives the log SNR of times.
    num_steps: number of steps, at least 1.
    spacing: one of `SPACINGS`.
    t_start: scalar in (0, 1], the time of the clip that is given; None starts
      from pure noise.
    visits: which of a thousand steps to visit, as many as `num_steps`; other
      numbers of steps are spaced, as is everything where it is None.
    shift: of "time", see `schedules.shift_times`; a clip that is given starts
      at its time whatever it is.

  Returns:
    [num_steps + 1] float32, falling; the last is exactly 0.

  Raises:
    ConfigError: unknown spacing, no steps, or more than there are.
  """
  errors.require_one_of("spacing of sampling times", spacing, SPACINGS)
  if num_steps < 1:
    raise errors.ConfigError(
      f"number of sampling steps is {num_steps}; it must be at least 1."
    )
  steps = _steps(num_steps, spacing, visits)
  if steps is not None:
    found = np.append((steps + 1) / schedules.STEPS, 0.0).astype(np.float32)
    # A clip that is given starts where it is, whether a step is there or not.
    scale = 1.0 if t_start is None else t_start / found[0]
    return scale * jnp.asarray(found)
  t = start(schedule) if t_start is None else jnp.float32(t_start)
  if spacing == "time":
    even = jnp.linspace(1.0, 0.0, num_steps + 1)
    even *= schedules.shift_times(t, 1 / shift)
    return schedules.shift_times(even, shift).at[0].set(t)
  first = schedule.logsnr(t)
  # A clip that is given nearly clean may already be past the usual end.
  last = jnp.maximum(END_LOGSNR, (first + schedules.MAX_LOGSNR) / 2)
  inner = schedule.time(jnp.linspace(first, last, num_steps))
  return jnp.append(inner, 0.0).at[0].set(t)


def require_valid(visits: Sequence[int]) -> None:
  """Raises `ConfigError` unless steps fall, from 999 at most to 0 at least."""
  falls = all(s < t for t, s in itertools.pairwise(visits))
  last = schedules.STEPS - 1
  if not visits or not falls or visits[0] > last or visits[-1] < 0:
    raise errors.ConfigError(
      f"steps to visit are {list(visits)}; they must fall, from {last} at most "
      "to 0 at least. None spaces them."
    )


def _steps(
  num_steps: int, spacing: str, visits: Sequence[int] | None
) -> np.ndarray | None:
  """The steps of a thousand, counted from 0; None where time is continuous."""
  if visits is not None and len(visits) == num_steps:
    return np.asarray(visits)
  if spacing not in ("leading", "trailing"):
    return None
  if num_steps > schedules.STEPS:
    raise errors.ConfigError(
      f"number of sampling steps is {num_steps}, of {schedules.STEPS} that "
      f"there are; use at most {schedules.STEPS}, or spacing 'time'."
    )
  falling = np.arange(num_steps)
  if spacing == "leading":
    return falling[::-1] * (schedules.STEPS // num_steps)
  kept = schedules.STEPS - falling * (schedules.STEPS / num_steps)
  return np.round(kept).astype(int) - 1
