"""The one loop of sampling: estimate the clean clip, step, repeat.

                 denoise              solver.step
  noisy at t_i  ---------> estimate  -------------> noisy at t_{i+1}
                              |            ^
                              v            | noise of the clip's own key
                           on_step

Guidance, thresholding and windows are decorators of the denoiser (`decorators`,
`multidiffusion`), conditions are the denoiser's business, and devices are the
fronts' (`pmapped`, `sharded`): the loop never learns of any of them.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import solvers
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import progress
from lumiere_jax.sampling import times
from lumiere_jax.types import Array, Denoiser

# (noisy [B, T, H, W, 3], t_start scalar): a clip to go on from
Start = tuple[Array, Array | float]


def sample(
  denoise: Denoiser,
  schedule: schedules.Schedule,
  solver: solvers.Solver,
  *,
  num_steps: int,
  keys: Array,
  shape: tuple[int, int, int, int],
  condition: Any,
  start: Start | None = None,
  spacing: str = "time",
  visits: Sequence[int] | None = None,
  time_shift: float = 1.0,
  shared: corruption.Shared = noise.NOTHING,
  on_step: progress.OnStep | None = None,
  emit: progress.Emit = progress.emit,
) -> Array:
  """Samples clips, as one `lax.scan`.

  Args:
    denoise: estimates clean clips from noisy ones.
    schedule: signal and noise at each time.
    solver: takes the steps.
    num_steps: number of steps, each one call of `denoise`.
    keys: [B] typed keys, one for each clip.
    shape: (T, H, W, 3) of one clip.
    condition: passed on to `denoise`.
    start: noisy clips and their time, to go on from; None starts from noise.
    spacing: see `times`.
    visits: likewise.
    time_shift: likewise.
    shared: what the noise of frames has in common.
    on_step: told of each estimate; see `progress`.
    emit: how `on_step` is put into the program; fronts on several devices
      give their own.

  Returns:
    [B, T, H, W, 3] float32, the last estimate, nominally in [-1, 1].

  Raises:
    ShapeError: keys or the clips to start from have another shape.
  """
  noise.require_keys(keys)
  noisy, t_start = _begin(keys, shape, start, shared)
  grid = times.grid(
    schedule,
    num_steps,
    spacing=spacing,
    t_start=t_start,
    visits=visits,
    shift=time_shift,
  )

  def step(state, inputs):
    noisy, carry = state
    i, t, s = inputs
    t, s = jnp.broadcast_to(t, keys.shape), jnp.broadcast_to(s, keys.shape)
    estimate = denoise(noisy, t, condition)
    estimate = jax.tree.map(lambda x: x.astype(jnp.float32), estimate)
    fresh = None
    if solver.needs_noise:
      fresh = noise.at_step(keys, i, shape, shared)
    state = solver.step(schedule, noisy, estimate, t, s, fresh, carry)
    if on_step is not None:
      emit(on_step, i, num_steps, estimate.clean)
    return state, None

  state = noisy, solver.init(noisy)
  inputs = jnp.arange(num_steps), grid[:-1], grid[1:]
  (clean, _), _ = jax.lax.scan(step, state, inputs)
  return clean


def start_from(
  clean: Array,
  keys: Array,
  schedule: schedules.Schedule,
  t_start: float,
  shared: corruption.Shared = noise.NOTHING,
) -> Start:
  """Noises clips to a time from which `sample` goes on (SDEdit).

  Args:
    clean: [B, T, H, W, 3] float32 in [-1, 1].
    keys: [B] typed keys, those that `sample` gets.
    schedule: the one that `sample` gets.
    t_start: in (0, 1]; the larger, the less of `clean` is kept.
    shared: what `sample` gets.

  Returns:
    The `start` argument of `sample`.
  """
  if not 0 < t_start <= 1:
    raise errors.ConfigError(
      f"sampling is to start at t={t_start}; diffusion time must lie in (0, "
      "1], and edits of clips usually start between 0.5 and 0.9."
    )
  noisy = corruption.add_noise(
    clean,
    noise.initial(keys, clean.shape[1:], shared),
    schedule.alpha(t_start),
    schedule.sigma(t_start),
  )
  return noisy, t_start


def _begin(keys, shape, start, shared) -> tuple[Array, Array | None]:
  """Noisy clips to begin with and their time, None for pure noise."""
  if start is None:
    return noise.initial(keys, shape, shared), None
  noisy, t_start = start
  if noisy.shape != (*keys.shape, *shape):
    raise errors.ShapeError(
      f"clips to start from have shape {noisy.shape}, but {len(keys)} clips of "
      f"{tuple(shape)} (frames, height, width, channels) are sampled. Resize "
      "them before noising."
    )
  return noisy.astype(jnp.float32), t_start
