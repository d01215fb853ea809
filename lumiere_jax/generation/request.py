"""What a person asks for, as one versioned value.

The command line, the studio and the JSON beside each video share this class:
a field added here is a flag, a form entry and a recorded setting at once.
"""

from collections.abc import Mapping
import dataclasses
import json
import math
import typing
from typing import Any, Self

from lumiere_jax import errors
from lumiere_jax.diffusion import solvers
from lumiere_jax.text import prompts

VERSION = 1
FRONTS = ("pmap", "sharded")
MAX_SEED = 2**32 - 1  # what a 32-bit `jax.random.key` takes

# field -> (smallest, largest) that makes sense.
_BOUNDS = {
  "num_inference_steps": (1, 4096),
  "ssr_num_inference_steps": (1, 4096),
  "guidance_scale": (0, 100),
  "ssr_guidance_scale": (0, 100),
  "seed": (0, MAX_SEED),
  "num_videos": (1, 1024),
  "num_frames": (1, 100_000),
  "window": (1, 100_000),
  "overlap": (0, 100_000),
  "noise_level": (0, 1),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
  """One request for one or more clips; None means what the weights advise.

  Attributes:
    prompt: what to show; None for the null prompt, of which nothing is known.
    negative_prompt: what to steer away from; empty for the null prompt.
    num_inference_steps: denoising steps of the base model.
    ssr_num_inference_steps: denoising steps of the super-resolution model.
    guidance_scale: classifier-free guidance weight of the base model; 1 is
      none, and halves the work.
    ssr_guidance_scale: the same for the super-resolution model.
    seed: same seed, same video.
    num_videos: number of clips; clip i is the same whatever this number is.
    ssr: whether to upsample with the super-resolution model where the weights
      have one.
    sampler: solver of the base model's steps.
    ssr_sampler: solver of the super-resolution model's steps.
    front: "pmap" or "sharded": how the work is spread over devices.
    num_frames: length of the clip, in frames.
    window: frames that the super-resolution model sees at once.
    overlap: frames that neighbouring windows share; 0 turns MultiDiffusion
      off.
    noise_level: diffusion time in [0, 1] to which the base's clip is noised
      before it is upsampled.
    guard: whether to refuse NaN, flat or pure-noise frames; otherwise they
      are written with a warning.
  """

  prompt: str | None
  negative_prompt: str = ""
  num_inference_steps: int | None = None
  ssr_num_inference_steps: int | None = None
  guidance_scale: float | None = None
  ssr_guidance_scale: float | None = None
  seed: int = 0
  num_videos: int = 1
  ssr: bool = True
  sampler: str | None = None
  ssr_sampler: str | None = None
  front: str = "pmap"
  num_frames: int | None = None
  window: int | None = None
  overlap: int | None = None
  noise_level: float | None = None
  guard: bool = True

  def __post_init__(self):
    for field in dataclasses.fields(self):
      value = _checked(field, getattr(self, field.name))
      object.__setattr__(self, field.name, value)
    if self.prompt is not None:
      object.__setattr__(self, "prompt", prompts.check(self.prompt))
    if self.negative_prompt:
      prompts.check(self.negative_prompt)
    for name in ("sampler", "ssr_sampler"):
      if getattr(self, name) is not None:
        errors.require_one_of(name, getattr(self, name), solvers.NAMES)
    errors.require_one_of("front", self.front, FRONTS)
    if None not in (self.window, self.overlap) and self.overlap >= self.window:
      raise errors.ConfigError(
        f"overlap is {self.overlap} frames and window {self.window}; windows "
        "must advance, so overlap is at most "
        f"{self.window - 1}."
      )

  def complete(self, defaults: Mapping[str, Any]) -> Self:
    """Returns the request with each None filled from `defaults`.

    Args:
      defaults: field name -> value; what the request says stays.

    Raises:
      ConfigError: a default names no field.
    """
    _refuse_unknown(defaults, "default")
    missing = {
      name: value
      for name, value in defaults.items()
      if getattr(self, name) is None
    }
    return dataclasses.replace(self, **missing)

  def as_dict(self) -> dict[str, Any]:
    """Returns every field and the version, ready for JSON."""
    return {"version": VERSION} | dataclasses.asdict(self)

  @classmethod
  def from_dict(cls, entry: Mapping[str, Any]) -> Self:
    """Reads what `as_dict` wrote, or a part of it.

    Raises:
      ConfigError: an unknown key or version, a missing prompt, or a value
        that makes no sense.
    """
    entry = dict(entry)
    version = entry.pop("version", VERSION)
    if version != VERSION:
      raise errors.ConfigError(
        f"request version is {version!r}; this code reads version {VERSION}."
      )
    _refuse_unknown(entry, "request key")
    if "prompt" not in entry:
      raise errors.ConfigError(
        'the request has no prompt; add "prompt": "what to show".'
      )
    return cls(**entry)

  def to_json(self) -> str:
    """Returns the request as a JSON object."""
    return json.dumps(self.as_dict(), indent=2, ensure_ascii=False)

  @classmethod
  def from_json(cls, text: str) -> Self:
    """Reads `to_json`; see `from_dict` for what is refused."""
    try:
      entry = json.loads(text)
    except json.JSONDecodeError as error:
      raise errors.ConfigError(f"the request is not JSON: {error}.") from error
    if not isinstance(entry, dict):
      raise errors.ConfigError(
        f"the request is a JSON {type(entry).__name__}; it must be an object "
        'such as {"prompt": "a red ball"}.'
      )
    return cls.from_dict(entry)


FIELDS = tuple(field.name for field in dataclasses.fields(Request))


def _refuse_unknown(entry: Mapping[str, Any], what: str) -> None:
  for key in entry:
    errors.require_one_of(what, key, FIELDS)


def _checked(field: dataclasses.Field, value: Any) -> Any:
  """Returns the value in its field's type and bounds, or refuses it."""
  kinds = typing.get_args(field.type) or (field.type,)
  # A whole number is a fine scale, but True is no number of steps.
  if float in kinds and type(value) is int:
    value = float(value)
  if type(value) not in kinds:
    wanted = " or ".join(k.__name__ for k in kinds if k is not type(None))
    raise errors.ConfigError(
      f"{field.name} is {value!r}, of type {type(value).__name__}; it must "
      f"be {wanted}."
    )
  if field.name in _BOUNDS and value is not None:
    low, high = _BOUNDS[field.name]
    if not (math.isfinite(value) and low <= value <= high):
      nearest = low if not value > high else high
      raise errors.ConfigError(
        f"{field.name} is {value}; it must be from {low} to {high}. Nearest "
        f"that works: {nearest}."
      )
  return value
