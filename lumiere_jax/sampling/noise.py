"""All random numbers of sampling, drawn for each clip from its own key.

Every tensor is drawn for one whole clip from (key of the clip, purpose, step).
So the pixels of a clip depend neither on the clips beside it, nor on how many
devices share the work, nor on how its frames are cut into windows; and windows
that share a frame share its noise.  Were each window given its own, averaging
the overlap would halve the variance of the noise there.
"""

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.types import Array

# What a draw is for; folded into the key, so that no two purposes share noise.
_INITIAL, _STEP, _LOW_RES, _SSR, _COMMON = range(5)
NOTHING = corruption.Shared()


def clip_keys(seed: int, indices: Array) -> Array:
  """Keys of single clips.

  Args:
    seed: the user's seed.
    indices: [B] int, which of the seed's clips: 0 to B - 1 for the first B.

  Returns:
    [B] typed keys.
  """
  # Named, because the faster "rbg" keys that TPU users may make the default
  # give other numbers when they are drawn as a batch.
  base = jax.random.key(seed, impl="threefry2x32")
  return jax.vmap(jax.random.fold_in, (None, 0))(base, jnp.asarray(indices))


def for_ssr(keys: Array) -> Array:
  """Keys of the same clips ([B] -> [B]) for a later stage of the cascade."""
  return _fold(keys, _SSR)


def initial(
  keys: Array, shape: tuple[int, ...], shared: corruption.Shared = NOTHING
) -> Array:
  """Noise that sampling starts from: [B, *shape] float32.

  Args:
    keys: [B] typed keys.
    shape: (T, H, W, C) of one clip.
    shared: what its frames have in common.
  """
  return _draw(_fold(keys, _INITIAL), shape, shared)


def at_step(
  keys: Array,
  step: Array,
  shape: tuple[int, ...],
  shared: corruption.Shared = NOTHING,
) -> Array:
  """Noise that the solver adds in one step; see `initial`."""
  return _draw(_fold(_fold(keys, _STEP), step), shape, shared)


def low_res(
  keys: Array, shape: tuple[int, ...], shared: corruption.Shared = NOTHING
) -> Array:
  """Noise that augments the low-resolution clip; see `initial`."""
  return _draw(_fold(keys, _LOW_RES), shape, shared)


def require_keys(keys: Array) -> None:
  """Raises `ShapeError` unless `keys` are typed keys of shape [B]."""
  is_key = jnp.issubdtype(keys.dtype, jax.dtypes.prng_key)
  if not is_key or keys.ndim != 1:
    raise errors.ShapeError(
      f"keys have shape {keys.shape} and dtype {keys.dtype}; sampling needs "
      "one typed key for each clip, [B]. noise.clip_keys(seed, range(B)) "
      "makes them."
    )


def _fold(keys: Array, data: Array | int) -> Array:
  return jax.vmap(jax.random.fold_in, (0, None))(keys, data)


def _draw(
  keys: Array, shape: tuple[int, ...], shared: corruption.Shared = NOTHING
) -> Array:
  own = _normal(keys, shape)
  if not shared:
    return own
  common = _normal(_fold(keys, _COMMON), (1, *shape[1:]))
  return shared.mix(own, common)


def _normal(keys: Array, shape: tuple[int, ...]) -> Array:
  return jax.vmap(lambda key: jax.random.normal(key, shape))(keys)
