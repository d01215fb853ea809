"""The loop on denoisers whose answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import solvers
from lumiere_jax.sampling import loop
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import times
from lumiere_jax.types import Estimate

SHAPE = (2, 4, 4, 3)
COSINE = schedules.Cosine()
SOLVERS = [
  pytest.param(solvers.Ddim(), id="ddim"),
  pytest.param(solvers.Ddpm(), id="ddpm"),
  pytest.param(solvers.DpmSolverPlusPlus2M(), id="dpmpp_2m"),
]


def _keys(num_clips=2):
  return noise.clip_keys(0, jnp.arange(num_clips))


def _sample(denoise, solver=None, **kwargs):
  options = (
    dict(num_steps=10, keys=_keys(), shape=SHAPE, condition=None) | kwargs
  )
  return loop.sample(denoise, COSINE, solver or solvers.Ddim(), **options)


def _gaussian(noisy, t, condition):
  """E[x | z] for pixels from N(0, 0.25)."""
  alpha, sigma = COSINE.alpha(t), COSINE.sigma(t)
  scale = 0.25 * alpha / (0.25 * alpha**2 + sigma**2)
  return Estimate(scale[:, None, None, None, None] * noisy)


@pytest.mark.parametrize("spacing", times.SPACINGS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_point_mass_is_returned_exactly(solver, spacing):
  point = jax.random.uniform(jax.random.key(1), (2, *SHAPE))
  denoise = lambda noisy, t, condition: Estimate(condition)
  clean = _sample(denoise, solver, condition=point, spacing=spacing)
  np.testing.assert_array_equal(clean, point)


def test_ten_ddim_steps_are_the_product_of_ten_linear_ones():
  """For a linear denoiser each step is a number, computed here in float64."""
  clean = _sample(_gaussian)
  t = np.linspace(float(times.start(COSINE)), 0, 11)
  alpha, sigma = np.cos(np.pi * t / 2), np.sin(np.pi * t / 2)
  gain = 1.0
  for i in range(10):
    x = 0.25 * alpha[i] / (0.25 * alpha[i] ** 2 + sigma[i] ** 2)
    if i == 9:
      gain *= x
    else:
      gain *= alpha[i + 1] * x + sigma[i + 1] / sigma[i] * (1 - alpha[i] * x)
  expected = gain * noise.initial(_keys(), SHAPE)
  np.testing.assert_allclose(clean, expected, rtol=1e-4, atol=1e-6)


def test_dpm_solver_follows_the_flow_of_a_gaussian():
  clean = _sample(
    _gaussian,
    solvers.DpmSolverPlusPlus2M(),
    num_steps=100,
    spacing="logsnr",
  )
  # The flow from N(0, 1) to N(0, 0.25) halves every pixel.
  expected = noise.initial(_keys(), SHAPE) / 2
  np.testing.assert_allclose(clean, expected, atol=0.005)


def test_ancestral_samples_have_the_variance_of_the_data():
  clean = _sample(
    _gaussian, solvers.Ddpm(), num_steps=200, shape=(4, 16, 16, 3)
  )
  # 6,144 values: one standard error is 0.9 %.
  np.testing.assert_allclose(np.std(clean), 0.5, rtol=0.04)


def test_each_step_has_fresh_noise():
  seen = []
  solver = _Recording(seen)
  _sample(_gaussian, solver, num_steps=3)
  jax.effects_barrier()
  first, second, third = sorted(seen, key=lambda x: -x[0])
  assert np.abs(np.corrcoef(first[1], second[1])[0, 1]) < 0.4
  assert np.abs(np.corrcoef(second[1], third[1])[0, 1]) < 0.4


class _Recording:
  """A solver that hands the noise it is given to the host."""

  needs_noise = True

  def __init__(self, seen):
    self.seen = seen

  def init(self, noisy):
    return ()

  def step(self, schedule, noisy, estimate, t, s, noise, carry):
    record = lambda t, noise: self.seen.append((float(t), np.ravel(noise)))
    jax.debug.callback(record, t[0], noise)
    return noisy, carry


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_clip_is_the_same_alone_and_in_a_batch(solver):
  batch = _sample(_gaussian, solver, keys=_keys(4))
  alone = _sample(_gaussian, solver, keys=_keys(4)[2:3])
  np.testing.assert_allclose(batch[2:3], alone, rtol=1e-6, atol=1e-7)


def test_callback_sees_every_estimate_and_the_last_is_the_result():
  seen = []
  clean = _sample(
    _gaussian,
    num_steps=4,
    on_step=lambda *arguments: seen.append(arguments),
  )
  jax.effects_barrier()
  assert [(i, n) for i, n, _ in seen] == [(0, 4), (1, 4), (2, 4), (3, 4)]
  assert all(isinstance(x, np.ndarray) for _, _, x in seen)
  np.testing.assert_array_equal(seen[-1][2], clean)


def test_without_a_callback_the_program_has_none():
  program = lambda on_step: str(
    jax.make_jaxpr(lambda keys: _sample(_gaussian, keys=keys, on_step=on_step))(
      _keys()
    )
  )
  assert "callback" not in program(None)
  assert "callback" in program(print)


def test_sampling_goes_on_from_a_given_clip():
  """The flow of a Gaussian keeps z / sqrt(power), wherever it starts."""
  clean = jax.random.uniform(jax.random.key(3), (2, *SHAPE))
  noisy, t_start = loop.start_from(clean, _keys(), COSINE, 0.6)
  expected_noisy = COSINE.alpha(0.6) * clean + COSINE.sigma(
    0.6
  ) * noise.initial(_keys(), SHAPE)
  np.testing.assert_allclose(noisy, expected_noisy, rtol=1e-5, atol=1e-6)
  edited = _sample(_gaussian, start=(noisy, t_start), num_steps=200)
  power = COSINE.alpha(0.6) ** 2 / 4 + COSINE.sigma(0.6) ** 2
  np.testing.assert_allclose(edited, noisy / jnp.sqrt(power) / 2, atol=0.02)


def test_a_short_way_back_returns_nearly_the_given_clip():
  clean = jax.random.uniform(jax.random.key(3), (2, *SHAPE))
  start = loop.start_from(clean, _keys(), COSINE, 1e-3)
  point = lambda noisy, t, condition: Estimate(noisy / COSINE.alpha(t[0]))
  np.testing.assert_allclose(_sample(point, start=start), clean, atol=0.01)


@pytest.mark.parametrize("t_start", [0.0, 1.5])
def test_start_outside_of_time_is_refused(t_start):
  with pytest.raises(errors.ConfigError, match=r"between 0\.5 and 0\.9"):
    loop.start_from(jnp.zeros((2, *SHAPE)), _keys(), COSINE, t_start)


def test_start_of_another_shape_is_refused():
  with pytest.raises(errors.ShapeError, match="Resize them before noising"):
    _sample(_gaussian, start=(jnp.zeros((2, 2, 8, 8, 3)), 0.5))


def test_raw_keys_are_refused():
  with pytest.raises(errors.ShapeError, match="one typed key for each clip"):
    _sample(_gaussian, keys=jnp.zeros((2, 2), jnp.uint32))
