"""Datasets to batches, in one global order that nothing else changes.

The order is fixed by (dataset, seed, global batch): batch k is the same clips
at the same seconds with the same crops on 1 host or on 4, with 0 workers or
with 2, before or after a preemption.  Each host takes its own rows of it:

  clips, shuffled anew each epoch   c a d b | b d a c | ...
  batches of `batch_size`           [c a] [d b] [b d] [a c] ...
  host 0 of 2                       [c a]       [b d]
  host 1 of 2                             [d b]       [a c]

so joining the hosts' batches gives the batch a single host would have had.
Several datasets are each shuffled for themselves and then interleaved by
their weights, clip by clip.
"""

from collections.abc import Iterator, Sequence
import math
import os
import pathlib
from typing import Any, Self

from absl import flags
from grain import python as grain
import numpy as np

from lumiere_jax import errors
from lumiere_jax.data import draw as draw_lib
from lumiere_jax.data import images
from lumiere_jax.data import kept
from lumiere_jax.data import quarantine
from lumiere_jax.data import reading
from lumiere_jax.data import source as source_lib
from lumiere_jax.data import spec
from lumiere_jax.data import toybox
from lumiere_jax.data import view as view_lib
from lumiere_jax.types import Batch, CaptionBatch, TruthBatch, VideoBatch

_STATE_VERSION = 2
# Batches ready ahead of the device; they are large, so few.
_AHEAD = 2
_MOST_THREADS = 4
# Where clips stay once they are decoded: nowhere, in the host's memory, or, as
# `resident` tables, in the accelerator's.
KEEP = ("none", "host", "device")
# Whether a batch has video, whether it has labels -> what it is.
_KINDS = {
  (True, False): VideoBatch,
  (True, True): TruthBatch,
  (False, True): CaptionBatch,
}


def build(
  dataset: str,
  *,
  split: str = "train",
  batch_size: int,
  seed: int,
  num_workers: int = 0,
  host_index: int = 0,
  host_count: int = 1,
  max_rejected: float = 0.1,
  rejects: str | os.PathLike | None = None,
  keep: str = "none",
  **view: Any,
) -> "ClipIterator":
  """Opens a dataset as an endless iterator of batches.

  Args:
    dataset: what to read; see `spec`.
    split: name of a split, or a slice of one.
    batch_size: clips in a batch of this host.
    seed: of the order and of everything drawn for a clip.
    num_workers: processes that decode; 0 decodes in threads of this one.
    host_index: this host, from 0.
    host_count: hosts that share each global batch.
    max_rejected: share of the clips that may be bad; see `quarantine`.
    rejects: file to list bad clips in, this host's own.
    keep: "host" if decoded clips stay in memory, see `kept`; else "none".
    **view: attributes of `view.View`: what is shown of a clip; with
      frames="none" its captions alone, and what they say.

  Raises:
    DataError: there is no such dataset or split, or no caption in it.
    ConfigError: a number that makes no sense.
  """
  if batch_size < 1 or num_workers < 0 or not 0 <= host_index < host_count:
    raise errors.ConfigError(
      f"batch_size={batch_size}, num_workers={num_workers}, "
      f"host_index={host_index}, host_count={host_count}: need at least one "
      "clip a batch, no negative workers, and 0 <= host_index < host_count."
    )
  errors.require_one_of("data.keep", keep, KEEP)
  if keep != "none" and num_workers:
    raise errors.ConfigError(
      f"data.keep is {keep!r} and data.num_workers is {num_workers}: each "
      "worker would keep all clips for itself; use 0."
    )
  parts = spec.parse(dataset)
  is_text = view.get("frames") == reading.NO_FRAMES
  sources = [open_part(part, split, is_text) for part in parts]
  if keep == "host" and not is_text:
    sources = [kept.Kept(source, view["resolution"]) for source in sources]
  return ClipIterator(
    sources,
    reading.View(view["tokenizer"]) if is_text else view_lib.View(**view),
    weights=[part.weight for part in parts],
    batch_size=batch_size,
    seed=seed,
    num_workers=num_workers,
    host_index=host_index,
    host_count=host_count,
    bad=quarantine.Quarantine(
      [part.name for part in parts],
      [len(source) for source in sources],
      max_share=max_rejected,
      host_count=host_count,
      path=pathlib.Path(rejects) if rejects else None,
    ),
  )


