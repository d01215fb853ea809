r"""How much signal and how much noise there is at each diffusion time.

Variance preserving diffusion (Lumiere keeps the schedule of the
text-to-image network that it inflates, section 3; Imagen's is the cosine):

  (1)  noisy = alpha(t) clean + sigma(t) noise,   alpha^2 + sigma^2 = 1
  (2)  logsnr(t) = log(alpha^2 / sigma^2), falling in t from 0 to 1
  (3)  alpha^2 = sigmoid(logsnr),   sigma^2 = sigmoid(-logsnr)

  cosine   (4)  alpha = cos(pi t / 2),  so logsnr = -2 log tan(pi t / 2)
  linear   (5)  alpha^2 = exp(-B),  B = beta_min t + (beta_max - beta_min) t^2/2
                so logsnr = -log(exp(B) - 1)
  shifted  (6)  logsnr_d(t) = logsnr(t) + 2 log(reference / d)
  betas    (7)  alpha^2((k + 1) / 1000) = (1 - beta_0) ... (1 - beta_k)
           (8)  beta_k = min(1 - f((k + 1) / 1000) / f(k / 1000), 0.999),
                f(u) = cos^2(pi/2 (u + 0.008) / 1.008)

(5) is the continuous limit of the linear betas 1e-4 .. 0.02 over 1000 steps;
(6) is simple diffusion: the d / reference fold average pool of a picture sees
noise of the strength that the reference resolution would.  (7) is for weights
that were trained on a thousand steps, such as DeepFloyd IF's with (8), Nichol
and Dhariwal's squared cosine: step k of theirs is our time (k + 1) / 1000, and
time 0 is clean.  Between two steps logsnr is interpolated.

Every logsnr is clipped to [-20, 20], where sigma and alpha are 4.5e-5: never
zero, so that whatever divides by them stays finite in float32.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax import errors
from lumiere_jax.types import Array

MAX_LOGSNR = 20.0
STEPS = 1000  # of networks that were trained on steps
# Smallest argument of a logarithm; far beyond what the clipping lets through.
_TINY = 1e-12


class Schedule:
  """A falling log signal-to-noise ratio over diffusion time.

  Subclasses are frozen dataclasses (hence static arguments of a program) that
  give `unclipped_logsnr` and its inverse `time`.
  """

  def unclipped_logsnr(self, t: Array) -> Array:
    """Log SNR before clipping, finite for every t in [0, 1]; any shape."""
    raise NotImplementedError

  def time(self, logsnr: Array) -> Array:
    """Diffusion time in [0, 1] at which the log SNR is `logsnr`; any shape."""
    raise NotImplementedError

  def logsnr(self, t: Array) -> Array:
    """Log SNR in [-20, 20] at times t in [0, 1]; any shape, float32."""
    return jnp.clip(self.unclipped_logsnr(t), -MAX_LOGSNR, MAX_LOGSNR)

  def told(self, t: Array) -> Array:
    """What a network of this schedule is told of times t; any shape."""
    return t

  def alpha(self, t: Array) -> Array:
    """Scale of the clean clip at times t, equation (3); any shape."""
    return jnp.sqrt(jax.nn.sigmoid(self.logsnr(t)))

  def sigma(self, t: Array) -> Array:
    """Scale of the noise at times t, equation (3); any shape."""
    return jnp.sqrt(jax.nn.sigmoid(-self.logsnr(t)))


@dataclasses.dataclass(frozen=True)
class Cosine(Schedule):
  """Imagen's schedule, equation (4)."""

  def unclipped_logsnr(self, t: Array) -> Array:
    """Equation (4)."""
    t = jnp.asarray(t, jnp.float32)
    # cos(x) as sin(pi/2 - x): 1 - t is exact near t = 1, while pi/2 in float32
    # lies beyond pi/2, where the cosine is negative and its logarithm NaN.
    log_sin = lambda u: jnp.log(jnp.sin(jnp.maximum(u, _TINY) * (math.pi / 2)))
    return 2 * (log_sin(1 - t) - log_sin(t))

  def time(self, logsnr: Array) -> Array:
    """Inverse of equation (4)."""
    return jnp.arctan(jnp.exp(-jnp.asarray(logsnr) / 2)) * (2 / math.pi)


