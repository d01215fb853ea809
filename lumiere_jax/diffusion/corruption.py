"""Turning clean clips into noisy ones, in one line and in one place.

  (1)  noisy = alpha clean + sigma noise

alpha and sigma are one number per clip ([B]); `expand` gives them the trailing
axes of whatever they multiply, so that no other file has to.
"""

import math

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules
from lumiere_jax.types import Array

# The level at which a low-resolution clip is noised is a time of this schedule
# whatever the stage's own: it is noise on a small picture, so the shift of a
# schedule for large ones does not apply, and training and sampling must agree.
AUGMENTATION = schedules.Cosine()


def expand(values: Array, like: Array) -> Array:
  """Appends axes of size one: [B] (or []) -> [B, 1, ...], as many as `like`.

  Args:
    values: any array whose axes are the first axes of `like`, or broadcast
      against them; one that has all the axes is returned as it is.
    like: array that the result must broadcast against.

  Returns:
    `values` with the number of axes of `like`.

  Raises:
    ShapeError: `values` has more axes than `like`.
  """
  values = jnp.asarray(values)
  missing = jnp.ndim(like) - values.ndim
  if missing < 0:
    raise errors.ShapeError(
      f"values of shape {values.shape} cannot be expanded to the "
      f"{jnp.ndim(like)} axes of {jnp.shape(like)}: they need at most as many. "
      "Give one value per clip, of shape [B]."
    )
  if values.ndim == 0:
    return values
  return values.reshape(*values.shape, *(1,) * missing)


def add_noise(clean: Array, noise: Array, alpha: Array, sigma: Array) -> Array:
  """Equation (1).

  Args:
    clean: [B, ...] float32, the clip without noise.
    noise: [B, ...] float32, standard normal.
    alpha: [B] scale of the clean clip.
    sigma: [B] scale of the noise.

  Returns:
    [B, ...] the noisy clip.
  """
  return expand(alpha, clean) * clean + expand(sigma, noise) * noise


def share(own: Array, common: Array, shared: float) -> Array:
  """Noise of frames that have a part of it in common (Ge et al. 2023, PYoCo).

  (2)  noise = sqrt(shared) common + sqrt(1 - shared) own

  Standard normal in each frame, as both parts are, but of two frames of one
  clip correlated by `shared`.  What is the same in all frames of a clip then
  looks to the network as it did in a single image, and frames that should be
  alike begin alike.

  Args:
    own: [..., T, H, W, C] float32, noise of each frame's own.
    common: [..., 1, H, W, C] float32, noise of the clip.
    shared: in [0, 1), share of the variance that frames have in common.

  Returns:
    [..., T, H, W, C] float32.
  """
  return math.sqrt(shared) * common + math.sqrt(1 - shared) * own


def require_share(shared: float) -> None:
  """Raises `ConfigError` unless `shared` is one that (2) takes."""
  if not 0 <= shared < 1:
    raise errors.ConfigError(
      f"shared_noise is {shared}; it is the share of noise that the frames of "
      "a clip have in common, at least 0 and below 1."
    )


def augment(low_res: Array, noise: Array, level: Array) -> Array:
  """Noises the clip that conditions super-resolution (Imagen, section 2.4).

  Args:
    low_res: [B, T, h, w, 3] float32 in [-1, 1].
    noise: the same shape, standard normal.
    level: [B] float32 in [0, 1], a time of the cosine schedule; it is what the
      network is told as `Condition.noise_level`.

  Returns:
    [B, T, h, w, 3] float32.
  """
  alpha, sigma = AUGMENTATION.alpha(level), AUGMENTATION.sigma(level)
  return add_noise(low_res, noise, alpha, sigma)


def enlarge(video: Array, height: int, width: int) -> Array:
  """Bilinear, corners on corners, as DeepFloyd IF's upsamplers were trained.

  Args:
    video: [B, T, h, w, 3] float32.
    height: H.
    width: W.

  Returns:
    [B, T, H, W, 3] float32.
  """
  sizes = video.shape[-3:-1], (height, width)
  scale = jnp.array(
    [(new - 1) / max(old - 1, 1) for old, new in zip(*sizes, strict=True)]
  )
  # Centres of pixels lie at halves there: 0 is to go to 0.
  return jax.image.scale_and_translate(
    video,
    (*video.shape[:-3], height, width, video.shape[-1]),
    (video.ndim - 3, video.ndim - 2),
    scale,
    (1 - scale) / 2,
    "linear",
    antialias=False,
  )
