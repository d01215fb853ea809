"""One loaded stage, which paints."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from lumiere_jax.generation import conditions
from lumiere_jax.generation import given as givens
from lumiere_jax.generation import plans
from lumiere_jax.generation import programs
from lumiere_jax.generation import progress
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.generation import watching
from lumiere_jax.parallel import machine
from lumiere_jax.parallel import rules
from lumiere_jax.sampling import loop
from lumiere_jax.sampling import noise
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Array, Params


class Loaded(NamedTuple):
  """A stage with its weights, their digest and what they were trained on."""

  stage: stages.Stage
  params: Params
  digest: str
  trained_on: Sequence[Mapping[str, Any]] = ()


class Painter:
  """Paints clips with one stage; keeps what it compiled for the next.

  Attributes:
    loaded: the stage, its weights and their digest.
  """

  def __init__(self, loaded: Loaded, compiled: programs.Programs | None = None):
    self.loaded = loaded
    self._programs = compiled or programs.Programs(loaded.stage)
    self._cut: Params | None = None

  def with_weights(self, params: Params, digest: str) -> "Painter":
    """The same stage with other weights of the same shapes.

    What either compiles serves both: programs take weights as arguments.
    """
    loaded = self.loaded._replace(params=params, digest=digest)
    return Painter(loaded, self._programs)

  def __call__(
    self,
    request: requests.Request,
    indices: Sequence[int],
    *,
    low_res: np.ndarray | None = None,
    given: givens.Given | None = None,
    source: givens.Source | None = None,
    size: tuple[int, int] | None = None,
    on_step: progress.OnStep | None = None,
  ) -> results.StageRun:
    """Paints clips of a completed request.

    Args:
      request: what to paint.
      indices: B numbers, which of its clips.
      low_res: [B, T, h, w, 3] float32 in [-1, 1], for a stage that upsamples.
      given: pixels that every clip is to keep.
      source: a clip that every one starts from.
      size: (H, W) of the clips; see `plans.make`.
      on_step: told after each step; after the last alone where
        `watching.can_watch` says no.
    """
    stage, _, digest, trained_on = self.loaded
    plan = plans.make(stage, request, size)
    is_watched = on_step is not None and watching.can_watch(programs.devices())
    groups = _groups(plan, indices)
    self._programs.watch = watch = watching.Watch(
      stage.name, on_step, len(groups)
    )
    kept = given.at(plan.shape[:3]) if given else None
    clips = []
    for group in groups:
      where = [indices[k] for k in range(len(indices))[group]]
      condition = self._condition(
        plan,
        request,
        num_clips=len(where),
        low_res=None if low_res is None else low_res[group],
        given=kept,
      )
      keys = noise.clip_keys(request.seed, np.asarray(where))
      start = self._start(plan, source, keys) if source else None
      clips.append(self._paint(plan, keys, condition, start, is_watched))
      watch.next_group(clips[-1], plan.settings.num_steps, is_watched)
    # Before the next stage compiles, too.
    machine.give_back_memory()
    return results.StageRun(
      name=stage.name,
      digest=digest,
      trained_on=trained_on,
      settings=plan.as_dict(),
      seconds=watch.finish(),
      clips=np.clip(np.concatenate(clips), -1, 1),
    )

  def _condition(self, plan: plans.Plan, request: requests.Request, **told):
    """What the network is told of the request's prompts, and beside them."""
    stage, params = self.loaded.stage, self.loaded.params
    return conditions.build(
      stage.tokenizer,
      lambda tokens, mask: self._programs.encode(params, tokens, mask),
      prompt=request.prompt,
      negative_prompt=request.negative_prompt,
      is_guided=plan.settings.guidance_scale != 1,
      hears_silence=stage.hears_silence,
      **told,
    )

  def _start(
    self, plan: plans.Plan, source: givens.Source, keys: Array
  ) -> loop.Start:
    """The source, noised with each clip's own noise."""
    clean = source.at(plan.shape[:3])
    clean = np.broadcast_to(clean, (len(keys), *clean.shape))
    return loop.start_from(
      clean,
      keys,
      self.loaded.stage.schedule,
      source.strength,
      plan.settings.shared,
    )

  def _paint(
    self,
    plan: plans.Plan,
    keys: Array,
    condition,
    start: loop.Start | None,
    is_watched: bool,
  ) -> np.ndarray:
    """Paints clips in one run of the program: [B, T, H, W, 3] float32."""
    params = self.loaded.params
    if plan.front == "sharded":
      params = self._cut_params()
    sample = self._programs.sampler(plan, is_watched)
    clips = np.asarray(sample(params, keys, condition, start), np.float32)
    jax.effects_barrier()  # the last steps may still be on their way to us
    return clips

  def _cut_params(self) -> Params:
    """The weights, a part on each device: for networks too large for one."""
    if self._cut is None:
      stage, params = self.loaded.stage, self.loaded.params
      places = rules.DEFAULT.shardings(stage.abstract_params(), programs.mesh())
      self._cut = jax.device_put(params, places)
    return self._cut


def _groups(plan: plans.Plan, indices: Sequence[int]) -> list[slice]:
  """Which clips are painted together.

  With `pmap` no more than one a device, or, where a clip's windows are spread,
  one: the pixels of a clip are then the same, to the bit, whatever is painted
  beside it, and memory does not grow with their number.
  """
  size = len(indices)
  if plan.front == "pmap":
    size = 1 if plan.settings.window else len(programs.devices())
  return [slice(k, k + size) for k in range(0, len(indices), size)]
