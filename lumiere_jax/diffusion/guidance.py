"""Classifier-free guidance: away from one condition, towards another.

  (1)  guided = w positive + (1 - w) negative

as Imagen writes it: w = 1 is no guidance, w = 0 the negative prompt.  It may be
applied to clean clips, noise or v alike: each is an affine function of the
other for the same noisy clip, and w + (1 - w) = 1 leaves the constant alone.
"""

import jax.numpy as jnp

from lumiere_jax.diffusion import corruption
from lumiere_jax.types import Array


def combine(positive: Array, negative: Array, weight: Array | float) -> Array:
  """Equation (1), in float32.

  Args:
    positive: [B, ...] estimate under the wanted condition.
    negative: [B, ...] estimate under the null or unwanted condition.
    weight: guidance weight, one number or [B].

  Returns:
    [B, ...] float32.
  """
  positive = positive.astype(jnp.float32)
  negative = negative.astype(jnp.float32)
  weight = corruption.expand(weight, positive)
  # In this form equal estimates come back as they are whatever the weight.
  return negative + weight * (positive - negative)
