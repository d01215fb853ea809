"""How to sample: everything a user may turn that is not the network."""

import dataclasses
import math

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import solvers
from lumiere_jax.diffusion import threshold
from lumiere_jax.sampling import times


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplerSettings:
  """Settings of one stage of the cascade; refuses nonsense.

  Attributes:
    num_steps: number of denoising steps, each a pass through the network.
    guidance_scale: classifier-free guidance weight; 1 is none (and costs half).
    solver: "ddpm", "ddim" or "dpmpp_2m".
    eta: of "ddim" only, share of ancestral noise in [0, 1]; None is 0.
    gamma: of "ddpm" only, smallest (0) to largest (1) variance; None is 0.
    spacing: "time", "logsnr", "leading" or "trailing"; see `times`.
    visits: of a network that was trained on a thousand steps, those to visit,
      falling from at most 999; where `num_steps` is not their number, and where
      it is None, `spacing` decides.
    time_shift: of spacing "time", how many more steps where there is more
      noise; see `schedules.shift_times`.
    threshold: percentile of dynamic thresholding in [0, 1]; None for none.
    maximum: largest divisor of the threshold, at least 1; None for no limit.
    window: frames per window of MultiDiffusion; None for whole clips.
    overlap: frames that neighbouring windows share, fewer than `window`.
    windows_per_call: windows that a device passes through the network at a
      time, the others wait; None for all at once.  Each is two clips of
      `window` frames when guided.
    noise_level: of super-resolution only, in [0, 1]: diffusion time to which
      its low-resolution clip is noised.
    noise_enlarged: likewise, whether that clip is enlarged before it is noised,
      not after.
    keep_low_res: likewise, whether each estimate, shrunk again, is to be that
      clip; see `decorators.keeping_low_res`.
    meet_given: where pixels are given, how much stiffer along time than across
      a frame is the membrane that bends each estimate until it meets them, see
      `membrane`; None to put them in and no more.
    shared_noise: share of noise that the frames of a clip have in common; see
      `corruption.Shared`.
    shared_patch: side of the patches whose mean noise they have in common;
      likewise.
  """

  num_steps: int = 256
  guidance_scale: float = 7.0
  solver: str = "ddpm"
  eta: float | None = None
  gamma: float | None = None
  spacing: str = "time"
  visits: tuple[int, ...] | None = None
  time_shift: float = 1.0
  threshold: float | None = 0.995
  maximum: float | None = None
  window: int | None = None
  overlap: int = 2
  windows_per_call: int | None = None
  noise_level: float = 0.1
  noise_enlarged: bool = False
  keep_low_res: bool = False
  meet_given: float | None = None
  shared_noise: float = 0.0
  shared_patch: int | None = None

  def __post_init__(self):
    _require_at_least("number of sampling steps", self.num_steps, 1)
    _require_at_least("guidance scale", self.guidance_scale, 0)
    errors.require_one_of(
      "spacing of sampling times", self.spacing, times.SPACINGS
    )
    schedules.require_shift(self.time_shift)
    is_even = self.spacing == "time" and self.visits is None
    if self.time_shift != 1 and not is_even:
      raise errors.ConfigError(
        f"time_shift is {self.time_shift}, spacing {self.spacing!r} and visits "
        f"{self.visits}; only spacing 'time' without visits is shifted. Give "
        "that, or time_shift=1."
      )
    if self.visits is not None:
      object.__setattr__(self, "visits", tuple(self.visits))
      times.require_valid(self.visits)
    self.make_solver()
    if self.threshold is not None:
      threshold.require_valid(self.threshold, self.maximum)
    elif self.maximum is not None:
      raise errors.ConfigError(
        f"threshold maximum is {self.maximum} but there is no threshold to "
        "limit. Give a threshold, for instance 0.995, or no maximum."
      )
    if self.window is not None:
      _require_at_least("window", self.window, 1)
      if not 0 <= self.overlap < self.window:
        raise errors.ConfigError(
          f"windows of {self.window} frames cannot overlap by {self.overlap}; "
          f"the overlap must be between 0 and {self.window - 1}."
        )
    if self.windows_per_call is not None:
      _require_at_least("windows per call", self.windows_per_call, 1)
    corruption.Shared(self.shared_noise, self.shared_patch)  # or refused
    if self.meet_given is not None and not 0 < self.meet_given < math.inf:
      raise errors.ConfigError(
        f"meet_given is {self.meet_given}; it is a stiffness, above 0, such as "
        "400. Leave it out to put given pixels in and no more."
      )
    if not 0 <= self.noise_level <= 1:
      raise errors.ConfigError(
        f"noise level is {self.noise_level}; it is a diffusion time and must "
        "be between 0 and 1. Usual are 0.1 to 0.3."
      )

  @property
  def shared(self) -> corruption.Shared:
    """What the noise of frames has in common."""
    return corruption.Shared(self.shared_noise, self.shared_patch)

  def make_solver(self) -> solvers.Solver:
    """Builds the solver with the options that belong to it."""
    options = {"eta": self.eta, "gamma": self.gamma}
    options = {k: v for k, v in options.items() if v is not None}
    takes = {"ddim": {"eta"}, "ddpm": {"gamma"}}.get(self.solver, set())
    if extra := sorted(set(options) - takes):
      raise errors.ConfigError(
        f"{extra[0]}={options[extra[0]]} is given, but sampler {self.solver!r} "
        f"takes {', '.join(sorted(takes)) or 'neither eta nor gamma'}. eta "
        "belongs to ddim, gamma to ddpm."
      )
    return solvers.build(self.solver, **options)


def _require_at_least(what: str, value: float, least: float) -> None:
  if value < least:
    raise errors.ConfigError(f"{what} is {value}; it must be at least {least}.")
