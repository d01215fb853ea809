"""One loaded stage, and the programs compiled for it."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import time
from typing import Any, NamedTuple

import jax
import numpy as np

from lumiere_jax.generation import conditions
from lumiere_jax.generation import given as givens
from lumiere_jax.generation import plans
from lumiere_jax.generation import progress
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.parallel import machine
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import rules
from lumiere_jax.sampling import base
from lumiere_jax.sampling import loop
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import pmapped
from lumiere_jax.sampling import sharded
from lumiere_jax.stages import spread
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

  def __init__(self, loaded: Loaded):
    self.loaded = loaded
    self._encode = jax.jit(loaded.stage.encode)
    self._compiled: dict[tuple[plans.Plan, bool], base.Sampler] = {}
    self._cut: Params | None = None
    self._watch: _Watch | None = None

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
      on_step: told after each step; after the last alone where `can_watch`
        says no.
    """
    stage, _, digest, trained_on = self.loaded
    plan = plans.make(stage, request, size)
    is_watched = on_step is not None and can_watch(devices())
    groups = _groups(plan, indices)
    self._watch = watch = _Watch(stage.name, on_step, len(groups))
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
      lambda tokens, mask: self._encode(params, tokens, mask),
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
      plan.settings.shared_noise,
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
    sample = self._sampler(plan, is_watched)
    clips = np.asarray(sample(params, keys, condition, start), np.float32)
    jax.effects_barrier()  # the last steps may still be on their way to us
    return clips

  def _cut_params(self) -> Params:
    """The weights, a part on each device: for networks too large for one."""
    if self._cut is None:
      stage, params = self.loaded.stage, self.loaded.params
      places = rules.DEFAULT.shardings(stage.abstract_params(), _mesh())
      self._cut = jax.device_put(params, places)
    return self._cut

  def _sampler(self, plan: plans.Plan, is_watched: bool) -> base.Sampler:
    if (plan, is_watched) not in self._compiled:
      # The program outlives the request, so it must not hold its callback.
      relay = lambda *event: self._watch(*event)
      on_step = relay if is_watched else None
      self._compiled[plan, is_watched] = _compile(
        self.loaded.stage, plan, on_step
      )
    return self._compiled[plan, is_watched]


def _groups(plan: plans.Plan, indices: Sequence[int]) -> list[slice]:
  """Which clips are painted together.

  With `pmap` no more than one a device, or, where a clip's windows are spread,
  one: the pixels of a clip are then the same, to the bit, whatever is painted
  beside it, and memory does not grow with their number.
  """
  size = len(indices)
  if plan.front == "pmap":
    size = 1 if plan.settings.window else len(devices())
  return [slice(k, k + size) for k in range(0, len(indices), size)]


def devices() -> list[jax.Device]:
  """Returns the devices of this process, on all of which stages run."""
  return jax.local_devices()


def can_watch(devices: Sequence[jax.Device]) -> bool:
  """Whether steps can be told of while a program runs.

  Simulated devices share few threads. The one that tells of a step waits for
  its clips to be copied, the copy waits for a thread, and the threads wait in
  the next collective for the one that tells: with clips above some 100 kB,
  jax 0.10 on two cores then always stops for good.  So it does with one device
  in a pool of one thread.
  """
  if devices[0].platform != "cpu":
    return True
  return len(devices) == 1 and machine.compute_threads() > 1


@dataclasses.dataclass
class _Watch:
  """Passes steps on and notes when they came.

  Attributes:
    stage: its name.
    on_step: told of each step; None for nobody.
    num_groups: how often the stage's program runs.
    group: which run this is.
  """

  stage: str
  on_step: progress.OnStep | None
  num_groups: int = 1
  group: int = 0
  start: float = dataclasses.field(default_factory=time.monotonic)
  times: list[float] = dataclasses.field(default_factory=list)
  failure: BaseException | None = None

  def __call__(self, step: int, num_steps: int, clean: np.ndarray) -> None:
    self.times.append(time.monotonic() - self.start)
    self.tell(step, num_steps, clean)

  def tell(self, step: int, num_steps: int, clean: np.ndarray) -> None:
    """Passes a step on without noting when it came."""
    if self.failure:
      return
    try:
      self.on_step(
        progress.Progress(
          stage=self.stage,
          step=self.group * num_steps + step + 1,
          num_steps=self.num_groups * num_steps,
          clean=clean,
        )
      )
    # An exception must not cross the compiled program: it would come out as
    # an error of that program, without its type.
    except BaseException as error:
      self.failure = error

  def next_group(
    self, clips: np.ndarray, num_steps: int, was_watched: bool
  ) -> None:
    """One run is over; tells of its last step if of none before."""
    if self.on_step is not None and not was_watched:
      self.tell(num_steps - 1, num_steps, clips)
    self.group += 1

  def finish(self) -> dict[str, float]:
    """Returns seconds spent; raises what `on_step` raised."""
    if self.failure:
      raise self.failure
    seconds = {"total": time.monotonic() - self.start}
    if self.times:
      seconds["first_step"] = self.times[0]
    if len(self.times) > 1:
      spent = self.times[-1] - self.times[0]
      seconds["per_step"] = spent / (len(self.times) - 1)
    return {name: round(value, 4) for name, value in seconds.items()}


def _compile(
  stage: stages.Stage, plan: plans.Plan, on_step: Callable | None
) -> base.Sampler:
  """Puts a stage's sampler on all devices of this process."""
  front = pmapped if plan.front == "pmap" else sharded
  is_ssr = stage.name == stages.SUPER_RESOLUTION
  make = front.make_ssr if is_ssr else front.make_base
  everywhere = devices()
  if front is sharded:
    everywhere = _mesh()
    stage = spread.over(stage, everywhere)
  return make(
    stage.denoise,
    stage.schedule,
    plan.settings,
    plan.shape,
    everywhere,
    on_step=on_step,
  )


def _mesh() -> jax.sharding.Mesh:
  """All devices of this process, each with a part of the weights."""
  return meshes.make({"fsdp": -1}, devices())
