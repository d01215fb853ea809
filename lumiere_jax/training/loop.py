"""The one training loop, for every stage.

It receives a compiled step and an iterator and owns what a pure step cannot:
the clock, files, the log and the order of events.
"""

from collections.abc import Callable, Mapping
import contextlib
import dataclasses
import math
import time

from absl import logging
import jax
import numpy as np

from lumiere_jax import errors
from lumiere_jax.training import ahead
from lumiere_jax.training import checkpoint
from lumiere_jax.training import metrics as metrics_lib
from lumiere_jax.training import step as steps
from lumiere_jax.types import Metrics, Params, VideoBatch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Every:
  """How often things happen, in steps; 0 is never.

  Attributes:
    log: write metrics and check them for NaN.
    checkpoint: save; the last step is always saved.
    preview: sample and write pictures.
  """

  log: int = 10
  checkpoint: int = 500
  preview: int = 0

  def is_due(self, what: str, step: int) -> bool:
    """Whether `what` happens after `step` steps."""
    every = getattr(self, what)
    return every > 0 and step % every == 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
  """All that a run consists of.

  Attributes:
    workdir: the run's folder.
    num_steps: steps to reach.
    train_step: compiled (state, frozen, batch) -> (state, metrics).
    state: freshly initialised state, already where it belongs.
    frozen: parameters that never change, likewise.
    batches: this process's clips.
    place: assembles a process's batch into global arrays.
    every: how often things happen.
    preview: (trained EMA parameters, frozen, step) -> named [T, H, W, 3]
      uint8 clips to show, or None.
    on_step: called with (step, num_steps) after each step; a progress bar.
    flops: model FLOPs of one step, all devices together; 0 if unknown.
    clips: clips in the global batch.
    writer: where metrics go.
    sheet: clip [T, H, W, 3] uint8 -> contact sheet [H', W', 3] uint8.
  """

  workdir: str
  num_steps: int
  train_step: Callable[..., tuple[steps.TrainState, Metrics]]
  state: steps.TrainState
  frozen: Params
  batches: ahead.ClipSource
  place: Callable[[VideoBatch], VideoBatch]
  every: Every
  writer: metrics_lib.Writer
  sheet: Callable[[np.ndarray], np.ndarray]
  preview: Callable[..., Mapping[str, np.ndarray]] | None = None
  on_step: Callable[[int, int], None] | None = None
  flops: float = 0.0
  clips: int = 1


def run(job: Job) -> steps.TrainState:
  """Trains from the newest checkpoint, or from the start, to `num_steps`.

  Raises:
    TrainingError: a metric is NaN or infinite; nothing of the window of steps
      in which it happened is saved.
  """
  with contextlib.closing(ahead.Ahead(job.batches, job.place)) as batches:
    return _run(job, batches)


def _run(job: Job, batches: ahead.Ahead) -> steps.TrainState:
  checkpoints = checkpoint.Checkpoints(job.workdir)
  state, frozen = job.state, job.frozen
  if checkpoints.latest() is not None:
    state, frozen, place = checkpoints.restore(state, frozen)
    batches.set_state(place)
    logging.info("resumed from step %d", int(state.step))
  step = int(state.step)
  window: list[Metrics] = []
  started = time.monotonic()
  while step < job.num_steps:
    batch = next(batches)
    if step == 0:
      _show_first_batch(job, batch)
    state, metrics = job.train_step(state, frozen, batch)
    window.append(metrics)
    step += 1
    is_last = step == job.num_steps
    _tell(job, window, step)
    saves = is_last or job.every.is_due("checkpoint", step)
    # Before saving, so that a broken state is never what a run resumes from.
    if saves or job.every.is_due("log", step):
      _log_window(job, window, step, time.monotonic() - started)
      window, started = [], time.monotonic()
    if saves:
      # The place behind this batch, whatever was drawn ahead of it.
      checkpoints.save(state, frozen, batches.get_state())
    if job.preview and (is_last or job.every.is_due("preview", step)):
      _show_preview(job, state, frozen, step)
      started = time.monotonic()
  checkpoints.wait()
  checkpoints.close()
  job.writer.close()
  return state


def _tell(job: Job, window: list[Metrics], step: int) -> None:
  if job.on_step is None:
    return
  if len(window) > 1:
    # The step before: the device always has the next one queued.
    jax.block_until_ready(window[-2]["loss"])
    job.on_step(step - 1, job.num_steps)
  if step == job.num_steps:
    jax.block_until_ready(window[-1]["loss"])
    job.on_step(step, job.num_steps)


def mean_of_window(window: list[Metrics], last_step: int) -> dict[str, float]:
  """Means over a window of steps, as floats.

  Raises:
    TrainingError: one of them is NaN or infinite; names the window.
  """
  host = jax.device_get(window)
  means = {k: float(np.mean([m[k] for m in host])) for k in host[0]}
  broken = [name for name, value in means.items() if not math.isfinite(value)]
  if broken:
    first = last_step - len(window) + 1
    raise errors.TrainingError(
      f"{', '.join(broken)} became NaN or infinite in steps {first} to "
      f"{last_step}; nothing of them was saved. Lower "
      "optimizer.learning_rate or optimizer.clip_norm and run the same "
      "command again to continue from the last checkpoint."
    )
  return means


def _log_window(
  job: Job, window: list[Metrics], step: int, seconds: float
) -> None:
  values = mean_of_window(window, step)
  per_step = seconds / len(window)
  values["seconds_per_step"] = per_step
  values["clips_per_second"] = job.clips / per_step
  if job.flops:
    values["tflops"] = job.flops / per_step / 1e12
    values["mfu"] = metrics_lib.utilization(
      job.flops, per_step, jax.devices()[0].device_kind, jax.device_count()
    )
  job.writer.scalars(step, job.num_steps, values)


def _show_first_batch(job: Job, batch: VideoBatch) -> None:
  for name in ("video", "tokens", "text_mask"):
    array = getattr(batch, name)
    logging.info("first batch: %s %s %s", name, array.dtype, array.shape)
  local = np.asarray(batch.video.addressable_shards[0].data)
  job.writer.picture(0, "first_batch", job.sheet(local[0]), local[0])


def _show_preview(job: Job, state, frozen, step: int) -> None:
  for name, clip in job.preview(state.ema_params, frozen, step).items():
    job.writer.picture(step, name, job.sheet(clip), clip)
