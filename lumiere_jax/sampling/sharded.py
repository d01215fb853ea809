"""The front for several devices as `jax.jit` over a named mesh.

The program is the one for a single device; shardings say where its arrays
live, and the compiler inserts the collectives.  The batch that enters the
network, clips without a window and windows with one, is cut along `batch_axes`
of the mesh; parameters stay as they are given (cut along "fsdp", say), and the
network may constrain its activations along further axes.

With windows the noisy clips are cut by rows of pixels, so that 80 frames of
1024 pixels take no device's memory whole; a window comes together, all rows,
on the device whose network looks at it, and its estimate goes back in rows.
"""

from collections.abc import Callable, Sequence
import dataclasses
import functools
import math
from typing import Any

import jax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
import numpy as np

from lumiere_jax import errors
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


def make_base(
  denoise: ParametricDenoiser,
  schedule: schedules.Schedule,
  settings: sampler_settings.SamplerSettings,
  shape: tuple[int, int, int, int],
  mesh: jax.sharding.Mesh,
  *,
  batch_axes: Sequence[str] | None = None,
  on_step: progress.OnStep | None = None,
) -> base.Sampler:
  """Makes the base sampler on a mesh.

  Args:
    denoise: the network, with its weights as first argument.
    schedule: the one that it was trained with.
    settings: how to sample.
    shape: (T, H, W, 3) of one clip.
    mesh: where to run; its axes of type Auto.
    batch_axes: axes of the mesh that cut the batch; None for all.
    on_step: told of each estimate of all clips, once a step.

  Returns:
    A compiled `base.make`, whose result is on every device, or cut by rows of
    pixels if there are windows.  Parameters that
    are not on the mesh yet are copied to all of it at each call; put them
    there before if there are many calls.

  Raises:
    ConfigError: the mesh has no such axis.
  """
  return _make(
    base.make, denoise, schedule, settings, shape, mesh, batch_axes, on_step
  )


def make_ssr(
  denoise: ParametricDenoiser,
  schedule: schedules.Schedule,
  settings: sampler_settings.SamplerSettings,
  shape: tuple[int, int, int, int],
  mesh: jax.sharding.Mesh,
  *,
  batch_axes: Sequence[str] | None = None,
  on_step: progress.OnStep | None = None,
) -> base.Sampler:
  """Makes the super-resolution sampler on a mesh; as `make_base`."""
  return _make(
    ssr.make, denoise, schedule, settings, shape, mesh, batch_axes, on_step
  )


def _make(
  make, denoise, schedule, settings, shape, mesh, batch_axes, on_step
) -> base.Sampler:
  batch_axes = _require_axes(mesh, batch_axes)
  num_shards = math.prod(mesh.shape[axis] for axis in batch_axes)
  batch = NamedSharding(mesh, P(batch_axes))
  everywhere = NamedSharding(mesh, P())
  pin = functools.partial(jax.lax.with_sharding_constraint, shardings=batch)

  # Pinned at the innermost denoiser, where guidance has doubled the batch: a
  # pair stays together because the two stand side by side.
  def pinned(params, noisy, t, condition):
    return pin(denoise(params, pin(noisy), pin(t), pin(condition)))

  plan = base.window_plan(settings, shape[0])
  by_rows = _by_rows(mesh, shape[1])
  make = functools.partial(
    make,
    pinned,
    schedule,
    settings,
    shape,
    on_step=on_step,
    windowed=_windowed(plan, num_shards, settings.windows_per_call, by_rows),
  )
  result = everywhere if plan is None else by_rows

  @functools.partial(jax.jit, static_argnums=0, out_shardings=result)
  def program(num_clips, params, keys, condition, start):
    emit = lambda on_step, step, num_steps, clean: progress.emit(
      on_step, step, num_steps, clean[:num_clips]
    )
    return make(emit=emit)(params, keys, condition, start)[:num_clips]

  if plan is not None:
    return Front(program, mesh, everywhere, 1)
  # A guided clip is two in the batch that enters the network, so that half as
  # many clips as devices keep all of them busy.
  calls = 1 if settings.guidance_scale == 1 else 2
  multiple = num_shards // math.gcd(num_shards, calls)
  return Front(
    program, mesh, batch if multiple == num_shards else everywhere, multiple
  )


