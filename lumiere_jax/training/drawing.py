"""Batches that the accelerator draws by itself from tables that it keeps.

Each clip of a batch is drawn by its share, with replacement: an epoch means
nothing here.  Batch k depends on the seed and k alone, so a run that is
stopped goes on as it would have, on any number of devices.
"""

from collections.abc import Iterator, Mapping
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.types import Array, Batch, TruthBatch, VideoBatch

_STATE_VERSION = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
  """What is drawn of a clip.

  Attributes:
    batch_size: clips in a global batch.
    num_frames: T, of the F that the tables have.
    frames: "first" for all that there are, "clip" for consecutive frames from
      a random one, "random" for distinct frames anywhere, in order.
    crop: pixels of a square at a random place; None for all.
    flip: whether to mirror half of the clips of which it may be done.
    together: clips of the tables, one after the other, that are drawn together
      or not at all, each with its caption of the same number, mirrored or not;
      which frames, and which crop of them, is drawn for each.
    seed: of everything that is drawn.
  """

  batch_size: int
  num_frames: int
  frames: str
  crop: int | None = None
  flip: bool = False
  together: int = 1
  seed: int = 0

  def __post_init__(self):
    if self.together < 1 or self.batch_size % self.together:
      raise errors.ConfigError(
        f"data.together is {self.together} and data.global_batch "
        f"{self.batch_size}; clips that are drawn together are at least 1, and "
        "divide a batch."
      )


class Drawn(Iterator[Batch]):
  """Endless global batches, already where they belong.

  Attributes:
    settings: what is drawn.
    sources: the datasets in the tables, for the run record.
  """

  def __init__(
    self,
    tables: Mapping[str, Any],
    settings: Settings,
    mesh: jax.sharding.Mesh,
    *,
    sources=(),
  ):
    """Puts the tables on every device.

    Args:
      tables: name -> array of `data.resident.Tables`; None ones are left out.
      settings: what is drawn.
      mesh: over which each batch is spread.
      sources: what the tables were made of.
    """
    self.settings, self.sources = settings, tuple(sources)
    self._of = {f"part {k}": one.digest for k, one in enumerate(self.sources)}
    self._of |= {"seed": settings.seed, "global_batch": settings.batch_size}
    self._step = 0
    self._tables = {
      name: everywhere(table, mesh)
      for name, table in tables.items()
      if table is not None
    }
    require_groups(len(self._tables["share"]), settings.together)
    self._draw = _compiled(settings, mesh, self._tables)

  def __next__(self) -> Batch:
    """A batch of global arrays; see `types`."""
    batch = self._draw(self._tables, self._step)
    self._step += 1
    return batch

  def get_state(self) -> dict[str, Any]:
    """Where the next batch is."""
    return {"version": _STATE_VERSION, "step": self._step, "of": self._of}

  def set_state(self, state: Mapping[str, Any]) -> None:
    """Goes to where `get_state` was called.

    Raises:
      DataError: the state is of other data, or of another kind of iterator.
    """
    if state.get("of") != self._of or state["version"] != _STATE_VERSION:
      raise errors.DataError(
        f"the run was interrupted on other data, {state.get('of')}, and the "
        f"recipe says {self._of}; give what it had (data.dataset, data.keep, "
        "data.global_batch, seed), or start a new run with init_from."
      )
    self._step = int(state["step"])

  def close(self) -> None:
    """There is nothing to end."""


def require_groups(clips: int, together: int) -> None:
  """Raises `ConfigError` unless so many clips are groups of `together`."""
  if clips % together:
    raise errors.ConfigError(
      f"data.together is {together} and clips come by {clips}, which is no "
      "multiple of that; leave some out (of a dataset, or of data.pool), or "
      "draw each alone, with --config.data.together=1."
    )


def draw(tables: Mapping[str, Array], settings: Settings, key: Array) -> Batch:
  """One batch; `tables` as in `data.resident.Tables`."""
  keys = iter(jax.random.split(key, 7))
  # Inverse of the distribution function, since shares are those of a few parts.
  ends = jnp.cumsum(tables["share"])
  count, together = settings.batch_size, settings.together
  at = jax.random.uniform(next(keys), (count // together,)) * ends[-1]
  clip = jnp.minimum(jnp.searchsorted(ends, at, side="right"), len(ends) - 1)
  clip = _with_others(clip, together)
  video = _frames(tables["video"], clip, settings, next(keys))
  if settings.crop:
    video = _cropped(video, settings.crop, next(keys))
  if "labels" in tables:
    return TruthBatch(
      video=video, labels=tables["labels"][clip], places=tables["places"][clip]
    )
  drawn = jax.random.uniform(next(keys), (count // together,))
  drawn = jnp.repeat(drawn, together)
  caption = (drawn * tables["num_captions"][clip]).astype(jnp.int32)
  if settings.flip:
    flips = jax.random.bernoulli(next(keys), 0.5, (count // together,))
    may = tables["may_flip"][clip, caption].reshape(-1, together)
    flips = jnp.repeat(flips & may.all(1), together)
    video = jnp.where(
      flips[:, None, None, None, None], video[..., ::-1, :], video
    )
  return VideoBatch(
    video=video,
    tokens=tables["tokens"][clip, caption],
    text_mask=tables["text_mask"][clip, caption],
  )


def _with_others(clip: Array, together: int) -> Array:
  """[B / n] clips -> [B], with those that they are drawn together with."""
  first = clip // together * together
  return (first[:, None] + jnp.arange(together)).reshape(-1)


def _frames(table: Array, clip: Array, settings: Settings, key) -> Array:
  """[N, F, S, S, 3] and [B] clips -> [B, T, S, S, 3]."""
  total, count = table.shape[1], settings.num_frames
  if settings.frames == "first":
    chosen = jnp.broadcast_to(jnp.arange(count), (len(clip), count))
  elif settings.frames == "clip":
    start = jax.random.randint(key, (len(clip), 1), 0, total - count + 1)
    chosen = start + jnp.arange(count)
  else:
    order = jnp.argsort(jax.random.uniform(key, (len(clip), total)), axis=1)
    chosen = jnp.sort(order[:, :count], axis=1)
  return table[clip[:, None], chosen]


def _cropped(video: Array, side: int, key: Array) -> Array:
  """A square of each clip: [B, T, S, S, 3] -> [B, T, side, side, 3]."""
  batch, frames, size = video.shape[:3]
  corner = jax.random.randint(key, (batch, 2), 0, size - side + 1)
  cut = lambda one, at: jax.lax.dynamic_slice(
    one, (0, at[0], at[1], 0), (frames, side, side, 3)
  )
  return jax.vmap(cut)(video, corner)


def _compiled(settings: Settings, mesh, tables):
  """(tables, step) -> a batch, spread over the mesh."""

  def batch(tables, step):
    key = jax.random.fold_in(jax.random.key(settings.seed), step)
    return draw(tables, settings, key)

  shapes = jax.eval_shape(batch, tables, 0)
  places = jax.tree.map(lambda x: meshes.batch_sharding(mesh, x.ndim), shapes)
  return jax.jit(batch, out_shardings=places)


def everywhere(table, mesh) -> Array:
  """A copy of a numpy array on every device of every process."""
  return jax.make_array_from_callback(
    table.shape, meshes.replicated(mesh), lambda index: table[index]
  )
