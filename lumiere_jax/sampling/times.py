"""Which diffusion times a sampler visits.

  "time"    t_i equally spaced from t_start down to 0
  "logsnr"  logsnr(t_i) equally spaced from logsnr(t_start) to 10, then t = 0

n steps visit n + 1 times.  The second suits solvers of higher order, whose
error is a power of the step in logsnr.
"""

import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules
from lumiere_jax.types import Array

SPACINGS = ("time", "logsnr")

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
) -> Array:
  """Times from `t_start` down to 0.

  Args:
    schedule: gives the log SNR of times.
    num_steps: number of steps, at least 1.
    spacing: one of `SPACINGS`.
    t_start: scalar in (0, 1], the time of the clip that is given; None starts
      from pure noise.

  Returns:
    [num_steps + 1] float32, falling; the last is exactly 0.

  Raises:
    ConfigError: unknown spacing or no steps.
  """
  errors.require_one_of("spacing of sampling times", spacing, SPACINGS)
  if num_steps < 1:
    raise errors.ConfigError(
      f"number of sampling steps is {num_steps}; it must be at least 1."
    )
  t = start(schedule) if t_start is None else jnp.float32(t_start)
  if spacing == "time":
    return t * jnp.linspace(1.0, 0.0, num_steps + 1)
  first = schedule.logsnr(t)
  # A clip that is given nearly clean may already be past the usual end.
  last = jnp.maximum(END_LOGSNR, (first + schedules.MAX_LOGSNR) / 2)
  inner = schedule.time(jnp.linspace(first, last, num_steps))
  return jnp.append(inner, 0.0).at[0].set(t)
