"""The toybox as what an accelerator needs to render it: chunks of clips.

Numbers of scenes, and what is said of them, are made by processes of this
host, some chunks ahead of who asks; `training.refilling` renders them.
"""

import concurrent.futures
import dataclasses
import functools
import multiprocessing
from typing import Any

import numpy as np

from lumiere_jax import errors
from lumiere_jax.data import flip
from lumiere_jax.data import toybox
from lumiere_jax.data import view as view_lib
from lumiere_jax.toybox import motion
from lumiere_jax.toybox import staging
from lumiere_jax.toybox import world

SCENES = "scenes"
# Chunks that are made before anybody asks, for each process.
_AHEAD = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stager:
  """Makes chunks of a split; picklable.

  Attributes:
    split: see `world.NAMES`; none that is drawn in a style.
    size: clips in a chunk.
    view: what is shown of a clip.
  """

  split: str
  size: int
  view: view_lib.View

  def __post_init__(self):
    if self.split.startswith("styled"):
      raise errors.ConfigError(
        f"split {self.split} of the toybox is drawn, and data.keep='device' "
        "renders it on the accelerator, which only lights it; give "
        "--config.data.keep=none."
      )
    if self.view.embedder:
      raise errors.ConfigError(
        "data.keep is 'device' and data.embeddings is given; what is rendered "
        "there is read by the text encoder there, so leave embeddings out."
      )

  def __call__(self, chunk: int) -> dict[str, Any]:
    """Chunk `chunk`, from 0; clips that come after the last are the first.

    Returns:
      `SCENES`, a `staging.Staged` of n clips, and columns as of
      `resident.Tables`.
    """
    first = chunk * self.size
    indices = [k % toybox.ENDLESS for k in range(first, first + self.size)]
    whole = shown(self.view)
    stage = functools.partial(
      staging.stage, num_frames=whole.num_frames, fps=whole.fps
    )
    scenes = [stage(world.scene(self.split, k)) for k in indices]
    staged = staging.Staged(*(np.stack(x) for x in zip(*scenes, strict=True)))
    said = [self._said(k) for k in indices]
    columns = {name: np.stack([one[name] for one in said]) for name in said[0]}
    return {SCENES: staged} | columns

  def _said(self, index: int) -> dict[str, np.ndarray]:
    if self.view.truth:
      name = world.name(self.split, index)
      return view_lib.truth_of(name, self.view.num_frames, self.view.fps)
    captions = [one.text for one in world.describe(self.split, index)]
    tokens, mask = self.view.tokenizer(captions)
    may = [self.view.flip and flip.may_flip(caption) for caption in captions]
    return {
      "tokens": tokens,
      "text_mask": mask,
      "may_flip": np.array(may),
      "num_captions": np.int32(len(captions)),
    }


def shown(view: view_lib.View) -> view_lib.View:
  """A view of all frames that a clip is rendered in, of which some are drawn.

  Raises:
    ConfigError: a clip has not as many frames as are to be shown.
  """
  fps = toybox.FPS if view.frames == "random" else view.fps
  most = int(motion.DURATION * fps)
  count = view.num_frames if view.frames == "first" else most
  if view.num_frames > most:
    raise errors.ConfigError(
      f"data.num_frames is {view.num_frames}; a clip of the toybox takes "
      f"{motion.DURATION:g} seconds, which are {most} frames at {fps:g} a "
      "second. Give at most those."
    )
  return dataclasses.replace(view, num_frames=count, fps=fps)


class Chunks:
  """Chunks in order, made ahead by processes.

  Attributes:
    stager: what makes them.
  """

  def __init__(self, stager: Stager, num_workers: int = 0):
    """Args: stager; num_workers, processes, of which none are started for 0."""
    self.stager, self._num_workers = stager, num_workers
    self._pool, self._ahead = None, {}

  def __call__(self, chunk: int) -> dict[str, Any]:
    """Waits for a chunk, and begins those that come after it."""
    if not self._num_workers:
      return self.stager(chunk)
    wanted = range(chunk, chunk + 1 + _AHEAD * self._num_workers)
    for k in wanted:
      if k not in self._ahead:
        self._ahead[k] = self._processes().submit(self.stager, k)
    found = self._ahead[chunk].result()
    self._ahead = {k: made for k, made in self._ahead.items() if k in wanted}
    del self._ahead[chunk]
    return found

  def close(self) -> None:
    """Ends the processes; the next chunk starts them again."""
    if self._pool is not None:
      self._pool.shutdown(wait=False, cancel_futures=True)
    self._pool, self._ahead = None, {}

  def _processes(self) -> concurrent.futures.Executor:
    if self._pool is None:
      # Not forked: the accelerator's runtime has threads already.
      self._pool = concurrent.futures.ProcessPoolExecutor(
        self._num_workers, multiprocessing.get_context("spawn")
      )
    return self._pool
