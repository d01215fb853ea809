"""The one training loop, for every stage.

It receives a compiled step and an iterator and owns what a pure step cannot:
the clock, files, the log and the order of events.
"""

from collections.abc import Callable, Mapping
import contextlib
import dataclasses
import time
from typing import Any

from absl import logging
import jax
import numpy as np

from lumiere_jax.checkpoints import newest
from lumiere_jax.training import ahead
from lumiere_jax.training import checkpoint
from lumiere_jax.training import guards
from lumiere_jax.training import ledger as ledgers
from lumiere_jax.training import metrics as metrics_lib
from lumiere_jax.training import preemption
from lumiere_jax.training import saving
from lumiere_jax.training import step as steps
from lumiere_jax.types import Batch, Metrics, Params


@dataclasses.dataclass(frozen=True, kw_only=True)
class Every:
  """How often things happen, in steps; 0 is never.

  Attributes:
    log: write metrics and look at them (`guards`).
    checkpoint: save; the last step is always saved.
    preview: sample and write pictures; after the last step, too, unless this
      is negative: what samples has to be compiled first.
  """

  log: int = 10
  checkpoint: int = 500
  preview: int = 0

  def is_due(self, what: str, step: int) -> bool:
    """Whether `what` happens after `step` steps."""
    every = getattr(self, what)
    return every > 0 and step % every == 0

  def shows(self, step: int, is_last: bool) -> bool:
    """Whether pictures are written after `step` steps."""
    return self.is_due("preview", step) or (is_last and self.preview >= 0)


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
    writer: where metrics go.
    sheet: clip [T, H, W, 3] uint8 -> contact sheet [H', W', 3] uint8.
    ledger: where the time goes.
    preview: (trained EMA parameters, frozen, step) -> named [T, H, W, 3]
      uint8 clips to show, or None.
    on_step: called with (step, num_steps) after each step; a progress bar.
    checkpoints: how they are kept.
    limits: what is borne before a run goes back, or ends.
    record: what each checkpoint says of the run, JSON values.
    flops: model FLOPs of one step, all devices together; 0 if unknown.
    clips: clips in the global batch.
  """

  workdir: str
  num_steps: int
  train_step: Callable[..., tuple[steps.TrainState, Metrics]]
  state: steps.TrainState
  frozen: Params
  batches: ahead.ClipSource
  place: Callable[[Batch], Batch]
  every: Every
  writer: metrics_lib.Writer
  sheet: Callable[[np.ndarray], np.ndarray]
  ledger: ledgers.Ledger
  preview: Callable[..., Mapping[str, np.ndarray]] | None = None
  on_step: Callable[[int, int], None] | None = None
  checkpoints: saving.Settings = dataclasses.field(
    default_factory=saving.Settings
  )
  limits: guards.Settings = dataclasses.field(default_factory=guards.Settings)
  record: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  flops: float = 0.0
  clips: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
  """How a run ended; its last state is saved.

  Attributes:
    state: the last one.
    stopped: whether somebody asked for it before the last step.
  """

  state: steps.TrainState
  stopped: bool


def run(job: Job) -> Ended:
  """Trains from the newest good checkpoint, or from the start, to `num_steps`.

  Raises:
    TrainingError: too many steps without a finite gradient, or too many
      spikes; nothing of the window in which that happened is saved.
    OutputError: checkpoints could not be written.
    WeightsError: those that are there are all damaged.
  """
  with contextlib.ExitStack() as ends:
    closing = lambda thing: ends.enter_context(contextlib.closing(thing))
    closing(job.writer)
    batches = closing(ahead.Ahead(job.batches, job.place))
    stop = closing(preemption.Stop())
    watchdog = closing(guards.Watchdog(job.workdir, job.limits))
    saver = closing(
      saving.Saver(job.workdir, job.checkpoints, job.ledger.event)
    )
    return _run(job, batches, stop, watchdog, saver)


def _run(job: Job, batches, stop, watchdog, saver: saving.Saver) -> Ended:
  book, watch = job.ledger, guards.Watch(job.limits)
  state, frozen = job.state, job.frozen
  with book.spending("restart"):
    start = newest.good(job.workdir)
    if start is not None:
      state, frozen, place = checkpoint.restore(
        job.workdir, start, state, frozen
      )
      batches.set_state(place)
      logging.info("resumed from step %d", start)
  step = start or 0
  book.begin(step)
  book.event("started", step=step, seconds=book.age(), **_where())
  window: list[Metrics] = []
  losses: list[float] = []
  started = time.monotonic()
  snapshot = lambda: checkpoint.snapshot(
    # The place behind the last batch, whatever was drawn ahead of it.
    state,
    frozen,
    batches.get_state(),
    job.record,
  )
  while step < job.num_steps:
    watchdog.beat()
    stopped = stop.asked(step)
    if not stopped:
      with book.spending("data"):
        batch = next(batches)
      if step == 0:
        _show_first_batch(job, batch)
      with book.spending("step"):
        state, metrics = job.train_step(state, frozen, batch)
        window.append(metrics)
        step += 1
        _tell(job, window, step)
    is_last = stopped or step == job.num_steps
    is_due = job.every.is_due("checkpoint", step)
    # Before saving, so that a broken state is never what a run resumes from.
    if is_last or is_due or job.every.is_due("log", step):
      try:
        with book.spending("step"):
          mean = _log_window(job, watch, window, step, started)
      except guards.FaultError as fault:
        state, step = _roll_back(job, watch, saver, fault, state, frozen, step)
        window, losses, started = [], [], time.monotonic()
        continue
      losses += [] if mean is None else [mean]
      window, started = [], time.monotonic()
      with book.spending("checkpoint"):
        mean = float(np.mean(losses)) if losses else None
        if is_last:
          saver.finish(step, snapshot, mean)
        else:
          saver.turn(step, is_due, snapshot, mean)
      losses = [] if is_due else losses
      book.flush(step)
    if stopped:
      break
    if job.preview and job.every.shows(step, is_last):
      _show_preview(job, state, frozen, step)
      started = time.monotonic()
  stopped = step < job.num_steps
  if stopped:
    book.event("preempted", step=step, signal=stop.signal)
  else:
    book.event("finished", step=step)
  return Ended(state=state, stopped=stopped)


def _where() -> dict[str, Any]:
  return {
    "processes": jax.process_count(),
    "devices": jax.device_count(),
    "device_kind": jax.devices()[0].device_kind,
  }


def _roll_back(job: Job, watch, saver, fault, state, frozen, step: int):
  """Takes the last checkpoint's state; the clips drawn since are not seen."""
  with job.ledger.spending("restart"):
    saver.settle()
    to = newest.good(job.workdir)
    watch.roll_back(fault, to)
    logging.error("%s; going back to step %d, on with other clips", fault, to)
    job.ledger.event("rolled_back", step=step, to=to, reason=str(fault))
    state, _, _ = checkpoint.restore(job.workdir, to, state, frozen)
  job.ledger.begin(to)
  return state, to


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


