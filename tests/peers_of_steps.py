"""diffusers' schedulers, fed as `foreign_steps` says; needs PyTorch."""

from unittest import mock

import foreign_steps
import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

_CLASSES = {
  "ddpm": diffusers.DDPMScheduler,
  "ddim": diffusers.DDIMScheduler,
  "dpmpp_2m": diffusers.DPMSolverMultistepScheduler,
}
_PREDICTIONS = {"noise": "epsilon", "v": "v_prediction", "clean": "sample"}
_BETAS = {
  "squared_cosine": "squaredcos_cap_v2",
  "linear_betas": "linear",
  "scaled_linear_betas": "scaled_linear",
}


def build(case, dtype=torch.float64):
  """Their scheduler, with its steps set, which computes in a dtype.

  It takes 1 less a number near 1, which leaves float32 few digits at the first
  steps of a thousand; the table itself is float32 in any case.
  """
  options = dict(
    beta_schedule=_BETAS[case.get("betas", "squared_cosine")],
    prediction_type=_PREDICTIONS[case.get("prediction", "noise")],
    timestep_spacing=case.get("spacing", "leading"),
    thresholding="threshold" in case,
  )
  if "threshold" in case:
    options["dynamic_thresholding_ratio"] = case["threshold"]
    options["sample_max_value"] = case["maximum"]
  if case["solver"] != "dpmpp_2m":
    options["clip_sample"] = False
  if case["solver"] == "ddpm":
    kinds = {0.0: "fixed_small", 1.0: "fixed_large"}
    options["variance_type"] = (
      "learned_range" if case.get("learned") else kinds[case.get("gamma", 0.0)]
    )
  scheduler = _CLASSES[case["solver"]](**options)
  scheduler.alphas_cumprod = scheduler.alphas_cumprod.to(dtype)
  if "visits" in case:
    scheduler.set_timesteps(timesteps=list(case["visits"]))
  else:
    scheduler.set_timesteps(foreign_steps.num_steps(case))
  return scheduler


def run(case, dtype=torch.float64) -> tuple[np.ndarray, np.ndarray]:
  """As `foreign_steps.run`: their steps, and what there is after each."""
  scheduler = build(case, dtype)
  first = lambda x: torch.from_numpy(np.moveaxis(x, -1, 1).copy()).to(dtype)
  sample, *fresh = map(first, foreign_steps.noises(case))
  found = []
  for output, noise, timestep in zip(
    foreign_steps.outputs(case), fresh, scheduler.timesteps, strict=True
  ):
    said = {}
    if case["solver"] == "ddim":
      # The direction is that of what was thresholded, as in ours.
      said = dict(eta=case.get("eta", 0.0), use_clipped_model_output=True)
    draw = f"{type(scheduler).__module__}.randn_tensor"
    with mock.patch(draw, lambda *_, noise=noise, **__: noise):
      sample = scheduler.step(first(output), timestep, sample, **said)[0]
    found.append(np.moveaxis(sample.float().numpy(), 1, -1))
  return scheduler.timesteps.numpy(), np.stack(found)
