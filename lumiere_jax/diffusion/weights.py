"""How much each diffusion time counts in the loss.

The loss is the mean squared error of whatever the network predicts.  An error
d in the clean clip is an error c d in that prediction, where

  (1)  c^2 = 1 (clean),  snr (noise),  1 + snr (v),  snr (1 + snr) (score)

so a weight w on the clean clip's error is the weight w / c^2 on the
prediction's.  Min-SNR (Hang et al. 2023) is

  (2)  w = min(snr, gamma)

"velocity" counts an error as it would count were v predicted, as far as

  (3)  w = min(1 + snr, gamma)

so that a network of the clean clip is taught high noise, too, where (2) counts
it for nothing and a prompt decides; "uniform" leaves the prediction's own
error as it is.
"""

from collections.abc import Callable

import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import parameterization
from lumiere_jax.types import Array

# (logsnr [B], prediction kind) -> weight [B] float32
Weight = Callable[[Array, str], Array]
WEIGHTS = ("uniform", "min_snr", "velocity")


def uniform(logsnr: Array, kind: str) -> Array:
  """One for every clip: [B] -> [B] float32."""
  parameterization.canonical(kind)
  return jnp.ones_like(logsnr, jnp.float32)


def min_snr(logsnr: Array, kind: str, *, gamma: float = 5.0) -> Array:
  """Equation (2), on the error of the prediction.

  Args:
    logsnr: [B] float32 log signal-to-noise ratio of each clip.
    kind: what the network predicts.
    gamma: SNR from which on the clean clip's error counts no more.

  Returns:
    [B] float32 weights.
  """
  snr = jnp.exp(jnp.asarray(logsnr, jnp.float32))
  return jnp.minimum(snr, gamma) / _scale(snr, kind)


def velocity(logsnr: Array, kind: str, *, gamma: float = 5.0) -> Array:
  """Equation (3), on the error of the prediction; as `min_snr`."""
  snr = jnp.exp(jnp.asarray(logsnr, jnp.float32))
  return jnp.minimum(1 + snr, gamma) / _scale(snr, kind)


def _scale(snr: Array, kind: str) -> Array | float:
  """Equation (1)."""
  scale = {"clean": 1.0, "noise": snr, "v": 1 + snr, "score": snr * (1 + snr)}
  return scale[parameterization.canonical(kind)]


def build(name: str = "min_snr", *, gamma: float = 5.0) -> Weight:
  """Makes a weighting from its name in a recipe.

  Args:
    name: "uniform", "min_snr" or "velocity".
    gamma: see `min_snr` and `velocity`; must be positive.

  Returns:
    A function of (logsnr [B], kind).

  Raises:
    ConfigError: the name is unknown or gamma is not positive.
  """
  errors.require_one_of("loss weight", name, WEIGHTS)
  if gamma <= 0:
    raise errors.ConfigError(
      f"min-SNR gamma is {gamma}; it is a signal-to-noise ratio and must be "
      "positive. The usual one is 5."
    )
  if name == "uniform":
    return uniform
  of = {"min_snr": min_snr, "velocity": velocity}[name]
  return lambda logsnr, kind: of(logsnr, kind, gamma=gamma)
