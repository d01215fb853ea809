"""Our samplers against diffusers' schedulers, step by step."""

import foreign_steps
import numpy as np
import peers_of_steps as peers
import pytest

from lumiere_jax.diffusion import schedules
from lumiere_jax.sampling import times

torch = pytest.importorskip("torch")
# Two steps that are next to each other and near the first lose their digits in
# theirs, in float32: 6e-5 of what there is.
COARSE = ("ddpm_if_uneven", "ddpm_all")


@pytest.mark.parametrize("name", foreign_steps.CASES)
def test_steps_are_theirs(name):
  case = foreign_steps.CASES[name]
  timesteps, want = peers.run(case)
  grid, found = foreign_steps.run(case, follow=want)
  np.testing.assert_allclose(1000 * grid[:-1] - 1, timesteps, atol=1e-3)
  assert grid[-1] == 0
  assert foreign_steps.largest_error(found, want) <= 1e-5
  _, rounded = peers.run(case, torch.float32)
  _, found = foreign_steps.run(case, follow=rounded)
  bar = 1e-4 if name in COARSE else 1e-5
  assert foreign_steps.largest_error(found, rounded) <= bar


@pytest.mark.parametrize("name", peers._BETAS)
def test_noise_is_theirs(name):
  scheduler = peers.diffusers.DDPMScheduler(beta_schedule=peers._BETAS[name])
  schedule = schedules.build(name)
  clean, noise = torch.ones(1000, 1), torch.ones(1000, 1)
  steps = torch.arange(1000)
  t = (np.arange(1000) + 1) / 1000
  alpha = scheduler.add_noise(clean, 0 * noise, steps).numpy()[:, 0]
  np.testing.assert_allclose(schedule.alpha(t), alpha, rtol=1e-5)
  sigma = scheduler.add_noise(0 * clean, noise, steps).numpy()[:, 0]
  np.testing.assert_allclose(schedule.sigma(t), sigma, rtol=1e-5)


@pytest.mark.parametrize("name", ["fast27", "smart50", "smart100", "super40"])
def test_their_lists_of_steps_can_be_visited(name):
  from diffusers.pipelines.deepfloyd_if import timesteps

  visits = getattr(timesteps, f"{name}_timesteps")
  grid = times.grid(
    schedules.build("squared_cosine"), len(visits), visits=visits
  )
  np.testing.assert_allclose(1000 * grid[:-1] - 1, visits, atol=1e-3)
