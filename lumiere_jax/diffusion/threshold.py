"""Dynamic thresholding: keeps strong guidance from saturating pixels.

For each clip (Imagen, section 2.3, there per picture)

  (1)  s = the percentile of |clean| over all pixels of the clip
  (2)  s <- max(s, 1), and at most `maximum` where one is given
  (3)  clean <- clip(clean, -s, s) / s, which is clip(clean / s, -1, 1)

One s for a whole clip: one for each frame would make brightness flicker.

A clip of 80 x 1024 x 1024 x 3 has 250 million values, too many to sort at each
step.  The bits of non-negative float32 numbers are ordered as the numbers are,
so 31 halvings of the range of bits, each a count over the clip, find the value
of any rank exactly; a count is an integer sum, hence also the same however the
clip is cut over devices.
"""

import math

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.types import Array

_LARGEST_BITS = 0x7F800000  # infinity


def dynamic(
  clean: Array, percentile: float = 0.995, maximum: float | None = None
) -> Array:
  """Thresholds each clip, equations (1) to (3).

  Args:
    clean: [B, ...] estimate of clean clips, nominally in [-1, 1].
    percentile: fraction in [0, 1] of magnitudes that are kept below s; 1 with
      `maximum` 1 is plain clipping.
    maximum: largest s, at least 1; None for no limit.

  Returns:
    [B, ...] float32 in [-1, 1].

  Raises:
    ConfigError: percentile outside [0, 1] or maximum below 1.
  """
  require_valid(percentile, maximum)
  clean = clean.astype(jnp.float32)
  s = jnp.maximum(magnitude_percentile(clean, percentile), 1.0)
  if maximum is not None:
    s = jnp.minimum(s, maximum)
  s = corruption.expand(s, clean)
  # Clipped last: s times a rounded 1 / s may be more than 1.
  return jnp.clip(clean / s, -1, 1)


def require_valid(percentile: float, maximum: float | None) -> None:
  """Raises `ConfigError` for settings that `dynamic` cannot take."""
  if not 0 <= percentile <= 1:
    raise errors.ConfigError(
      f"threshold percentile is {percentile}; it is a fraction and must be "
      f"between 0 and 1. Imagen's is 0.995."
    )
  if maximum is not None and maximum < 1:
    raise errors.ConfigError(
      f"threshold maximum is {maximum}; below 1 it would cut pixels that are "
      "in range. Use 1 or more, or none."
    )


def magnitude_percentile(x: Array, percentile: float) -> Array:
  """Percentile of |x| over all axes but the first: [B, ...] -> [B] float32.

  The same as `jnp.quantile` of the absolute value with linear interpolation,
  without sorting.  Nor are axes merged: on a TPU a copy of [T, H, W, 3] in that
  order takes 43 times its room.
  """
  magnitude = jnp.abs(x.astype(jnp.float32))
  axes = tuple(range(1, x.ndim))
  position = percentile * (math.prod(x.shape[1:]) - 1)
  rank = math.floor(position)
  below = _value_of_rank(magnitude, rank)
  # The next value up is either equal (ties) or the smallest of the larger.
  larger = magnitude > corruption.expand(below, magnitude)
  has_tie = jnp.sum(~larger, axis=axes) > rank + 1
  above = jnp.min(magnitude, axis=axes, where=larger, initial=jnp.inf)
  above = jnp.where(has_tie | ~jnp.isfinite(above), below, above)
  return below + (position - rank) * (above - below)


def _value_of_rank(magnitude: Array, rank: int) -> Array:
  """The `rank`-th smallest (from 0) of each row: [B, ...] -> [B]."""
  axes = tuple(range(1, magnitude.ndim))
  bits = jax.lax.bitcast_convert_type(magnitude, jnp.int32)

  def halve(_, bounds):
    low, high = bounds  # the answer's bits are in [low, high]
    middle = low + (high - low) // 2
    is_enough = (
      jnp.sum(bits <= corruption.expand(middle, bits), axis=axes) > rank
    )
    return jnp.where(is_enough, low, middle + 1), jnp.where(
      is_enough, middle, high
    )

  low = jnp.zeros(magnitude.shape[0], jnp.int32)
  low, _ = jax.lax.fori_loop(
    0, 31, halve, (low, jnp.full_like(low, _LARGEST_BITS))
  )
  return jax.lax.bitcast_convert_type(low, jnp.float32)