@dataclasses.dataclass(frozen=True)
class Linear(Schedule):
  """Betas that grow linearly, equation (5).

  Attributes:
    beta_min: rate of noise at t = 0, per unit of time.
    beta_max: rate of noise at t = 1.
  """

  beta_min: float = 0.1
  beta_max: float = 20.0

  def __post_init__(self):
    if not 0 < self.beta_min <= self.beta_max:
      raise errors.ConfigError(
        f"linear schedule has beta_min={self.beta_min} and beta_max="
        f"{self.beta_max}; it needs 0 < beta_min <= beta_max, for instance "
        "0.1 and 20."
      )

  def unclipped_logsnr(self, t: Array) -> Array:
    """Equation (5)."""
    t = jnp.asarray(t, jnp.float32)
    slope = self.beta_max - self.beta_min
    integral = self.beta_min * t + slope * t**2 / 2
    return -jnp.log(jnp.expm1(jnp.maximum(integral, _TINY)))

  def time(self, logsnr: Array) -> Array:
    """Inverse of equation (5): the positive root of a quadratic in t."""
    integral = jax.nn.softplus(-jnp.asarray(logsnr))
    slope = self.beta_max - self.beta_min
    # The root in the form that does not subtract nearly equal numbers.
    root = jnp.sqrt(self.beta_min**2 + 2 * slope * integral)
    return jnp.clip(2 * integral / (self.beta_min + root), 0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Shifted(Schedule):
  """Another schedule moved to a larger picture, equation (6).

  Attributes:
    base: schedule that suits the reference resolution.
    resolution: side of the pictures to diffuse, in pixels.
    reference: side for which `base` was made, in pixels.
  """

  base: Schedule
  resolution: int
  reference: int = 64

  def __post_init__(self):
    if self.resolution <= 0 or self.reference <= 0:
      raise errors.ConfigError(
        f"shifted schedule has resolution={self.resolution} and reference="
        f"{self.reference}; both are sides in pixels and must be positive."
      )

  @property
  def shift(self) -> float:
    """What is added to the base's log SNR; negative for larger pictures."""
    return 2 * math.log(self.reference / self.resolution)

  def unclipped_logsnr(self, t: Array) -> Array:
    """Equation (6)."""
    return self.base.unclipped_logsnr(t) + self.shift

  def time(self, logsnr: Array) -> Array:
    """Inverse of equation (6)."""
    return self.base.time(jnp.asarray(logsnr) - self.shift)


@dataclasses.dataclass(frozen=True)
class Betas(Schedule):
  """A thousand steps, equation (7).

  Attributes:
    kind: "squared_cosine" as (8); "linear", from the first beta to the last; or
      "scaled_linear", whose roots are.
    beta_min: first beta, of the linear ones.
    beta_max: last beta, likewise.
  """

  kind: str = "squared_cosine"
  beta_min: float = 1e-4
  beta_max: float = 0.02

  def __post_init__(self):
    errors.require_one_of("kind of betas", self.kind, BETAS)
    if not 0 < self.beta_min <= self.beta_max < 1:
      raise errors.ConfigError(
        f"betas go from {self.beta_min} to {self.beta_max}; they need 0 < "
        "beta_min <= beta_max < 1, for instance 1e-4 and 0.02."
      )

  def unclipped_logsnr(self, t: Array) -> Array:
    """Equation (7)."""
    place = jnp.asarray(t, jnp.float32) * STEPS
    # A step is met exactly, or at the last one, which loses seven units of
    # logsnr, rounding of t would show.
    whole = jnp.round(place)
    place = jnp.where(jnp.abs(place - whole) < 1e-3, whole, place)
    return jnp.interp(place, np.arange(STEPS + 1), _table(self))

  def time(self, logsnr: Array) -> Array:
    """Inverse of equation (7)."""
    falling = _table(self)[::-1]
    places = np.arange(STEPS + 1)[::-1] / STEPS
    return jnp.interp(jnp.asarray(logsnr), falling, places)

  def told(self, t: Array) -> Array:
    """Time as steps count it, from 0 for the first."""
    return jnp.maximum(t - 1 / STEPS, 0.0)


BETAS = ("squared_cosine", "linear", "scaled_linear")


@functools.cache
def _table(of: Betas) -> np.ndarray:
  """Logsnr at t = 0, 0.001, ... 1: [1001] float32."""
  u = np.arange(STEPS + 1) / STEPS
  if of.kind == "squared_cosine":
    f = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
    betas = np.minimum(1 - f[1:] / f[:-1], 0.999)
  elif of.kind == "linear":
    betas = np.linspace(of.beta_min, of.beta_max, STEPS)
  else:
    betas = np.linspace(of.beta_min**0.5, of.beta_max**0.5, STEPS) ** 2
  # Betas and products are rounded to float32, as diffusers keeps them: noise of
  # the first steps is a thousandth off by that, and the same off as there.
  kept = np.cumprod((1 - betas.astype(np.float32)).astype(np.float64))
  kept = kept.astype(np.float32).astype(np.float64)
  logsnr = np.log(kept) - np.log1p(-kept)
  return np.append(MAX_LOGSNR, logsnr).astype(np.float32)


def shift_times(t: Array | float, shift: float) -> Array:
  """Uniform times, more of them where there is more noise.

  (9)  t' = shift t / (1 + (shift - 1) t)

  keeps 0 and 1 where they are, and is how networks of large pictures and of
  clips are trained and sampled (Esser et al. 2024, equation 23): what many
  pixels, or frames, show in common is told from noise that hides each of them.
  The inverse is that of 1 / shift.

  Args:
    t: times in [0, 1].
    shift: above 1 for more noise, 1 for times as they are.
  """
  return shift * t / (1 + (shift - 1) * t)


def require_shift(shift: float) -> None:
  """Raises `ConfigError` unless times can be shifted so."""
  if not shift > 0:
    raise errors.ConfigError(
      f"time_shift is {shift}; it is above 0: 1 spreads times evenly, 3 puts "
      "more of them where there is more noise."
    )


def build(name: str = "cosine", **options) -> Schedule:
  """Makes a schedule from its name in a recipe.

  Args:
    name: "cosine", "linear", "shifted_cosine", or of a thousand steps
      "squared_cosine", "linear_betas" or "scaled_linear_betas".
    **options: fields of the schedule; a wrong one is a TypeError.

  Returns:
    The schedule.

  Raises:
    ConfigError: the name is none of these.
  """
  makers = {
    "cosine": Cosine,
    "linear": Linear,
    "shifted_cosine": lambda **kw: Shifted(base=Cosine(), **kw),
    "squared_cosine": Betas,
    "linear_betas": functools.partial(Betas, "linear"),
    "scaled_linear_betas": functools.partial(Betas, "scaled_linear"),
  }
  errors.require_one_of("diffusion schedule", name, makers)
  return makers[name](**options)
