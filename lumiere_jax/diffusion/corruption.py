"""Turning clean clips into noisy ones, in one line and in one place.

  (1)  noisy = alpha clean + sigma noise

alpha and sigma are one number per clip ([B]); `expand` gives them the trailing
axes of whatever they multiply, so that no other file has to.
"""

import dataclasses
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


@dataclasses.dataclass(frozen=True)
class Shared:
  """How much of their noise the frames of a clip have in common.

  (2)  noise = sqrt(share) common + sqrt(1 - share) own

  is mixed noise (Ge et al. 2023, PYoCo).  Standard normal in each frame, as
  both parts are, but of two frames of one clip correlated by `share`: what is
  the same in all frames of a clip looks to the network as it did in a single
  image, and frames that should be alike begin alike.

  With a `patch`, (2) holds for what is left of each once its means over patches
  of so many pixels are taken off, and those are all of the common noise:

  (3)  noise = means(common) + (2) of (common - means) and (own - means)

  Each frame is standard normal still.  A network that is young takes what is
  broad in a frame's noise for its light: where that differs from frame to
  frame, so does the clip's, and flickers.

  Attributes:
    share: in [0, 1], of the variance; of 1, all frames have one noise.
    patch: pixels of a patch's side; None for (2) alone.

  Raises:
    ConfigError: a share or a patch that cannot be.
  """

  share: float = 0.0
  patch: int | None = None

  def __post_init__(self):
    if not 0 <= self.share <= 1:
      raise errors.ConfigError(
        f"shared_noise is {self.share}; it is the share of noise that the "
        "frames of a clip have in common, at least 0 and at most 1."
      )
    if self.patch is not None and self.patch < 2:
      raise errors.ConfigError(
        f"shared_patch is {self.patch}; it is the side of a patch in pixels, "
        "at least 2. Leave it out to share no means."
      )

  def __bool__(self) -> bool:
    return bool(self.share or self.patch)

  def mix(self, own: Array, common: Array) -> Array:
    """Equation (2), or (3).

    Args:
      own: [..., T, H, W, C] float32, noise of each frame's own.
      common: [..., 1, H, W, C] float32, noise of the clip.

    Returns:
      [..., T, H, W, C] float32.

    Raises:
      ShapeError: the patches do not tile a frame.
    """
    if self.patch is None:
      return self._mix(own, common)
    for name, size in zip(("height", "width"), own.shape[-3:-1], strict=True):
      because = "shared_patch cuts noise into patches of so many pixels"
      errors.require_divisible(
        f"frame {name}", size, self.patch, because=because
      )
    means = patch_means(common, self.patch)
    fine = own - patch_means(own, self.patch)
    return means + self._mix(fine, common - means)

  def _mix(self, own: Array, common: Array) -> Array:
    return math.sqrt(self.share) * common + math.sqrt(1 - self.share) * own


def patch_means(noise: Array, patch: int) -> Array:
  """Each pixel becomes the mean of its patch: [..., H, W, C] -> the same."""
  *lead, height, width, channels = noise.shape
  tiles = noise.reshape(
    *lead, height // patch, patch, width // patch, patch, channels
  )
  means = tiles.mean((-4, -2), keepdims=True)
  return jnp.broadcast_to(means, tiles.shape).reshape(noise.shape)


def shrink(video: Array, height: int, width: int) -> Array:
  """Means over areas, as frames that are read are shrunk (`video.resize`).

  Args:
    video: [B, T, H, W, C] float32.
    height: h, which divides H.
    width: w, which divides W.

  Returns:
    [B, T, h, w, C] float32.

  Raises:
    ShapeError: they do not.
  """
  *lead, rows, columns, channels = video.shape
  because = "shrinking takes means over whole pixels"
  errors.require_divisible("frame height", rows, height, because=because)
  errors.require_divisible("frame width", columns, width, because=because)
  areas = (height, rows // height, width, columns // width)
  return video.reshape(*lead, *areas, channels).mean((-4, -2))


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
