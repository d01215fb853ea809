r"""A clip whose frames are cut over devices; see `types.Timeline`.

Used inside `jax.shard_map`, where each device sees its own frames alone:

    device 0       device 1       device 2       device 3
  [0 1 2 3 4]    [5 6 7 8 9]    [10 ... 14]    [15 ... 19]     20 frames
   [0 1 2]        [3 4 5]        [6 7 8]        [9 - -]        10 frames

Where the frames do not divide evenly the last devices hold padding, which no
frame ever sees: it counts as the zeros beyond a clip's end in a convolution,
and is masked in attention.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.types import Array


@dataclasses.dataclass(frozen=True)
class Split:
  """Consecutive frames on each device of a mesh axis.

  Attributes:
    num_frames: frames of the whole clip.
    parts: devices along the axis.
    axis: the axis' name in the surrounding `jax.shard_map`.
  """

  num_frames: int
  parts: int
  axis: str = "frames"

  @property
  def per_part(self) -> int:
    """Frames that each device holds, padding included."""
    return -(-self.num_frames // self.parts)

  @property
  def is_even(self) -> bool:
    """Whether no device holds padding."""
    return self.num_frames == self.per_part * self.parts

  def margins(self, x: Array, count: int) -> tuple[Array, int]:
    """Fetches `count` frames from each neighbour, zeros at the clip's ends."""
    if count > self.per_part:
      raise errors.ConfigError(
        f"a convolution looks {count} frames to each side but each of "
        f"{self.parts} devices holds {self.per_part} of {self.num_frames} "
        "frames; make mesh.frames smaller."
      )
    if not self.is_even:
      x = jnp.where(self._own_exists(x.ndim), x, 0)
    # Those who are sent nothing get zeros.
    up = [(i, i + 1) for i in range(self.parts - 1)]
    down = [(j, i) for i, j in up]
    before = jax.lax.ppermute(x[:, -count:], self.axis, up)
    after = jax.lax.ppermute(x[:, :count], self.axis, down)
    return jnp.concatenate([before, x, after], axis=1), 0

  def thin(self, x: Array, factor: int) -> Array:
    """Keeps frames 0, factor, 2 factor... of the whole clip."""
    if self.is_even and self.per_part % factor == 0:
      return x[:, ::factor]
    whole = self.gather(x, 1)[:, : self.num_frames : factor]
    return self.divided(factor).own(whole)

  def divided(self, factor: int) -> "Split":
    """The timeline of every factor-th frame."""
    return dataclasses.replace(self, num_frames=self.num_frames // factor)

  def repeat(self, x: Array, factor: int) -> Array:
    """Shows each frame of the whole clip `factor` times."""
    if self.is_even:
      return jnp.repeat(x, factor, axis=1)
    whole = self.gather(x, 1)[:, : self.num_frames]
    return self.multiplied(factor).own(jnp.repeat(whole, factor, axis=1))

  def multiplied(self, factor: int) -> "Split":
    """The timeline of `factor` times as many frames."""
    return dataclasses.replace(self, num_frames=self.num_frames * factor)

  def gather(self, x: Array, axis: int) -> Array:
    """All frames and the padding, along `axis`."""
    return jax.lax.all_gather(x, self.axis, axis=axis, tiled=True)

  def own(self, whole: Array) -> Array:
    """This device's frames, and padding where there are none."""
    room = [(0, 0)] * whole.ndim
    room[1] = (0, self.per_part * self.parts - self.num_frames)
    return self._part(jnp.pad(whole, room), 1)

  def rows(self, table: Array) -> tuple[Array, Array | None]:
    """This device's rows, all columns, padding included."""
    total = self.per_part * self.parts
    room = [(0, 0)] * (table.ndim - 2) + [(0, total - self.num_frames)] * 2
    own = self._part(jnp.pad(table, room), table.ndim - 2)
    exists = None if self.is_even else jnp.arange(total) < self.num_frames
    return own, exists

  def _part(self, x: Array, axis: int) -> Array:
    start = jax.lax.axis_index(self.axis) * self.per_part
    return jax.lax.dynamic_slice_in_dim(x, start, self.per_part, axis)

  def _own_exists(self, ndim: int) -> Array:
    start = jax.lax.axis_index(self.axis) * self.per_part
    exists = start + jnp.arange(self.per_part) < self.num_frames
    return exists.reshape(1, -1, *(1,) * (ndim - 2))


def split(num_local: int, *, parts: int, axis: str = "frames") -> Split:
  """Timeline of a clip of which each device holds `num_local` frames."""
  return Split(num_local * parts, parts, axis)


def over(mesh: jax.sharding.Mesh, axis: str = "frames"):
  """What makes timelines of clips cut over an axis of a mesh: T -> Split."""
  return functools.partial(split, parts=mesh.shape[axis], axis=axis)
