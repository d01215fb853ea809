"""A diffusers scheduler's config, as the recipe's noise and how to sample.

What is read is the training's: which noise there is at which time, and what
the network was taught to predict.  Whichever of their schedulers the file
names, sampling is by DDPM, which heeds a learned variance.
"""

from collections.abc import Mapping
from typing import Any

from lumiere_jax import errors

_PREDICTIONS = {"epsilon": "noise", "v_prediction": "v", "sample": "clean"}
_BETAS = {
  "squaredcos_cap_v2": "squared_cosine",
  "linear": "linear_betas",
  "scaled_linear": "scaled_linear_betas",
}
# DeepFloyd IF, which no scheduler beside the U-Net contradicts.
IF = {
  "beta_schedule": "squaredcos_cap_v2",
  "prediction_type": "epsilon",
  "thresholding": True,
  "dynamic_thresholding_ratio": 0.95,
}
# Without low resolution and with it, as DeepFloyd IF's pipelines sample.
_STEPS, _GUIDANCE, _MAXIMUM = (100, 50), (7.0, 4.0), (1.5, 1.0)
_NOISE_LEVEL = 0.25


def diffusion(config: Mapping[str, Any]) -> dict[str, Any]:
  """The sections `schedule` and `prediction` of a recipe's diffusion.

  Args:
    config: of scheduler_config.json.

  Raises:
    WeightsError: noise or a prediction that is not expressed here.
  """
  steps = config.get("num_train_timesteps", 1000)
  if steps != 1000:
    raise _unexpressed("num_train_timesteps", steps, "1000")
  if config.get("trained_betas") is not None:
    raise _unexpressed("trained_betas", "a list", "none")
  if config.get("rescale_betas_zero_snr"):
    raise _unexpressed("rescale_betas_zero_snr", True, "False")
  kind = config.get("prediction_type", "epsilon")
  if kind not in _PREDICTIONS:
    raise _unexpressed("prediction_type", kind, ", ".join(_PREDICTIONS))
  return {"schedule": _schedule(config), "prediction": _PREDICTIONS[kind]}


def _schedule(config: Mapping[str, Any]) -> dict[str, Any]:
  name = config.get("beta_schedule", "linear")
  if name not in _BETAS:
    raise _unexpressed("beta_schedule", name, ", ".join(_BETAS))
  if name == "squaredcos_cap_v2":
    return {"name": _BETAS[name]}
  return {
    "name": _BETAS[name],
    "beta_min": config.get("beta_start", 1e-4),
    "beta_max": config.get("beta_end", 0.02),
  }


def sampling(config: Mapping[str, Any], low_res: bool) -> dict[str, Any]:
  """How to sample: the recipe's section of that name.

  Args:
    config: of scheduler_config.json.
    low_res: whether the network upsamples.
  """
  spacing = config.get("timestep_spacing", "leading")
  found = dict(
    num_steps=_STEPS[low_res],
    guidance_scale=_GUIDANCE[low_res],
    solver="ddpm",
    # "linspace" is what is left.
    spacing=spacing if spacing in ("leading", "trailing") else "time",
    threshold=None,
  )
  if config.get("thresholding"):
    found["threshold"] = config.get("dynamic_thresholding_ratio", 0.995)
    found["maximum"] = config.get("sample_max_value", _MAXIMUM[low_res])
  elif config.get("clip_sample", True):
    found |= {"threshold": 1.0, "maximum": 1.0}
  if low_res:
    found |= {"noise_level": _NOISE_LEVEL, "noise_enlarged": True}
  return found


def _unexpressed(field: str, value, allowed: str) -> errors.WeightsError:
  return errors.WeightsError(
    f"scheduler_config.json has {field} = {value!r}, which our schedules do "
    f"not express; it takes {allowed}."
  )
