"""The loss every stage trains on.

  (1)  loss_b = w(logsnr_b, kind) mean over pixels of (prediction - target)^2

one number per clip, so that the training loop may average clips, mask padded
ones or report the loss by noise level.
"""

import jax.numpy as jnp

from lumiere_jax.diffusion import parameterization
from lumiere_jax.diffusion import weights
from lumiere_jax.types import Array


def denoising_loss(
  kind: str,
  prediction: Array,
  clean: Array,
  noise: Array,
  alpha: Array,
  sigma: Array,
  logsnr: Array,
  weight: str | weights.Weight,
) -> Array:
  """Weighted mean squared error of each clip, equation (1), in float32.

  Args:
    kind: what the network predicts; see `parameterization.KINDS`.
    prediction: [B, ...] its output, any float dtype.
    clean: [B, ...] the clip before noise was added.
    noise: [B, ...] the noise that was added.
    alpha: [B] scale of the signal.
    sigma: [B] scale of the noise.
    logsnr: [B] log signal-to-noise ratio.
    weight: one of `weights.WEIGHTS`, or a function from `weights.build`.

  Returns:
    [B] float32.
  """
  f32 = lambda x: jnp.asarray(x, jnp.float32)
  if isinstance(weight, str):
    weight = weights.build(weight)
  wanted = parameterization.target(
    kind, f32(clean), f32(noise), f32(alpha), f32(sigma)
  )
  squared = jnp.square(f32(prediction) - wanted)
  mean = jnp.mean(squared, axis=tuple(range(1, squared.ndim)))
  return weight(f32(logsnr), kind) * mean
