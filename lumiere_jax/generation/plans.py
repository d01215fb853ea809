"""How one stage samples: the request, else what the weights' recipe advises."""

from collections.abc import Mapping
import dataclasses
import typing
from typing import Any

from lumiere_jax import errors
from lumiere_jax.generation import request as requests
from lumiere_jax.sampling import settings as sampler_settings
from lumiere_jax.stages import stage as stages

# entry of a recipe's `sampling` section -> field of SamplerSettings, where the
# two are not named alike: people know diffusers' names.
_RENAMED = {"num_inference_steps": "num_steps", "sampler": "solver"}
# setting -> what it takes
_KINDS = typing.get_type_hints(sampler_settings.SamplerSettings)
_SETTINGS = tuple(_KINDS)
# field of SamplerSettings -> field of Request, by stage.
_PAINTER = {
  "num_steps": "num_inference_steps",
  "guidance_scale": "guidance_scale",
  "solver": "sampler",
}
_UPSAMPLER = {
  "num_steps": "ssr_num_inference_steps",
  "guidance_scale": "ssr_guidance_scale",
  "solver": "ssr_sampler",
  "window": "window",
  "overlap": "overlap",
  "noise_level": "noise_level",
}
# Neighbouring passes of a clip that is longer than one share this part of it.
_SHARED = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """All that must be known to compile a stage's sampler.

  Attributes:
    settings: the sampler's.
    shape: (T, H, W, 3) of one clip.
    front: see `Request`.
  """

  settings: sampler_settings.SamplerSettings
  shape: tuple[int, int, int, int]
  front: str

  def as_dict(self) -> dict[str, Any]:
    """Returns the settings and the shape, ready for JSON."""
    return dataclasses.asdict(self.settings) | {"shape": list(self.shape)}


def defaults(stage: stages.Stage) -> dict[str, Any]:
  """Returns the fields of a request that a stage advises on, with its advice.

  Raises:
    ConfigError: the recipe's `sampling` section has an unknown entry.
  """
  advised = dataclasses.asdict(_advised(stage))
  found = {field: advised[name] for name, field in _fields(stage).items()}
  if stage.name != stages.SUPER_RESOLUTION:
    found["num_frames"] = stage.frame_shape[0]
  return found


def advising(stage: stages.Stage, said: Mapping[str, Any]) -> stages.Stage:
  """The stage, to be sampled as `Plan.as_dict` once said.

  What it does not tell of, since it was written before there was such a
  setting, is as if there was none.
  """
  advice = {name: said[name] for name in _SETTINGS if name in said}
  return dataclasses.replace(
    stage, recipe=dict(stage.recipe) | {"sampling": advice}
  )


def make(
  stage: stages.Stage,
  request: requests.Request,
  size: tuple[int, int] | None = None,
) -> Plan:
  """Makes the plan of a stage for a completed request.

  Args:
    stage: the stage.
    request: the request.
    size: (H, W) of the clip, of a stage whose network takes any; None for the
      stage's own.  Such clips may be large, so their windows take turns.
  """
  asked = {
    name: getattr(request, field) for name, field in _fields(stage).items()
  }
  advised = _advised(stage)
  asked |= _windows(stage, request.num_frames)
  if size:
    asked["windows_per_call"] = 1
  if asked["solver"] != advised.solver:
    asked |= {"eta": None, "gamma": None}  # they belong to the other solver
  return Plan(
    settings=dataclasses.replace(advised, **asked),
    shape=(request.num_frames, *(size or stage.frame_shape[1:3]), 3),
    front=request.front,
  )


def _windows(stage: stages.Stage, num_frames: int) -> dict[str, int]:
  """How a base paints more frames than it was trained on at once.

  Lumiere's base makes all frames of a clip in one pass; a longer one is made of
  several such passes, which MultiDiffusion makes agree at every step.
  """
  trained = stage.frame_shape[0]
  if stage.name != stages.BASE or num_frames <= trained:
    return {}
  overlap = trained // _SHARED
  return {"window": trained, "overlap": overlap, "windows_per_call": 1}


def _fields(stage: stages.Stage) -> Mapping[str, str]:
  return _UPSAMPLER if stage.name == stages.SUPER_RESOLUTION else _PAINTER


def _advised(stage: stages.Stage) -> sampler_settings.SamplerSettings:
  advice = {}
  for name, value in dict(stage.recipe.get("sampling") or {}).items():
    name = _RENAMED.get(name, name)
    errors.require_one_of(
      f"sampling entry of the {stage.name} recipe", name, _SETTINGS
    )
    _require_kind(stage.name, name, value)
    advice[name] = value
  return sampler_settings.SamplerSettings(**advice)


def _require_kind(stage: str, name: str, value: Any) -> None:
  """Refuses a word or a fraction where a setting takes another kind."""
  kinds = typing.get_args(_KINDS[name]) or (_KINDS[name],)
  # A whole number will do for a fraction, and a list for a tuple.
  plain = {typing.get_origin(kind) or kind for kind in kinds}
  plain |= {int} if float in plain else set()
  plain |= {list} if tuple in plain else set()
  if type(value) not in plain:
    said = " or ".join(
      "null"
      if kind is type(None)
      else (typing.get_origin(kind) or kind).__name__
      for kind in kinds
    )
    raise errors.ConfigError(
      f"sampling entry {name} of the {stage} recipe is {value!r}; it takes "
      f"{said}."
    )
