"""Writing checkpoints in the background, and reading them back.

Orbax writes the arrays, each process its own part, into a hidden folder;
then process 0 lists what is there with checksums, and the folder takes its
final name.  Whatever stops us before that leaves nothing at that name.
"""

from collections.abc import Mapping, Sequence
import contextlib
import dataclasses
import os
import pathlib
import threading
import time
from typing import Any

from absl import logging
import jax
import numpy as np
import orbax.checkpoint as ocp

from lumiere_jax import errors
from lumiere_jax.checkpoints import checksums
from lumiere_jax.checkpoints import folder

# Processes that wait for one that failed give up after this.
_BARRIER_SECONDS = 300


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
  """How a save ended.

  Attributes:
    step: of the checkpoint.
    blocked: seconds in which nothing else could be done.
    background: seconds from then until it had its final name.
    sealing: of those, seconds for checksums.
    nbytes: of all files; 0 on processes other than the first.
    error: what went wrong, or None.
  """

  step: int
  blocked: float
  background: float = 0.0
  sealing: float = 0.0
  nbytes: int = 0
  error: BaseException | None = None


class Store:
  """The checkpoints of one run, for writing; one save at a time.

  Every process of the job has one and calls it alike.
  """

  def __init__(self, workdir: str | os.PathLike):
    self.workdir = workdir
    if jax.process_index() == 0:
      folder.clean(workdir)
    self._writer = ocp.AsyncCheckpointer(
      ocp.CompositeCheckpointHandler(),
      async_options=ocp.AsyncOptions(
        timeout_secs=_BARRIER_SECONDS,
        # A folder that cannot be made is known at once.
        create_directories_asynchronously=False,
      ),
    )
    self._thread: threading.Thread | None = None
    self._outcome: Outcome | None = None

  def start(
    self, step: int, trees: Mapping[str, Any], notes: Mapping[str, Any]
  ) -> None:
    """Begins a save; returns once the arrays may change.

    What goes wrong, here or later, is part of the outcome.

    Args:
      step: names the checkpoint.
      trees: item -> tree of arrays, global ones where there are many processes.
      notes: item -> JSON values.
    """
    self.wait()
    began = time.monotonic()
    args = {k: ocp.args.StandardSave(tree) for k, tree in trees.items()}
    args |= {k: ocp.args.JsonSave(value) for k, value in notes.items()}
    to = folder.unsealed(self.workdir, step)
    try:
      self._writer.save(to, args=ocp.args.Composite(**args), force=True)
    except Exception as error:
      self._clear()
      self._outcome = Outcome(
        step=step, blocked=time.monotonic() - began, error=error
      )
      return
    blocked = time.monotonic() - began
    self._thread = threading.Thread(
      target=self._finish, args=(step, blocked), name="sealing"
    )
    self._thread.start()

  def is_busy(self) -> bool:
    """Whether a save is under way."""
    return self._thread is not None and self._thread.is_alive()

  def wait(self, seconds: float | None = None) -> bool:
    """Waits for the save under way, at most so long; whether it ended."""
    if self._thread is not None:
      self._thread.join(seconds)
    return not self.is_busy()

  def outcome(self) -> Outcome | None:
    """How the last save ended, once; None while it is under way."""
    if self.is_busy():
      return None
    found, self._outcome, self._thread = self._outcome, None, None
    return found

  def close(self) -> None:
    """Waits, then releases what Orbax holds."""
    self.wait()
    with contextlib.suppress(Exception):  # of a save that failed: told before
      self._writer.close()

  def _clear(self) -> None:
    # What a failed save left takes the room of the next.
    if jax.process_index() == 0:
      folder.clean(self.workdir)

  def _finish(self, step: int, blocked: float) -> None:
    began, sealing, nbytes, error = time.monotonic(), 0.0, 0, None
    try:
      self._writer.wait_until_finished()
      if jax.process_index() == 0:
        start = time.monotonic()
        nbytes = seal(self.workdir, step)
        sealing = time.monotonic() - start
    except BaseException as caught:
      error = caught
      self._clear()
    self._outcome = Outcome(
      step=step,
      blocked=blocked,
      background=time.monotonic() - began,
      sealing=sealing,
      nbytes=nbytes,
      error=error,
    )


