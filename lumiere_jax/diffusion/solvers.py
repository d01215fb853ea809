r"""One step from a noisy clip at time t to a less noisy one at time s < t.

With l = logsnr, x the estimate of the clean clip at time t, z the noisy clip:

DDIM (Song et al. 2021), eta from 0 (deterministic) to 1 (ancestral)
  (1)  e   = (z_t - alpha_t x) / sigma_t
  (2)  d^2 = eta^2 (1 - e^{l_t - l_s}) sigma_s^2
  (3)  z_s = alpha_s x + sqrt(sigma_s^2 - d^2) e + d noise

Ancestral DDPM, gamma from 0 (smallest variance) to 1 (largest), interpolating
their logarithms; a network with learned variance says gamma for each pixel
  (4)  z_s = e^{l_t - l_s} (alpha_s / alpha_t) z_t
             + (1 - e^{l_t - l_s}) alpha_s x + d noise
  (5)  d^2 = (1 - e^{l_t - l_s}) (sigma_s^2)^{1 - gamma} (sigma_t^2)^gamma

DPM-Solver++(2M) (Lu et al. 2022), with lambda = l / 2 and h = lambda_s -
lambda_t; x_prev and h_prev are those of the step before
  (6)  D   = x + (h / (2 h_prev)) (x - x_prev)        (D = x in the first step)
  (7)  z_s = (sigma_s / sigma_t) z_t - alpha_s (e^{-h} - 1) D

The step that ends at s = 0 returns x itself, in all three: any noise left in
the last picture is noise on the screen, and extrapolating (6) over the last,
infinitely long step in lambda would amplify the network's error.
"""

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import schedules
from lumiere_jax.types import Array, Estimate

Carry = Any


class Solver(Protocol):
  """Turns estimates of the clean clip into steps towards it."""

  @property
  def needs_noise(self) -> bool:
    """Whether `step` must be given fresh noise."""

  def init(self, noisy: Array) -> Carry:
    """What the first step is told of the steps before it: a pytree."""

  def step(
    self,
    schedule: schedules.Schedule,
    noisy: Array,
    estimate: Estimate,
    t: Array,
    s: Array,
    noise: Array | None,
    carry: Carry,
  ) -> tuple[Array, Carry]:
    """Moves each clip from time t to time s < t.

    Args:
      schedule: gives alpha, sigma and logsnr at t and s.
      noisy: [B, ...] float32, clips at time t.
      estimate: what the denoiser believes of them.
      t: [B] float32 in [0, 1], where the clips are.
      s: [B] float32 in [0, 1], where they go; at 0 the result is the estimate.
      noise: [B, ...] standard normal, or None where `needs_noise` is False.
      carry: from `init` or from the step before.

    Returns:
      [B, ...] float32 clips at time s, and the carry for the next step.
    """


@dataclasses.dataclass(frozen=True)
class Ddim:
  """Equations (1) to (3).

  Attributes:
    eta: in [0, 1]; share of ancestral noise.
  """

  eta: float = 0.0

  def __post_init__(self):
    _require_fraction("DDIM's eta", self.eta)

  @property
  def needs_noise(self) -> bool:
    """Only with eta."""
    return self.eta > 0

  def init(self, noisy: Array) -> Carry:
    """Nothing: each step forgets the last."""
    del noisy
    return ()

  def step(self, schedule, noisy, estimate, t, s, noise, carry):
    """See `Solver.step`."""
    clean = estimate.clean
    alpha_t, sigma_t, l_t = _at(schedule, t, noisy)
    alpha_s, sigma_s, l_s = _at(schedule, s, noisy)
    direction = (noisy - alpha_t * clean) / sigma_t
    variance = self.eta**2 * -jnp.expm1(l_t - l_s) * sigma_s**2
    kept = jnp.sqrt(jnp.maximum(sigma_s**2 - variance, 0.0))
    stepped = alpha_s * clean + kept * direction
    if self.needs_noise:
      stepped += jnp.sqrt(variance) * noise
    return _end_clean(s, stepped, clean), carry


