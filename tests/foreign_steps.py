"""Samplers of diffusers that parity is shown on, and what they are fed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax.diffusion import parameterization
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import solvers
from lumiere_jax.sampling import decorators
from lumiere_jax.sampling import times
from lumiere_jax.types import Estimate

SIZE = 8
# Falling steps of uneven width, from the last to the first, as IF's lists.
UNEVEN = (999, 905, 880, 810, 700, 699, 572, 430, 429, 300, 143, 95, 40, 9, 0)
IF_1 = dict(threshold=0.95, maximum=1.5)
IF_2 = dict(threshold=0.95, maximum=1.0)
# Ours: a solver by name, its options, spacing, threshold, prediction, betas.
CASES = {
  "ddpm_if_1": dict(solver="ddpm", learned=True, **IF_1),
  "ddpm_if_2": dict(solver="ddpm", learned=True, **IF_2),
  "ddpm_if_uneven": dict(solver="ddpm", learned=True, visits=UNEVEN, **IF_1),
  "ddpm_small": dict(solver="ddpm", gamma=0.0, **IF_1),
  "ddpm_large": dict(solver="ddpm", gamma=1.0, **IF_1),
  "ddpm_trailing": dict(solver="ddpm", spacing="trailing", **IF_1),
  "ddpm_clipped": dict(solver="ddpm", threshold=1.0, maximum=1.0),
  "ddpm_v": dict(solver="ddpm", prediction="v"),
  "ddpm_clean": dict(solver="ddpm", prediction="clean"),
  "ddpm_linear": dict(solver="ddpm", betas="linear_betas"),
  "ddpm_all": dict(solver="ddpm", num_steps=1000, learned=True, **IF_1),
  "ddim": dict(solver="ddim", **IF_1),
  "ddim_eta": dict(solver="ddim", eta=0.7, **IF_2),
  "ddim_v": dict(solver="ddim", prediction="v", spacing="trailing"),
  "ddim_scaled": dict(solver="ddim", betas="scaled_linear_betas"),
  "dpmpp_2m": dict(solver="dpmpp_2m", visits=UNEVEN[::2], **IF_1),
  "dpmpp_2m_trailing": dict(
    solver="dpmpp_2m", spacing="trailing", num_steps=20, **IF_2
  ),
  "dpmpp_2m_v": dict(solver="dpmpp_2m", prediction="v", spacing="trailing"),
}


def num_steps(case) -> int:
  """How many steps a case takes."""
  return len(case["visits"]) if "visits" in case else case.get("num_steps", 10)


def outputs(case) -> np.ndarray:
  """What a network says at each step: [N, 2, SIZE, SIZE, 3 or 6]."""
  channels = 6 if case.get("learned") else 3
  draw = np.random.default_rng(3).standard_normal
  return draw((num_steps(case), 2, SIZE, SIZE, channels), np.float32)


def noises(case) -> np.ndarray:
  """What is drawn at the beginning and at each step: [N + 1, 2, ...]."""
  draw = np.random.default_rng(4).standard_normal
  return draw((num_steps(case) + 1, 2, SIZE, SIZE, 3), np.float32)


def run(case, follow=None) -> tuple[np.ndarray, np.ndarray]:
  """Steps by our solver.

  Args:
    case: see `CASES`.
    follow: [N, ...] what theirs had after each step, to go on from that; None
      goes on from ours.

  Returns:
    [N + 1] the times, and [N, ...] what there is after each step.
  """
  solver, grid, step = _program(tuple(sorted(case.items())))
  noisy, *fresh = noises(case)
  carry, found = solver.init(jnp.asarray(noisy)), []
  for k, output in enumerate(outputs(case)):
    noisy, carry = step(noisy, carry, output, fresh[k], grid[k], grid[k + 1])
    found.append(np.asarray(noisy))
    if follow is not None:
      noisy = follow[k]
  return np.asarray(grid), np.stack(found)


@functools.cache
def _program(items):
  """The solver, the times, and a compiled step."""
  case = dict(items)
  schedule = schedules.build(case.get("betas", "squared_cosine"))
  options = {k: case[k] for k in ("eta", "gamma") if k in case}
  solver = solvers.build(case["solver"], **options)
  grid = times.grid(
    schedule,
    num_steps(case),
    spacing=case.get("spacing", "leading"),
    visits=case.get("visits"),
  )

  def step(noisy, carry, output, fresh, t, s):
    t, s = jnp.full(2, t), jnp.full(2, s)
    estimate = _denoise(case, schedule, output)(noisy, t, None)
    return solver.step(schedule, noisy, estimate, t, s, fresh, carry)

  return solver, grid, jax.jit(step)


def _denoise(case, schedule, output):
  def denoise(noisy, t, condition):
    del condition
    clean = parameterization.to_clean(
      case.get("prediction", "noise"),
      output[..., :3],
      noisy,
      schedule.alpha(t),
      schedule.sigma(t),
    )
    mix = (output[..., 3:] + 1) / 2 if case.get("learned") else None
    return Estimate(clean, mix)

  if "threshold" not in case:
    return denoise
  return decorators.thresholded(denoise, case["threshold"], case["maximum"])


def thin(found: np.ndarray) -> np.ndarray:
  """Ten steps at most, and some pixels: enough to tell them apart."""
  return found[-1 :: -max(1, len(found) // 10), :, ::3, ::3]


def largest_error(found: np.ndarray, want: np.ndarray) -> float:
  """Over the largest value of the same step."""
  axes = tuple(range(1, want.ndim))
  error, scale = np.abs(found - want).max(axes), np.abs(want).max(axes)
  return float(np.max(error / scale))
