"""Relative position bias with T5's buckets, for text and for time.

Distances fall into buckets that are exact when near and logarithmic when far,
so one table serves sequences of any length (Raffel et al. 2020, section 2.1;
Video Diffusion Models uses relative positions for its temporal attention).
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from lumiere_jax.nn import initial
from lumiere_jax.types import Array


def bucket(
  distance: np.ndarray, num_buckets: int, max_distance: int
) -> np.ndarray:
  """Bucket of each signed distance (key minus query), T5's bidirectional one.

  Args:
    distance: int array of any shape, in positions.
    num_buckets: number of buckets, half for each direction.
    max_distance: distances from here on share the last bucket.

  Returns:
    int array of the shape of `distance`, in [0, num_buckets).
  """
  half = num_buckets // 2
  exact = half // 2
  size = np.abs(distance)
  ratio = np.log(np.maximum(size, 1) / exact) / np.log(max_distance / exact)
  far = np.minimum(exact + (ratio * (half - exact)).astype(int), half - 1)
  return np.where(distance > 0, half, 0) + np.where(size < exact, size, far)


class RelativeBias(nn.Module):
  """Learned bias of attention logits: length -> [1, heads, length, length].

  Attributes:
    heads: number of attention heads.
    num_buckets: see `bucket`.
    max_distance: see `bucket`.
    init: initialiser of the table [num_buckets, heads].
  """

  heads: int
  num_buckets: int = 32
  max_distance: int = 128
  init: initial.Initial = initial.ZEROS

  @nn.compact
  def __call__(self, length: int) -> Array:
    table = initial.param(
      self,
      "table",
      initial.named(self.init, (None, "heads")),
      (self.num_buckets, self.heads),
    )
    position = np.arange(length)
    buckets = bucket(
      position[None, :] - position[:, None], self.num_buckets, self.max_distance
    )
    return jnp.moveaxis(table[buckets], -1, 0)[None]
