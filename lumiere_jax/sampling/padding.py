"""Filling a batch up to a number of clips that devices can share."""

from typing import Any

import jax
import jax.numpy as jnp


def repeat_last(tree: Any, multiple: int) -> Any:
  """Repeats the last clip until the batch is a multiple of `multiple`.

  A real clip, not zeros: it cannot give NaN that were not there anyway.

  Args:
    tree: pytree of arrays [B, ...] (typed keys too), or None.
    multiple: number of devices.

  Returns:
    The same with leading axes rounded up.
  """

  def pad(x):
    size = -(-x.shape[0] // multiple) * multiple
    if size == x.shape[0]:
      return x
    return x[jnp.minimum(jnp.arange(size), x.shape[0] - 1)]

  return jax.tree.map(pad, tree)
