"""Schedulers' configs as noise and as how to sample."""

import foreign_pipelines
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules
from lumiere_jax.interop import diffusers_scheduler
from lumiere_jax.sampling import settings

IF = foreign_pipelines.SCHEDULER_CONFIG


def test_deepfloyd_if():
  assert diffusers_scheduler.diffusion(IF) == {
    "schedule": {"name": "squared_cosine"},
    "prediction": "noise",
  }
  first = settings.SamplerSettings(**diffusers_scheduler.sampling(IF, False))
  assert (first.num_steps, first.guidance_scale) == (100, 7.0)
  assert (first.threshold, first.maximum) == (0.95, 1.5)
  second = dict(IF, sample_max_value=1.0)
  second = settings.SamplerSettings(
    **diffusers_scheduler.sampling(second, True)
  )
  assert (second.num_steps, second.guidance_scale) == (50, 4.0)
  assert (second.maximum, second.noise_level) == (1.0, 0.25)
  assert second.noise_enlarged


def test_what_stands_for_it_is_the_same():
  assumed = diffusers_scheduler.IF
  assert diffusers_scheduler.diffusion(assumed) == (
    diffusers_scheduler.diffusion(IF)
  )
  assert diffusers_scheduler.sampling(assumed, False) == (
    diffusers_scheduler.sampling(IF, False)
  )


@pytest.mark.parametrize("name", ["linear", "scaled_linear"])
def test_other_betas(name):
  said = dict(beta_schedule=name, beta_start=1e-3, beta_end=0.01)
  schedule = diffusers_scheduler.diffusion(said)["schedule"]
  assert schedules.build(**schedule) == schedules.Betas(name, 1e-3, 0.01)


def test_samples_are_clipped_or_left():
  clipped = diffusers_scheduler.sampling({}, False)
  assert (clipped["threshold"], clipped["maximum"]) == (1.0, 1.0)
  left = diffusers_scheduler.sampling(dict(clip_sample=False), False)
  assert left["threshold"] is None


@pytest.mark.parametrize(
  ("field", "value", "words"),
  [
    ("num_train_timesteps", 500, "num_train_timesteps = 500"),
    ("trained_betas", [0.1], "trained_betas"),
    ("rescale_betas_zero_snr", True, "rescale_betas_zero_snr = True"),
    ("prediction_type", "flow", "prediction_type = 'flow'"),
    ("beta_schedule", "sigmoid", "squaredcos_cap_v2, linear, scaled_linear"),
  ],
)
def test_what_is_not_expressed_is_refused(field, value, words):
  with pytest.raises(errors.WeightsError, match=words):
    diffusers_scheduler.diffusion(IF | {field: value})