class ClipIterator(Iterator[Batch]):
  """Endless batches of numpy arrays, whose place can be saved and restored.

  Close it, or use it in a `with`, so that its workers end.

  Attributes:
    sources: the clips, of one dataset or of several.
    view: what is shown of each.
    bad: the clips that could not be used.
  """

  def __init__(
    self,
    sources: Sequence[source_lib.ClipSource],
    view: view_lib.View,
    *,
    weights: Sequence[float],
    batch_size: int,
    seed: int,
    num_workers: int,
    host_index: int,
    host_count: int,
    bad: quarantine.Quarantine,
  ):
    """See `build`."""
    self.sources, self.view, self.bad = sources, view, bad
    self._host_index, self._host_count = host_index, host_count
    self._num_workers = num_workers
    # Batched before it is divided among hosts and workers, or the order would
    # depend on their number.
    self._batches = _clips(sources, view, weights, seed).batch(
      batch_size, drop_remainder=True, batch_fn=draw_lib.stack
    )
    self._of = _identity(sources, weights) | {
      "seed": seed,
      "global_batch": batch_size * host_count,
    }
    self._step = 0
    self._running = None

  def __next__(self) -> Batch:
    """Returns video [B, T, H, W, 3] uint8, tokens and mask [B, L].

    Or, of captions alone, what `reading.View` makes of them, or clips and
    their truth.

    Raises:
      DataError: more clips are bad than is allowed.
    """
    if self._running is None:
      self._running = iter(self._from_step())
    arrays = dict(next(self._running))
    self.bad.note(quarantine.unpack(np.array(arrays.pop(draw_lib.REJECTED))))
    self._step += 1
    # Workers hand over shared memory, which is scarce in containers and must
    # not outlive them; a copy costs little beside the decoding.
    keep = np.array if self._num_workers else np.asarray
    kind = _KINDS["video" in arrays, "labels" in arrays]
    return kind(**{name: keep(x) for name, x in arrays.items()})

  def get_state(self) -> dict[str, Any]:
    """Where the next batch is; fits any number of hosts and workers."""
    return {"version": _STATE_VERSION, "step": self._step, "of": dict(self._of)}

  def set_state(self, state: dict[str, Any]) -> None:
    """Goes to where `get_state` was called.

    Raises:
      DataError: the state is of another dataset, seed or global batch, for
        which the same place does not exist.
    """
    if state.get("version") != _STATE_VERSION:
      raise errors.DataError(
        f"state of the data iterator has version {state.get('version')!r}; "
        f"this code reads version {_STATE_VERSION}. Start a new run with "
        "init_from."
      )
    every = self._of | state["of"]
    changed = [k for k in every if state["of"].get(k) != self._of.get(k)]
    if changed:
      said = ", ".join(
        f"{k} was {state['of'].get(k)!r} and is {self._of.get(k)!r}"
        for k in changed
      )
      raise errors.DataError(
        f"the run was interrupted on other data: {said}. Give what it had, or "
        "start a new run with init_from."
      )
    self.close()
    self._step = int(state["step"])

  def close(self) -> None:
    """Ends workers and threads; the next batch starts them again."""
    if self._running is not None:
      self._running.close()
      self._running = None

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_) -> None:
    self.close()

  def _from_step(self) -> grain.IterDataset:
    first = self._step * self._host_count + self._host_index
    mine = self._batches[first :: self._host_count]
    if not self._num_workers:
      return mine.to_iter_dataset(_threads(os.cpu_count() or 1))
    _require_flags_parsed()
    return mine.to_iter_dataset(_threads(1)).mp_prefetch(
      grain.MultiprocessingOptions(
        num_workers=self._num_workers, per_worker_buffer_size=1
      )
    )


def open_part(part: spec.Part, split: str, is_text: bool = False):
  """The clips of one dataset, or their captions alone."""
  if is_text:
    return reading.CaptionSource(part, split)
  if part.name.startswith(spec.TOYBOX):
    return toybox.ToyboxSource(part, split)
  if part.name.startswith(spec.IMAGES):
    return images.ImageSource(part)
  return source_lib.ClipSource(part, split)


def _clips(
  sources: Sequence[source_lib.ClipSource],
  view: view_lib.View,
  weights: Sequence[float],
  seed: int,
) -> grain.MapDataset:
  """All clips for ever, in their global order; random access, no state."""
  parts = [
    # Indices are shuffled and not records, so that a record that cannot be
    # read is met where another can be drawn for it.
    grain.MapDataset.range(len(source))
    .seed(seed + k)
    .shuffle()
    .repeat()
    .map_with_index(_placed)
    .random_map(draw_lib.Draw(source, view, k))
    for k, source in enumerate(sources)
  ]
  return parts[0] if len(parts) == 1 else _interleave(parts, weights)


def _interleave(parts, weights: Sequence[float]) -> grain.MapDataset:
  total = math.fsum(weights)
  return grain.MapDataset.mix(parts, [weight / total for weight in weights])


def _placed(position: int, index: int) -> tuple[int, int]:
  return position, index


def _identity(sources, weights: Sequence[float]) -> dict[str, Any]:
  """What a place in the data is a place in."""
  found = {}
  for k, (source, weight) in enumerate(zip(sources, weights, strict=True)):
    prefix = f"part {k} " if len(sources) > 1 else ""
    found[f"{prefix}dataset"] = source.digest
    found[f"{prefix}split"] = source.split
    found[f"{prefix}num_clips"] = len(source)
    if len(sources) > 1:
      found[f"{prefix}weight"] = weight
  return found


def _threads(cores: int) -> grain.ReadOptions:
  threads = min(cores, _MOST_THREADS)
  return grain.ReadOptions(
    num_threads=threads, prefetch_buffer_size=max(_AHEAD, threads)
  )


def _require_flags_parsed() -> None:
  # Worker processes read grain's absl flags; programs that do not use absl
  # (tests, notebooks, tyro commands) take their defaults.
  if not flags.FLAGS.is_parsed():
    flags.FLAGS.mark_as_parsed()
