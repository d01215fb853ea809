"""The programs compiled for a stage, which serve all weights of its shapes."""

from collections.abc import Callable

import jax

from lumiere_jax.generation import plans
from lumiere_jax.generation import watching
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.sampling import base
from lumiere_jax.sampling import pmapped
from lumiere_jax.sampling import sharded
from lumiere_jax.stages import spread
from lumiere_jax.stages import stage as stages


class Programs:
  """What was compiled of a stage.

  Attributes:
    encode: weights, tokens and their mask -> what the network is told.
    watch: told of steps; the programs outlive it.
  """

  def __init__(self, stage: stages.Stage):
    self.encode = jax.jit(stage.encode)
    self.watch: watching.Watch | None = None
    self._stage = stage
    self._samplers: dict[tuple[plans.Plan, bool], base.Sampler] = {}

  def sampler(self, plan: plans.Plan, is_watched: bool) -> base.Sampler:
    """The program of a plan; compiled when it first runs."""
    if (plan, is_watched) not in self._samplers:
      # The program outlives the request, so it must not hold its callback.
      relay = lambda *event: self.watch(*event)
      self._samplers[plan, is_watched] = _compile(
        self._stage, plan, relay if is_watched else None
      )
    return self._samplers[plan, is_watched]


def devices() -> list[jax.Device]:
  """Returns the devices of this process, on all of which stages run."""
  return jax.local_devices()


def mesh() -> jax.sharding.Mesh:
  """All devices of this process, each with a part of the weights."""
  return meshes.make({"fsdp": -1}, devices())


def _compile(
  stage: stages.Stage, plan: plans.Plan, on_step: Callable | None
) -> base.Sampler:
  """Puts a stage's sampler on all devices of this process."""
  front = pmapped if plan.front == "pmap" else sharded
  is_ssr = stage.name == stages.SUPER_RESOLUTION
  make = front.make_ssr if is_ssr else front.make_base
  everywhere = devices()
  if front is sharded:
    everywhere = mesh()
    stage = spread.over(stage, everywhere)
  return make(
    stage.denoise,
    stage.schedule,
    plan.settings,
    plan.shape,
    everywhere,
    on_step=on_step,
  )