def seal(workdir: str | os.PathLike, step: int) -> int:
  """Gives what Orbax wrote its checksums and its name; returns its bytes."""
  written, final = folder.unsealed(workdir, step), folder.of(workdir, step)
  nbytes = checksums.write(written)
  if final.exists():
    folder.remove(workdir, step)
  os.rename(written, final)
  _flush(final.parent)
  return nbytes


def _flush(path: pathlib.Path) -> None:
  # A name is on disk once its folder is.
  handle = os.open(path, os.O_RDONLY)
  try:
    os.fsync(handle)
  finally:
    os.close(handle)


def read(
  path: pathlib.Path, trees: Mapping[str, Any], notes: tuple[str, ...] = ()
) -> dict[str, Any]:
  """Reads items of a checkpoint into the shapes and places given.

  Args:
    path: its folder.
    trees: item -> tree of arrays, or of `jax.ShapeDtypeStruct` with shardings.
    notes: items of JSON values.
  """
  abstract = lambda tree: jax.tree.map(ocp.utils.to_shape_dtype_struct, tree)
  args = {k: ocp.args.StandardRestore(abstract(v)) for k, v in trees.items()}
  args |= {k: ocp.args.JsonRestore() for k in notes}
  with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as reader:
    found = reader.restore(path, args=ocp.args.Composite(**args))
  return {name: found[name] for name in args}


def read_host(path: pathlib.Path, items: Sequence[str]) -> list[Any]:
  """Reads items as trees of numpy arrays, in the shapes they were saved in."""
  found = []
  with ocp.StandardCheckpointer() as reader:
    for item in items:
      with _quietly():
        saved = reader.metadata(path / item).item_metadata.tree
      host = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), saved)
      found.append(reader.restore(path / item, host))
  return found


def shapes(path: pathlib.Path, item: str) -> dict[str, tuple[int, ...]]:
  """Name -> shape of the arrays of an item, as saved."""
  with _quietly(), ocp.StandardCheckpointer() as reader:
    tree = reader.metadata(path / item).item_metadata.tree
  return names(tree)


def names(tree) -> dict[str, tuple[int, ...]]:
  """Name -> shape of the arrays of a tree; names are joined by slashes."""
  found = jax.tree_util.tree_flatten_with_path(tree)[0]
  return {_name(path): tuple(np.shape(leaf)) for path, leaf in found}


def check_fits(path: pathlib.Path, trees: Mapping[str, Any]) -> None:
  """Refuses trees that are not those of a checkpoint.

  Raises:
    WeightsError: an array is there alone, here alone, or has another shape.
  """
  for item, tree in trees.items():
    saved, wanted = shapes(path, item), names(tree)
    for name in sorted(saved.keys() | wanted.keys()):
      if saved.get(name) != wanted.get(name):
        raise errors.WeightsError(
          f"{item} {name} is {saved.get(name)} in the checkpoint {path} and "
          f"{wanted.get(name)} by the recipe; give the sections model, text "
          "and optimizer of the run, or another --workdir."
        )


def _name(path) -> str:
  # A checkpoint has names where the program has fields and places in tuples.
  part = lambda key: getattr(
    key, "key", getattr(key, "name", getattr(key, "idx", None))
  )
  return "/".join(str(part(key)) for key in path)


@contextlib.contextmanager
def _quietly():
  # An item of a composite checkpoint has no metadata file of its own, which
  # orbax says for each at every load.
  level = logging.get_verbosity()
  logging.set_verbosity(logging.ERROR)
  try:
    yield
  finally:
    logging.set_verbosity(level)
