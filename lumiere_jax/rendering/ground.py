"""The grounds' patterns, all in one table; see `toybox.looks.Ground`."""

import functools

import jax.numpy as jnp
import numpy as np

from lumiere_jax.toybox import looks
from lumiere_jax.toybox import staging
from lumiere_jax.types import Array


def means() -> np.ndarray:
  """[G, 3] mean colours."""
  return np.stack([looks.ground(name).mean for name in staging.GROUNDS])


def color(which: Array, x: Array, z: Array, width: Array) -> Array:
  """Colours [N, 3] of places on a ground.

  Args:
    which: [] int32, number of the ground in `staging.GROUNDS`.
    x: [N] where, in units.
    z: [N] likewise.
    width: [N] units that the pixel is wide that sees it.
  """
  texels, starts, sizes = _table()
  level = jnp.log2(jnp.maximum(width * looks.TEXELS_A_UNIT, 1.0))
  level = jnp.rint(level).astype(jnp.int32).clip(0, len(sizes) - 1)
  start, size = jnp.asarray(starts)[level], jnp.asarray(sizes)[level]
  u, v = (at * (size / looks.TILE) - 0.5 for at in (x, z))
  i, j = jnp.floor(u), jnp.floor(v)
  a, b = (u - i)[:, None], (v - j)[:, None]
  i, j = i.astype(jnp.int32), j.astype(jnp.int32)
  of_ground = jnp.asarray(texels)[which]

  def texel(i, j):
    return of_ground[start + size * (j & (size - 1)) + (i & (size - 1))]

  line = lambda j: texel(i, j) * (1 - a) + texel(i + 1, j) * a
  return line(j) * (1 - b) + line(j + 1) * b


@functools.cache
def _table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Texels [G, K, 3] of all grounds; of each halving where it is, its side."""
  grounds = [looks.ground(name).levels for name in staging.GROUNDS]
  sizes = np.array([len(level) for level in grounds[0]], np.int32)
  starts = np.cumsum([0, *(sizes[:-1] ** 2)], dtype=np.int32)
  flat = [
    np.concatenate([level.reshape(-1, 3) for level in levels])
    for levels in grounds
  ]
  return np.stack(flat), starts, sizes