@dataclasses.dataclass(frozen=True)
class Front:
  """A `base.Sampler` over a mesh, which may also be compiled ahead.

  Attributes:
    program: what `jax.jit` made; the number of clips is its first argument.
    mesh: where it runs.
    clips: where keys, conditions and clips to start from live.
    multiple: their number is filled up to a multiple of this.
  """

  program: Any
  mesh: jax.sharding.Mesh
  clips: NamedSharding
  multiple: int

  def __call__(
    self,
    params: Params,
    keys: Array,
    condition: Any,
    start: loop.Start | None = None,
  ) -> Array:
    """Samples; see `base.make`."""
    noise.require_keys(keys)
    everywhere = NamedSharding(self.mesh, P())
    params = jax.tree.map(lambda x: _on_mesh(x, self.mesh, everywhere), params)
    place = lambda tree: jax.tree.map(
      lambda x: _put(x, self.clips), self._padded(tree)
    )
    if start is not None:
      start = place(start[0]), start[1]
    return self.program(
      keys.shape[0], params, place(keys), place(condition), start
    )

  def lower(
    self, params: Params, keys: Array, condition: Any
  ) -> jax.stages.Lowered:
    """Traces it for abstract arguments, on devices that need not be here.

    Those of `params` must have their shardings.
    """
    abstract = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=self.clips),
      jax.eval_shape(lambda *trees: self._padded(trees), keys, condition),
    )
    return self.program.lower(keys.shape[0], params, *abstract, None)

  def _padded(self, tree):
    return padding.repeat_last(tree, self.multiple)


def _by_rows(mesh: jax.sharding.Mesh, height: int) -> NamedSharding:
  """Clips [B, T, H, W, C] cut along H, where the devices divide it."""
  if height % mesh.size:
    return NamedSharding(mesh, P())
  return NamedSharding(mesh, P(None, None, mesh.axis_names))


def _windowed(
  plan, num_shards: int, windows_per_call: int | None, by_rows: NamedSharding
) -> Callable:
  """MultiDiffusion whose calls hold one block of windows for each device."""
  cut = functools.partial(jax.lax.with_sharding_constraint, shardings=by_rows)

  def jobs(num_clips: int) -> multidiffusion.Jobs:
    dealt = plan.jobs(
      num_clips, num_devices=num_shards, windows_per_call=windows_per_call
    )
    # [devices, calls, windows] -> [calls, devices x windows]: which device does
    # which job is the same to the sums.
    merged = lambda x: x.reshape(x.shape[1], -1, *x.shape[3:])
    return jax.tree.map(merged, dealt)

  def windowed(denoise):
    whole = multidiffusion.windowed(denoise, plan=plan, jobs=jobs)
    return lambda noisy, t, condition: cut(whole(cut(noisy), t, condition))

  return windowed


def _on_mesh(x: Array, mesh, sharding: NamedSharding) -> Array:
  """Leaves arrays that live on the mesh where they are, copies others."""
  if isinstance(x, jax.Array) and x.sharding.device_set == set(
    mesh.devices.flat
  ):
    return x
  return _put(x, sharding)


def _put(x: Array, sharding: NamedSharding) -> Array:
  """Places an array of which every process has the whole."""
  if sharding.is_fully_addressable:
    return jax.device_put(x, sharding)
  if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
    data = _put(jax.random.key_data(x), sharding)
    return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
  host = np.asarray(x)  # of a global array: it must be on all devices
  return jax.make_array_from_callback(
    host.shape, sharding, lambda index: host[index]
  )


def _require_axes(mesh, batch_axes: Sequence[str] | None) -> tuple[str, ...]:
  """The axes that cut the batch; refuses those that the mesh lacks."""
  if batch_axes is None:
    return tuple(mesh.axis_names)
  if missing := sorted(set(batch_axes) - set(mesh.axis_names)):
    raise errors.ConfigError(
      f"batch axes {missing} are not axes of the mesh; it has "
      f"{', '.join(mesh.axis_names)}."
    )
  return tuple(batch_axes)
