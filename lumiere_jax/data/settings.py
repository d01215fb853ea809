"""What is kept of the files, and how: every threshold of preparation."""

import dataclasses

from lumiere_jax import errors
from lumiere_jax.video import fingerprint
from lumiere_jax.video import letterbox
from lumiere_jax.video import shots
from lumiere_jax.video import transcode


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
  """How files become clips.

  Attributes:
    seconds: shortest clip that needs no exception.
    short: for shorter files, "error", "skip", or "hold" to keep them and let
      their last frame stand when they are decoded; shots of a file that was
      cut are held or skipped.
    shortest: seconds below which nothing is kept, not even held.
    longest: seconds after which a shot is cut anyway; None never.
    broken: for files that cannot be decoded, "error" or "skip".
    cut: grey levels by which two frames differ where a shot ends; 255 and
      above leaves files whole.
    crop: whether to crop dark bars that are burned in.
    bars: level that no colour in such a bar exceeds.
    motion: grey levels a second of change below which a clip is too static.
    light: grey level that a tenth of the picture must exceed.
    duplicate: bits of 256 by which copies may look different, at most 15; -1
      keeps all but equal files.
    short_side: pixels that the shorter side is brought down to, once, by
      encoding again; None keeps the bytes of files that need no cut.
    crf: x264's quality where a clip is encoded: 18 looks lossless.
    gop: seconds between keyframes, which a random start decodes in vain.
    preset: x264's trade of time for size.
  """

  seconds: float = 5.0
  short: str = "error"
  shortest: float = 0.5
  longest: float | None = None
  broken: str = "error"
  cut: float = shots.THRESHOLD
  crop: bool = True
  bars: float = letterbox.DARK
  motion: float = 1.0
  light: float = 24.0
  duplicate: int = 10
  short_side: int | None = None
  crf: int = 18
  gop: float = 1.0
  preset: str = "medium"

  def __post_init__(self):
    errors.require_one_of("--short", self.short, ("error", "hold", "skip"))
    errors.require_one_of("--broken", self.broken, ("error", "skip"))
    if self.seconds <= 0 or self.gop <= 0:
      raise errors.ConfigError(
        f"--seconds is {self.seconds} and --gop {self.gop}; use positive "
        "lengths, such as 5 and 1."
      )
    if self.longest is not None and self.longest < self.seconds:
      raise errors.ConfigError(
        f"--longest is {self.longest}, less than --seconds {self.seconds}: "
        "every clip would be too short. Use a longer one, or none."
      )
    if not -1 <= self.duplicate <= fingerprint.MAX_DISTANCE:
      raise errors.ConfigError(
        f"--duplicate is {self.duplicate}; use 0 to {fingerprint.MAX_DISTANCE} "
        "bits, or -1 to keep what only looks alike."
      )
    if self.short_side is not None:
      errors.require_divisible(
        "--short-side", self.short_side, 2, because="an mp4 needs even sides"
      )

  @property
  def encoding(self) -> transcode.Encoding:
    """How clips are encoded where they are."""
    return transcode.Encoding(
      short_side=self.short_side,
      crf=self.crf,
      gop=self.gop,
      preset=self.preset,
    )
