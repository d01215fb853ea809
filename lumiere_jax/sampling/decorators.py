"""What may be done to a denoiser without the sampler knowing.

Each function takes a `Denoiser` and returns one.  The order matters, from the
inside out:

  keeping(keeping_low_res(thresholded(windowed(guided(denoise)))))

Guidance comes first because it is what drives pixels out of range; windows are
averaged before the threshold so that one percentile of the whole clip scales
all of it, lest neighbouring windows differ in contrast; what is given is put
back at the very end, so that it comes out as it went in.
"""

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import guidance
from lumiere_jax.diffusion import threshold
from lumiere_jax.sampling import membrane
from lumiere_jax.types import Array, Condition, Denoiser, Estimate, Guided


def guided(denoise: Denoiser, weight: float) -> Denoiser:
  """Guides by a condition and a negative one, in one call of twice the batch.

  The pair of clip b stands at 2 b and 2 b + 1 of the doubled batch, so that a
  batch cut over devices stays where it is.  Learned variance is that of the
  positive condition.

  Args:
    denoise: takes a `Condition` of any batch size.
    weight: guidance weight; 1 is none, and then the negative is not computed.

  Returns:
    A denoiser that takes a `Guided`; or, for weight 1, either.
  """

  def denoise_guided(noisy: Array, t: Array, condition) -> Estimate:
    if weight == 1:
      is_guided = isinstance(condition, Guided)
      return denoise(noisy, t, condition.positive if is_guided else condition)
    _require_alike(condition, weight)
    both = jax.tree.map(_interleave, condition.positive, condition.negative)
    estimate = denoise(jnp.repeat(noisy, 2, 0), jnp.repeat(t, 2, 0), both)
    positive, negative = (
      jax.tree.map(lambda x, i=i: x[i::2], estimate) for i in (0, 1)
    )
    clean = guidance.combine(positive.clean, negative.clean, weight)
    return positive._replace(clean=clean)

  return denoise_guided


def thresholded(
  denoise: Denoiser, percentile: float = 0.995, maximum: float | None = None
) -> Denoiser:
  """Thresholds each clip's estimate; see `diffusion.threshold.dynamic`."""

  def denoise_thresholded(noisy: Array, t: Array, condition) -> Estimate:
    estimate = denoise(noisy, t, condition)
    clean = threshold.dynamic(estimate.clean, percentile, maximum)
    return estimate._replace(clean=clean)

  return denoise_thresholded


def keeping_low_res(denoise: Denoiser, low_res: Array) -> Denoiser:
  """Makes each estimate, shrunk again, the low-resolution clip that it is of.

  (1)  x <- x + enlarge(low_res - shrink(x))

  twice, since enlarging rounds off what it hands back (iterative
  back-projection; Irani and Peleg 1991).  What is painted is then finer than
  that clip and nothing else: it has its light, its colours and its motion.

  Args:
    denoise: of super-resolution.
    low_res: [B, T, h, w, 3] float32 in [-1, 1], before any noise.
  """

  def denoise_keeping(noisy: Array, t: Array, condition) -> Estimate:
    estimate = denoise(noisy, t, condition)
    clean = estimate.clean
    for _ in range(2):
      missing = low_res - corruption.shrink(clean, *low_res.shape[2:4])
      clean = clean + jax.image.resize(missing, clean.shape, "cubic")
    return estimate._replace(clean=clean)

  return denoise_keeping


def keeping(denoise: Denoiser, stiffness: float | None = None) -> Denoiser:
  """Puts the pixels that are given into each estimate, if any are.

  The network is told of them (Lumiere, section 4) and comes near; after this
  they are the same to the bit.

  Args:
    denoise: takes a `Condition` or a `Guided`.
    stiffness: of the membrane by which what is painted then meets them, see
      `membrane.meet`; None to put them in and no more.
  """

  def denoise_keeping(noisy: Array, t: Array, condition) -> Estimate:
    estimate = denoise(noisy, t, condition)
    is_guided = isinstance(condition, Guided)
    given = getattr(
      condition.positive if is_guided else condition, "given", None
    )
    if given is None:
      return estimate
    if stiffness is None:
      clean = jnp.where(given.known > 0.5, given.video, estimate.clean)
    else:
      clean = membrane.meet(estimate.clean, given, stiffness)
    return estimate._replace(clean=clean)

  return denoise_keeping


def _interleave(positive: Array, negative: Array) -> Array:
  """Two of [B, ...] -> [2 B, ...], taking turns."""
  pairs = jnp.stack([positive, negative], axis=1)
  return pairs.reshape(-1, *positive.shape[1:])


def _require_alike(condition: Guided | Condition, weight: float) -> None:
  """Refuses a lone condition, or a pair that cannot stand in one batch."""
  if not isinstance(condition, Guided):
    raise errors.ConfigError(
      f"guidance weight is {weight}, but there is no negative condition to "
      "guide away from. Give types.Guided(positive=..., negative=...), or use "
      "weight 1."
    )
  positive, negative = (
    [x.shape for x in jax.tree.leaves(c)]
    for c in (condition.positive, condition.negative)
  )
  if positive != negative:
    raise errors.ShapeError(
      f"positive condition has leaves of shapes {positive}, negative "
      f"{negative}; guidance puts both in one batch, so they must be the same. "
      "Pad both prompts to one number of tokens."
    )
