"""The front for several devices as a literal `jax.pmap`.

Parameters are not mapped (`in_axes=None`): every device holds all of them.
What is mapped depends on the settings:

  no window   clips.   Each device samples its own clips, alone.
  window      windows. Each device holds every noisy clip and, at each step,
              denoises its own block of windows, adds their estimates up in
              float32 and meets the others in one `psum`; the threshold and the
              solver's step are then computed by all of them, identically.

  noisy clip (on all) -+- device 0: windows 0, 1 -> sums -+
                       +- device 1: windows 2, 3 -> sums -+- psum / coverage -+
                       +- device 2: window 4, (-) -> sums -+                  |
         ^                                                                    |
         +----- solver.step <- threshold <- mean, the same on all ------------+

Only the sums travel, once a step.  Clips or windows that do not divide by the
number of devices are filled up with repetitions that count for nothing.

Devices are those of one process.  On pods, and where parameters do not fit on
one chip, use `sharded`.
"""

from collections.abc import Callable, Sequence
import dataclasses
import functools
from typing import Any

import jax

from lumiere_jax.diffusion import schedules
from lumiere_jax.sampling import base
from lumiere_jax.sampling import loop
from lumiere_jax.sampling import multidiffusion
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import padding
from lumiere_jax.sampling import progress
from lumiere_jax.sampling import settings as sampler_settings
from lumiere_jax.sampling import ssr
from lumiere_jax.types import Array, ParametricDenoiser, Params

AXIS = "devices"


@dataclasses.dataclass(frozen=True)
class Front:
  """A `base.Sampler` over devices, which may also be compiled ahead.

  Attributes:
    program: what `jax.pmap` made.
    arrange: (params, keys, condition, start) -> its array arguments.
    static: keys -> its static arguments, which come first.
  """

  program: Any
  arrange: Callable[..., tuple[Any, ...]]
  static: Callable[[Array], tuple[int, ...]] = lambda keys: ()

  def __call__(
    self,
    params: Params,
    keys: Array,
    condition: Any,
    start: loop.Start | None = None,
  ) -> Array:
    """Samples; see `base.make`."""
    noise.require_keys(keys)
    arranged = self.arrange(params, keys, condition, start)
    return self.program(*self.static(keys), *arranged)

  def lower(
    self, params: Params, keys: Array, condition: Any
  ) -> jax.stages.Lowered:
    """Traces it for abstract arguments, on devices that need not be here."""
    arranged = jax.eval_shape(self.arrange, params, keys, condition, None)
    return self.program.lower(*self.static(keys), *arranged)


def make_base(
  denoise: ParametricDenoiser,
  schedule: schedules.Schedule,
  settings: sampler_settings.SamplerSettings,
  shape: tuple[int, int, int, int],
  devices: Sequence[jax.Device],
  *,
  on_step: progress.OnStep | None = None,
) -> base.Sampler:
  """Makes the base sampler on several devices.

  Args:
    denoise: the network, with its weights as first argument.
    schedule: the one that it was trained with.
    settings: how to sample.
    shape: (T, H, W, 3) of one clip.
    devices: where to run; all of this process.
    on_step: told of each estimate of all clips, once a step.

  Returns:
    A compiled `base.make`, whose result is on every device.
  """
  return _make(base.make, denoise, schedule, settings, shape, devices, on_step)


def make_ssr(
  denoise: ParametricDenoiser,
  schedule: schedules.Schedule,
  settings: sampler_settings.SamplerSettings,
  shape: tuple[int, int, int, int],
  devices: Sequence[jax.Device],
  *,
  on_step: progress.OnStep | None = None,
) -> base.Sampler:
  """Makes the super-resolution sampler on several devices; as `make_base`."""
  return _make(ssr.make, denoise, schedule, settings, shape, devices, on_step)


def _make(make, denoise, schedule, settings, shape, devices, on_step):
  plan = base.window_plan(settings, shape[0])
  make = functools.partial(
    make, denoise, schedule, settings, shape, on_step=on_step
  )
  devices = list(devices)
  if plan is None:
    return _over_clips(make, devices)
  return _over_windows(make, plan, settings.windows_per_call, devices)


def _over_clips(make: Callable[..., Any], devices: list) -> base.Sampler:
  """Each device samples its share of the clips."""

  def on_device(num_clips, params, keys, condition, start):
    everything = lambda clips: jax.lax.all_gather(clips, AXIS, tiled=True)
    once = progress.emit_on_first(AXIS)
    # Gathered before the branch: a collective must be run by all devices.
    emit = lambda on_step, step, num_steps, clean: once(
      on_step, step, num_steps, everything(clean)[:num_clips]
    )
    clips = make(emit=emit)(params, keys, condition, start)
    return everything(clips)[:num_clips]

  program = jax.pmap(
    on_device,
    axis_name=AXIS,
    static_broadcasted_argnums=0,
    in_axes=(None, None, 0, 0, 0),
    out_axes=None,
    devices=devices,
  )

  def shares(tree):
    padded = padding.repeat_last(tree, len(devices))
    return jax.tree.map(
      lambda x: x.reshape(len(devices), -1, *x.shape[1:]), padded
    )

  def arrange(params, keys, condition, start):
    if start is not None:
      noisy, t_start = start
      start = shares(noisy), jax.numpy.full(len(devices), t_start)
    return params, shares(keys), shares(condition), start

  return Front(program, arrange, lambda keys: keys.shape)


def _over_windows(
  make: Callable[..., Any],
  plan: multidiffusion.WindowPlan,
  windows_per_call: int | None,
  devices: list,
) -> base.Sampler:
  """Each device denoises its share of the windows."""

  def on_device(params, keys, condition, start, jobs):
    windowed = functools.partial(
      multidiffusion.windowed,
      plan=plan,
      jobs=lambda num_clips: jobs,
      total=lambda sums: jax.lax.psum(sums, AXIS),
    )
    emit = progress.emit_on_first(AXIS)
    sample = make(windowed=windowed, emit=emit)
    return sample(params, keys, condition, start)

  program = jax.pmap(
    on_device,
    axis_name=AXIS,
    in_axes=(None, None, None, None, 0),
    out_axes=None,
    devices=devices,
  )

  def arrange(params, keys, condition, start):
    jobs = plan.jobs(
      keys.shape[0],
      num_devices=len(devices),
      windows_per_call=windows_per_call,
    )
    return params, keys, condition, start, jobs

  return Front(program, arrange)
