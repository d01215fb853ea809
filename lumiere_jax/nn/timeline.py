"""A clip whose frames are all on one device; see `types.Timeline`."""

import dataclasses

import jax.numpy as jnp

from lumiere_jax.types import Array


@dataclasses.dataclass(frozen=True)
class Whole:
  """All frames here.

  Attributes:
    num_frames: frames of the clip.
  """

  num_frames: int

  def margins(self, x: Array, count: int) -> tuple[Array, int]:
    """Leaves all of the margin to the convolution's own padding."""
    return x, count

  def thin(self, x: Array, factor: int) -> Array:
    """Keeps frames 0, factor, 2 factor..."""
    return x[:, ::factor]

  def divided(self, factor: int) -> "Whole":
    """The timeline of every factor-th frame."""
    return Whole(self.num_frames // factor)

  def repeat(self, x: Array, factor: int) -> Array:
    """Shows each frame `factor` times."""
    return jnp.repeat(x, factor, axis=1)

  def multiplied(self, factor: int) -> "Whole":
    """The timeline of `factor` times as many frames."""
    return Whole(self.num_frames * factor)

  def gather(self, x: Array, axis: int) -> Array:
    """Nothing is missing."""
    del axis
    return x

  def own(self, whole: Array) -> Array:
    """All are."""
    return whole

  def rows(self, table: Array) -> tuple[Array, None]:
    """All of the table is this device's."""
    return table, None
