"""A stage whose network was trained on a thousand steps."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import recipes

from lumiere_jax.sampling import base
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import settings as sampler_settings
from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Condition, VideoBatch


@pytest.fixture(scope="module")
def stage():
  recipe = recipes.smallest("t2i")
  diffusion = recipe["diffusion"] | {
    "schedule": {"name": "squared_cosine"},
    "prediction": "noise",
  }
  model = recipe["model"] | {"out_channels": 6}
  return stages.build(recipe | {"diffusion": diffusion, "model": model})


def test_the_network_is_told_steps_and_its_variance_is_taken_whole(stage):
  told = {}

  def apply(params, noisy, t, condition):
    told["t"] = t
    return jnp.full((*noisy.shape[:-1], 6), 3.0)

  fake = dataclasses.replace(stage, apply=apply)
  t = jnp.array([1.0, 0.501, 0.001])
  noisy = jnp.zeros((3, *stage.frame_shape))
  estimate = fake.denoise({"network": {}}, noisy, t, None)
  np.testing.assert_allclose(1000 * told["t"], [999, 500, 0], atol=1e-3)
  # As (3 + 1) / 2, beyond 1: their samplers do not clip it either.
  np.testing.assert_array_equal(estimate.variance_mix, 2.0)


def test_it_trains_and_samples(stage):
  params = stage.init(0)
  tokens, mask = stage.tokenizer(["a cat", "a dog"])
  video = jax.random.randint(
    jax.random.key(1), (2, *stage.frame_shape), 0, 256
  ).astype(jnp.uint8)
  batch = VideoBatch(video=video, tokens=tokens, text_mask=mask)
  options = {
    k: v
    for k, v in stage.recipe["diffusion"].items()
    if k not in ("schedule", "prediction")
  }
  loss, _ = objective.make(stage, options)(params, batch, jax.random.key(2))
  assert np.isfinite(loss)
  text, seen = stage.encode(params, tokens, mask)
  settings = sampler_settings.SamplerSettings(
    num_steps=3, guidance_scale=1.0, visits=(999, 500, 0), maximum=1.5
  )
  sample = base.make(stage.denoise, stage.schedule, settings, stage.frame_shape)
  clips = sample(
    params,
    noise.clip_keys(0, np.arange(2)),
    Condition(text=text, text_mask=seen),
  )
  assert np.all(np.abs(clips) <= 1)
