"""Sampling of the base network: all frames of a clip in one pass.

The sampler is put together here, for every stage and every front:

  loop.sample( keeping( keeping_low_res( thresholded( windowed( guided(
    denoise ))))))

where `windowed` is there only if the settings have a window, and
`keeping_low_res` only in super-resolution whose settings ask for it.
"""

from collections.abc import Callable
import functools
from typing import Any

from lumiere_jax.diffusion import schedules
from lumiere_jax.sampling import decorators
from lumiere_jax.sampling import loop
from lumiere_jax.sampling import multidiffusion
from lumiere_jax.sampling import progress
from lumiere_jax.sampling import settings as sampler_settings
from lumiere_jax.types import Array, Denoiser, ParametricDenoiser, Params

# (params, keys [B], Condition or Guided, start=None, low_res=None)
#   -> [B, T, H, W, 3]
Sampler = Callable[..., Array]


def make(
  denoise: ParametricDenoiser,
  schedule: schedules.Schedule,
  settings: sampler_settings.SamplerSettings,
  shape: tuple[int, int, int, int],
  *,
  on_step: progress.OnStep | None = None,
  emit: progress.Emit = progress.emit,
  windowed: Callable[[Denoiser], Denoiser] | None = None,
) -> Sampler:
  """Makes a sampler, a pure function that is yet to be jitted.

  Args:
    denoise: the network, with its weights as first argument.
    schedule: the one that it was trained with.
    settings: how to sample.
    shape: (T, H, W, 3) of one clip.
    on_step: told of each estimate; see `progress`.
    emit: how `on_step` is put into the program; for fronts.
    windowed: how a denoiser of windows becomes one of clips, where the
      settings have a window; for fronts, that share windows between devices.

  Returns:
    `(params, keys [B], condition, start=None, low_res=None)` -> [B, T, H, W,
    3] float32, nominally in [-1, 1].  The condition is a `Guided`, or a
    `Condition` if the guidance scale is 1; `start` is as in `loop.sample`, and
    `low_res` the clip that estimates keep to, see `decorators`.

  Raises:
    ShapeError: the clip is shorter than a window.
  """
  plan = window_plan(settings, shape[0])
  if windowed is None:
    windowed = functools.partial(
      multidiffusion.windowed,
      plan=plan,
      windows_per_call=settings.windows_per_call,
    )

  def sample(
    params: Params,
    keys: Array,
    condition: Any,
    start: loop.Start | None = None,
    low_res: Array | None = None,
  ) -> Array:
    bound = functools.partial(denoise, params)
    whole = decorators.guided(bound, settings.guidance_scale)
    if plan is not None:
      whole = windowed(whole)
    if settings.threshold is not None:
      whole = decorators.thresholded(
        whole, settings.threshold, settings.maximum
      )
    if low_res is not None:
      whole = decorators.keeping_low_res(whole, low_res)
    return loop.sample(
      decorators.keeping(whole, settings.meet_given),
      schedule,
      settings.make_solver(),
      num_steps=settings.num_steps,
      keys=keys,
      shape=shape,
      condition=condition,
      start=start,
      spacing=settings.spacing,
      visits=settings.visits,
      time_shift=settings.time_shift,
      shared=settings.shared,
      on_step=on_step,
      emit=emit,
    )

  return sample


def window_plan(
  settings: sampler_settings.SamplerSettings, num_frames: int
) -> multidiffusion.WindowPlan | None:
  """How the settings cut a clip; None where they leave it whole."""
  if settings.window is None:
    return None
  return multidiffusion.WindowPlan(
    num_frames=num_frames, window=settings.window, overlap=settings.overlap
  )
