"""MultiDiffusion along time: one long clip from a denoiser of short windows.

Super-resolution runs on windows of a few frames; the whole clip would not fit
in memory.  At each diffusion step the noisy clip is cut into overlapping
windows J_i, each is denoised, and the clip J' that agrees best with all of them

  (1)  J' = arg min  sum_i || J'_i - denoise(J_i) ||^2

is, frame by frame, the mean of the estimates made of that frame (Lumiere,
section 3.2).  The noise is not cut: it is drawn once for the clip.

  frame     0  1  2  3  4  5  6  7  8  9 10
  window 0  x  x  x  x
  window 1           x  x  x  x
  window 2                    x  x  x  x        window=4, overlap=1
  window 3                       x  x  x  x     clamped: any clip is covered

The work is a list of jobs (clip, window) that may be dealt out to devices: a
device adds up the estimates of its own jobs, and only the sums need to meet.
"""

from collections.abc import Callable
import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.types import Array, Denoiser, Estimate


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class Jobs:
  """Windows of clips to denoise; leading axes as their maker says.

  Attributes:
    clip: [...] int32, which clip of the batch.
    frames: [..., F] int32, which of its frames.
    weight: [...] float32, 1, or 0 for a job that only fills up a device.
  """

  clip: Array
  frames: Array
  weight: Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowPlan:
  """Overlapping windows that cover a clip.  All counts are frames.

  Attributes:
    num_frames: length of the clip, T.
    window: length of each window, F.
    overlap: frames that neighbours share; the last two may share more.
  """

  num_frames: int
  window: int
  overlap: int

  def __post_init__(self):
    if not 0 <= self.overlap < self.window:
      raise errors.ShapeError(
        f"windows of {self.window} frames overlap by {self.overlap}; need "
        "0 <= overlap < window. Nearest: "
        f"{max(0, min(self.overlap, self.window - 1))}."
      )
    if self.num_frames < self.window:
      raise errors.ShapeError(
        f"clip of {self.num_frames} frames is shorter than a window of "
        f"{self.window}. Use at least {self.window} frames, or a window of at "
        f"most {self.num_frames}."
      )

  @property
  def frames(self) -> np.ndarray:
    """[N, F] int32: which frame of the clip each window slot holds."""
    last = self.num_frames - self.window
    starts = np.append(np.arange(0, last, self.window - self.overlap), last)
    return np.int32(starts[:, None] + np.arange(self.window))

  @property
  def coverage(self) -> np.ndarray:
    """[T] int: how many windows hold each frame; at least 1 everywhere."""
    return np.bincount(self.frames.ravel(), minlength=self.num_frames)

  def jobs(
    self,
    num_clips: int,
    *,
    num_devices: int = 1,
    windows_per_call: int | None = None,
  ) -> Jobs:
    """Deals the windows of a batch of clips out to devices and calls.

    Args:
      num_clips: number of clips in the batch.
      num_devices: number of devices, D; each gets consecutive windows.
      windows_per_call: most windows in one call of the network on one device;
        None for all.

    Returns:
      Numpy jobs with leading axes [D, calls, windows in a call].  What is
      missing to a full block is the last window again, with weight 0.
    """
    num_windows = len(self.frames)
    num_jobs = num_clips * num_windows
    per_device = -(-num_jobs // num_devices)
    num_calls = -(-per_device // (windows_per_call or per_device))
    # The same number of calls with evenly filled blocks wastes least.
    per_call = -(-per_device // num_calls)
    blocks = num_devices, num_calls, per_call
    index = np.arange(np.prod(blocks)).reshape(blocks)
    job = np.minimum(index, num_jobs - 1)
    return Jobs(
      clip=np.int32(job // num_windows),
      frames=self.frames[job % num_windows],
      weight=np.float32(index < num_jobs),
    )


def split(clip: Array, plan: WindowPlan) -> Array:
  """Cuts clips into windows: [B, T, ...] -> [B, N, F, ...]."""
  return clip[:, plan.frames]


def merge(windows: Array, plan: WindowPlan) -> Array:
  """Averages windows back into clips, equation (1).

  Adds and divides in float32 whatever the input dtype, since a bfloat16 mean
  of many equal estimates need not return the estimate.

  Args:
    windows: [B, N, F, ...] estimates, any float dtype.
    plan: the plan that the windows were cut with.

  Returns:
    [B, T, ...] float32; frame k is the mean of `plan.coverage[k]` estimates.
  """
  batch, _, _, *rest = windows.shape
  total = jnp.zeros((batch, plan.num_frames, *rest), jnp.float32)
  total = total.at[:, plan.frames].add(windows.astype(jnp.float32))
  return _mean(total, plan)


def windowed(
  denoise: Denoiser,
  plan: WindowPlan,
  *,
  windows_per_call: int | None = None,
  jobs: Callable[[int], Jobs] | None = None,
  total: Callable[[Estimate], Estimate] = lambda sums: sums,
) -> Denoiser:
  """Turns a denoiser of F-frame windows into a denoiser of T-frame clips.

  Args:
    denoise: takes windows as a batch, and a condition with `map`.
    plan: how clips are cut.
    windows_per_call: most windows in one call; None for all.
    jobs: number of clips -> the jobs to do here, with leading axes [calls,
      windows in a call]; None for all jobs.
    total: adds sums over frames [B, T, ...] float32 up over devices, where
      several devices have jobs.

  Returns:
    A denoiser of clips, whose estimates are float32.
  """

  def all_jobs(num_clips: int) -> Jobs:
    dealt = plan.jobs(num_clips, windows_per_call=windows_per_call)
    return jax.tree.map(lambda x: x[0], dealt)

  def denoise_clips(noisy: Array, t: Array, condition: Any) -> Estimate:
    sums = _sums(
      functools.partial(_denoise_jobs, denoise, noisy, t, condition),
      (jobs or all_jobs)(noisy.shape[0]),
      noisy.shape[:2],
    )
    return jax.tree.map(lambda x: _mean(x, plan), total(sums))

  return denoise_clips


def _denoise_jobs(denoise, noisy, t, condition, jobs: Jobs) -> Estimate:
  """Estimates of one call's windows: [windows, F, H, W, 3]."""
  per_clip = lambda x: x[jobs.clip]
  per_frame = lambda x: x[jobs.clip[:, None], jobs.frames]
  condition = condition.map(per_clip, per_frame)
  return denoise(per_frame(noisy), per_clip(t), condition)


def _sums(
  denoise_jobs: Callable[[Jobs], Estimate],
  jobs: Jobs,
  clips: tuple[int, int],
) -> Estimate:
  """Sums of all estimates of each frame, [B, T, ...] float32, call by call."""

  def add(sums, call):
    def add_windows(total, x):
      x = x.astype(jnp.float32) * corruption.expand(call.weight, x)
      return total.at[call.clip[:, None], call.frames].add(x)

    return jax.tree.map(add_windows, sums, denoise_jobs(call)), None

  first = jax.tree.map(lambda x: x[0], jobs)
  zeros = jax.tree.map(
    lambda x: jnp.zeros((*clips, *x.shape[2:]), jnp.float32),
    jax.eval_shape(denoise_jobs, first),
  )
  if jobs.clip.shape[0] == 1:
    return add(zeros, first)[0]
  # A scan, so that memory holds the activations and results of one call.
  return jax.lax.scan(add, zeros, jax.tree.map(jnp.asarray, jobs))[0]


def _mean(total: Array, plan: WindowPlan) -> Array:
  """Sums over windows [B, T, ...] -> means."""
  coverage = np.float32(plan.coverage)
  return total / coverage.reshape(-1, *(1,) * (total.ndim - 2))