@dataclasses.dataclass(frozen=True)
class Ddpm:
  """Equations (4) and (5).

  Attributes:
    gamma: in [0, 1]; the variance of networks that do not say it themselves.
  """

  gamma: float = 0.0

  def __post_init__(self):
    _require_fraction("DDPM's gamma", self.gamma)

  @property
  def needs_noise(self) -> bool:
    """Always."""
    return True

  def init(self, noisy: Array) -> Carry:
    """Nothing: each step forgets the last."""
    del noisy
    return ()

  def step(self, schedule, noisy, estimate, t, s, noise, carry):
    """See `Solver.step`."""
    clean, mix = estimate.clean, estimate.variance_mix
    alpha_t, sigma_t, l_t = _at(schedule, t, noisy)
    alpha_s, sigma_s, l_s = _at(schedule, s, noisy)
    # e^{l_t - l_s} alpha_s / alpha_t without a division by the tiny alpha_t.
    kept = (alpha_t / alpha_s) * (sigma_s / sigma_t) ** 2
    fraction = -jnp.expm1(l_t - l_s)
    gamma = self.gamma if mix is None else mix
    deviation = jnp.sqrt(fraction) * sigma_s ** (1 - gamma) * sigma_t**gamma
    stepped = kept * noisy + fraction * alpha_s * clean + deviation * noise
    return _end_clean(s, stepped, clean), carry


@dataclasses.dataclass(frozen=True)
class DpmSolverPlusPlus2M:
  """Equations (6) and (7)."""

  @property
  def needs_noise(self) -> bool:
    """Never."""
    return False

  def init(self, noisy: Array) -> Carry:
    """No clip yet, an infinite step ago: (6) then gives D = x."""
    return jnp.zeros_like(noisy), jnp.full(noisy.shape[:1], jnp.inf)

  def step(self, schedule, noisy, estimate, t, s, noise, carry):
    """See `Solver.step`."""
    del noise
    clean, (previous, h_previous) = estimate.clean, carry
    h = (schedule.logsnr(s) - schedule.logsnr(t)) / 2
    _, sigma_t, _ = _at(schedule, t, noisy)
    alpha_s, sigma_s, _ = _at(schedule, s, noisy)
    trust = corruption.expand(h / (2 * h_previous), noisy)
    direction = clean + trust * (clean - previous)
    shrink = jnp.expm1(-corruption.expand(h, noisy))
    stepped = sigma_s / sigma_t * noisy - alpha_s * shrink * direction
    return _end_clean(s, stepped, clean), (clean, h)


def build(name: str, **options) -> Solver:
  """Makes a solver from its name in a recipe or on the command line.

  Args:
    name: "ddim", "ddpm" or "dpmpp_2m".
    **options: fields of the solver; a wrong one is a TypeError.

  Returns:
    The solver.

  Raises:
    ConfigError: the name is none of these, or an option is out of range.
  """
  errors.require_one_of("sampler", name, NAMES)
  return NAMES[name](**options)


NAMES = {"ddim": Ddim, "ddpm": Ddpm, "dpmpp_2m": DpmSolverPlusPlus2M}


def _at(schedule, t, like) -> tuple[Array, Array, Array]:
  """alpha, sigma and logsnr at t, with the axes of `like`."""
  logsnr = corruption.expand(schedule.logsnr(t), like)
  alpha = jnp.sqrt(jax.nn.sigmoid(logsnr))
  return alpha, jnp.sqrt(jax.nn.sigmoid(-logsnr)), logsnr


def _end_clean(s, stepped, clean) -> Array:
  """The estimate itself where the step ends at time 0."""
  return jnp.where(corruption.expand(s, clean) > 0, stepped, clean)


def _require_fraction(what: str, value: float) -> None:
  """Raises `ConfigError` unless 0 <= value <= 1."""
  if not 0 <= value <= 1:
    raise errors.ConfigError(
      f"{what} is {value}; it interpolates between two variances and must be "
      f"between 0 and 1. Nearest: {min(max(value, 0), 1)}."
    )
