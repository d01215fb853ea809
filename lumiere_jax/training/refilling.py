"""Tables that are filled anew while they are drawn from.

A world that is rendered has no last clip, and an accelerator can render it
faster than a host could decode it.  So the tables of `drawing` hold a pool of
clips, of which the oldest make room for others all the time:

  slot      0  1  2  3 |            what is drawn from
  chunk     0  1  2  3 |  at first
            4  1  2  3 |  after as many steps as show a chunk's worth of clips
            4  5  2  3 |  `reuse` times; and so on

What is in the pool at a step is fixed by the number of the step, so that a run
that is stopped goes on as it would have.
"""

from collections.abc import Callable, Mapping
import functools
import time
from typing import Any

from absl import logging
import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax import errors
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.training import drawing
from lumiere_jax.types import Array, Batch

# Chunk -> its columns, of which some become others when they are made.
ChunkSource = Callable[[int], Mapping[str, Any]]
_SAY_EVERY = 10.0  # seconds


class Refilled(drawing.Drawn):
  """Endless global batches of clips that are made as they are needed.

  Attributes:
    settings: what is drawn.
    sources: what the clips are of, for the run record.
    steps_a_chunk: after which a chunk makes room for the next.
  """

  def __init__(
    self,
    chunks: ChunkSource,
    make: Callable[[Mapping[str, Any]], Mapping[str, Array]],
    settings: drawing.Settings,
    mesh: jax.sharding.Mesh,
    *,
    pool: int,
    reuse: int,
    sources=(),
  ):
    """Fills the pool.

    Args:
      chunks: columns of a chunk of n clips, as numpy arrays; may have `close`.
      make: from those to the columns of the tables, video among them; runs on
        the devices, each of which makes all.
      settings: what is drawn.
      mesh: over which each batch is spread.
      pool: clips in the tables, a multiple of n.
      reuse: how often a clip is drawn on average, before it makes room.
      sources: what the clips are of.

    Raises:
      ConfigError: a pool of less than two chunks, or reuse below 1.
    """
    self._chunks, self._mesh, first = chunks, mesh, chunks(0)
    size = len(jax.tree.leaves(first)[0])
    if pool < 2 * size or pool % size or reuse < 1:
      raise errors.ConfigError(
        f"data.pool is {pool} and data.reuse {reuse}; clips come in chunks of "
        f"{size}, so give a pool of {2 * size} or more that is a multiple of "
        "that, and a reuse of 1 or more."
      )
    drawing.require_groups(size, settings.together)
    self._held = [-1] * (pool // size)
    self.steps_a_chunk = max(1, round(reuse * size / settings.batch_size))
    tables = {
      name: _room(column, pool)
      for name, column in jax.eval_shape(make, first).items()
    }
    tables["share"] = _room(jax.ShapeDtypeStruct((1,), jnp.float32), pool) + 1
    super().__init__(tables, settings, mesh, sources=sources)
    self._of |= {"pool": pool, "reuse": reuse}
    self._put = _compiled(make, mesh)

  def __next__(self) -> Batch:
    """A batch of global arrays; see `types`."""
    oldest = self._step // self.steps_a_chunk
    self._fill_from(oldest)
    return super().__next__()

  def set_state(self, state: Mapping[str, Any]) -> None:
    """Goes to where `get_state` was called; see `drawing.Drawn.set_state`."""
    # What was made ahead is of another place, and a loop that ends comes here.
    self.close()
    super().set_state(state)

  def close(self) -> None:
    """Ends what makes chunks; the next batch starts it again."""
    getattr(self._chunks, "close", lambda: None)()

  def _fill_from(self, oldest: int) -> None:
    """Makes those chunks of the pool that are not there; says how far it is."""
    said, count = time.monotonic(), len(self._held)
    for done in range(count):
      chunk = oldest + done
      if self._held[chunk % count] != chunk:
        self._fill(chunk % count, chunk)
      if time.monotonic() - said > _SAY_EVERY:
        said = time.monotonic()
        logging.info("made %d of %d chunks of clips", done + 1, count)

  def _fill(self, slot: int, chunk: int) -> None:
    place = functools.partial(drawing.everywhere, mesh=self._mesh)
    columns = jax.tree.map(place, dict(self._chunks(chunk)))
    shares = {"share": self._tables.pop("share")}
    self._tables = self._put(self._tables, columns, slot) | shares
    self._held[slot] = chunk


def _room(column: jax.ShapeDtypeStruct, pool: int):
  return np.zeros((pool, *column.shape[1:]), column.dtype)


def _compiled(make, mesh):
  """(tables, a chunk's columns, slot) -> tables with that chunk in its slot."""

  def put(tables, columns, slot):
    made = make(columns)

    def into(table, column):
      at = (slot * len(column), *(0,) * (table.ndim - 1))
      return jax.lax.dynamic_update_slice(table, column, at)

    return {name: into(tables[name], made[name]) for name in tables}

  everywhere = meshes.replicated(mesh)
  return jax.jit(put, out_shardings=everywhere, donate_argnums=0)