def _log_window(job: Job, watch, window, step: int, started) -> float | None:
  """Writes means of a window; returns the loss, None if no step counted."""
  if not window:
    return None
  values = watch.means(jax.device_get(window), step)
  per_step = (time.monotonic() - started) / len(window)
  values["seconds_per_step"] = per_step
  values["clips_per_second"] = job.clips / per_step
  if job.flops:
    values["tflops"] = job.flops / per_step / 1e12
    values["mfu"] = metrics_lib.utilization(
      job.flops, per_step, jax.devices()[0].device_kind, jax.device_count()
    )
  if values["skipped"]:
    first = step - len(window) + 1
    job.ledger.event("skipped", step=step, count=values["skipped"], first=first)
    logging.warning(
      "%d of steps %d to %d had no finite gradient and changed nothing",
      *(values["skipped"], first, step),
    )
  job.writer.scalars(step, job.num_steps, values)
  return values.get("loss")


def _show_first_batch(job: Job, batch: Batch) -> None:
  arrays = vars(batch)
  for name in ("video", "tokens", "text_mask", "labels"):
    if name in arrays:
      array = arrays[name]
      logging.info("first batch: %s %s %s", name, array.dtype, array.shape)
  if "video" not in arrays:
    return
  local = np.asarray(batch.video.addressable_shards[0].data)
  job.writer.picture(0, "first_batch", job.sheet(local[0]), local[0])


def _show_preview(job: Job, state, frozen, step: int) -> None:
  for name, clip in job.preview(state.ema_params, frozen, step).items():
    job.writer.picture(step, name, job.sheet(clip), clip)
