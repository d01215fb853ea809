"""What a network may predict, and how each says the same as the others.

With  noisy = alpha clean + sigma noise,  alpha^2 + sigma^2 = 1:

  (1)  v     = alpha noise - sigma clean
  (2)  score = -noise / sigma           (gradient of log p(noisy | clean))
  (3)  clean = alpha noisy - sigma v  = (noisy - sigma noise) / alpha
  (4)  noise = sigma noisy + alpha v  = (noisy - alpha clean) / sigma

All four are affine in one another for a given noisy clip, so guidance and the
averaging of windows may be done on any of them.

Every conversion here goes to the pair (clean, noise) by the shortest formula
and from the pair to what is wanted: going through the clean clip alone would
divide by alpha and multiply by it again, and lose all digits near t = 1.
Where a division by alpha is in the nature of the thing (noise to clean), the
clipped logsnr of the schedules keeps alpha above 4.5e-5: finite, though a
thousandth of the noise's error is then twenty times the picture; the sampler
starts a little below t = 1 for that reason (`sampling.times`).
"""

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.types import Array

KINDS = ("clean", "noise", "v", "score")
_ALIASES = {"x": "clean", "eps": "noise"}


def canonical(kind: str) -> str:
  """Returns one of `KINDS`; accepts the aliases "x" and "eps"."""
  kind = _ALIASES.get(kind, kind)
  errors.require_one_of("prediction kind", kind, KINDS)
  return kind


def to_clean(
  kind: str, prediction: Array, noisy: Array, alpha: Array, sigma: Array
) -> Array:
  """The clean clip that a prediction stands for, equation (3).

  Args:
    kind: what `prediction` is; one of `KINDS` or an alias.
    prediction: [B, ...] output of a network.
    noisy: [B, ...] the clip it was shown.
    alpha: [B] scale of the signal in `noisy`.
    sigma: [B] scale of the noise in `noisy`.

  Returns:
    [B, ...] clean clip.

  Raises:
    ConfigError: the kind is unknown.
  """
  return _to_pair(kind, prediction, noisy, alpha, sigma)[0]


def to_noise(
  kind: str, prediction: Array, noisy: Array, alpha: Array, sigma: Array
) -> Array:
  """The noise that a prediction stands for, equation (4); as `to_clean`."""
  return _to_pair(kind, prediction, noisy, alpha, sigma)[1]


def convert(
  prediction: Array,
  noisy: Array,
  alpha: Array,
  sigma: Array,
  *,
  source: str,
  target: str,
) -> Array:
  """Says a prediction of one kind as another kind; see `to_clean`."""
  clean, noise = _to_pair(source, prediction, noisy, alpha, sigma)
  return _from_pair(target, clean, noise, alpha, sigma)


def target(
  kind: str, clean: Array, noise: Array, alpha: Array, sigma: Array
) -> Array:
  """What a network of this kind should have predicted.

  Args:
    kind: one of `KINDS` or an alias.
    clean: [B, ...] the clip before noise was added.
    noise: [B, ...] the noise that was added.
    alpha: [B] scale of the signal.
    sigma: [B] scale of the noise.

  Returns:
    [B, ...] target of the regression, in the dtype of its parts.
  """
  return _from_pair(kind, clean, noise, alpha, sigma)


def _to_pair(kind, prediction, noisy, alpha, sigma) -> tuple[Array, Array]:
  """Clean clip and noise, equations (2) to (4)."""
  kind = canonical(kind)
  alpha = corruption.expand(alpha, noisy)
  sigma = corruption.expand(sigma, noisy)
  if kind == "v":
    clean = alpha * noisy - sigma * prediction
    return clean, sigma * noisy + alpha * prediction
  if kind == "clean":
    return prediction, (noisy - alpha * prediction) / sigma
  noise = prediction if kind == "noise" else -sigma * prediction
  return (noisy - sigma * noise) / alpha, noise


def _from_pair(kind, clean, noise, alpha, sigma) -> Array:
  """Any kind from clean clip and noise, equations (1) and (2)."""
  kind = canonical(kind)
  alpha = corruption.expand(alpha, clean)
  sigma = corruption.expand(sigma, clean)
  if kind == "v":
    return alpha * noise - sigma * clean
  if kind == "score":
    return -noise / sigma
  return clean if kind == "clean" else noise
