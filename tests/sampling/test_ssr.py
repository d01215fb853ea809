"""Super-resolution hands the small clip, noised, to every window alike."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import schedules
from lumiere_jax.sampling import base
from lumiere_jax.sampling import decorators
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import settings
from lumiere_jax.sampling import ssr
from lumiere_jax.types import Condition, Estimate

COSINE = schedules.Cosine()
SHAPE, SMALL = (9, 8, 8, 3), (9, 4, 4, 3)
SETTINGS = settings.SamplerSettings(
  num_steps=3, guidance_scale=1.0, window=4, overlap=2, noise_level=0.2
)
KEYS = noise.clip_keys(0, jnp.arange(2))


def _low_res():
  return jax.random.uniform(jax.random.key(1), (2, *SMALL), minval=-1)


def _condition(low_res):
  return Condition(
    text=jnp.zeros((2, 1, 1)),
    text_mask=jnp.ones((2, 1), bool),
    low_res=low_res,
  )


def _show_low_res(params, noisy, t, condition):
  """A network that says what it is told: the small clip, resized."""
  repeat = lambda x: jnp.repeat(jnp.repeat(x, 2, 2), 2, 3)
  level = corruption.expand(condition.noise_level, noisy)
  return Estimate(repeat(condition.low_res) + 0.0 * noisy, level + 0.0 * noisy)


def _sample(low_res, denoise=_show_low_res, **changes):
  changed = dataclasses.replace(SETTINGS, threshold=None, **changes)
  sample = ssr.make(denoise, COSINE, changed, SHAPE)
  return jax.jit(sample)({}, KEYS, _condition(low_res))


def test_the_network_sees_the_small_clip_with_one_noise_for_all_windows():
  shown = _sample(_low_res())[:, :, ::2, ::2]
  added = noise.low_res(noise.for_ssr(KEYS), SMALL)
  alpha, sigma = np.cos(0.1 * np.pi), np.sin(0.1 * np.pi)
  expected = alpha * _low_res() + sigma * added
  np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-5)


def test_the_small_clip_may_be_enlarged_before_it_is_noised():
  show = lambda params, noisy, t, condition: Estimate(
    condition.low_res + 0.0 * noisy
  )
  shown = _sample(_low_res(), show, noise_enlarged=True)
  added = noise.low_res(noise.for_ssr(KEYS), SHAPE)
  alpha, sigma = np.cos(0.1 * np.pi), np.sin(0.1 * np.pi)
  expected = alpha * corruption.enlarge(_low_res(), 8, 8) + sigma * added
  np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-5)


def test_level_zero_shows_the_small_clip_itself():
  shown = _sample(_low_res(), noise_level=0.0)[:, :, ::2, ::2]
  np.testing.assert_allclose(shown, _low_res(), atol=3e-4)


def _grey(params, noisy, t, condition):
  return Estimate(0.0 * noisy)


def test_what_is_kept_to_is_the_small_clip_before_its_noise():
  # Smooth, as pictures are.
  rows = jnp.linspace(-0.5, 0.5, 4)[:, None, None]
  low_res = jnp.broadcast_to(rows, (2, *SMALL))

  def off(**changes):
    shrunk = corruption.shrink(_sample(low_res, _grey, **changes), 4, 4)
    return float(jnp.abs(shrunk - low_res).max())

  np.testing.assert_allclose(off(), 0.5, atol=1e-4)
  assert off(keep_low_res=True) < 0.01
  # However noisy it was when the network saw it.
  assert off(keep_low_res=True, noise_level=0.9) < 0.01


def test_what_shrinks_to_the_small_clip_is_left_as_it_is():
  fine = jax.random.normal(jax.random.key(2), (1, 2, 8, 8, 3))
  low_res = corruption.shrink(fine, 4, 4)
  keep = decorators.keeping_low_res(lambda *_: Estimate(fine, 7.0), low_res)
  kept = keep(fine, jnp.zeros(1), None)
  np.testing.assert_allclose(kept.clean, fine, atol=1e-6)
  assert kept.variance_mix == 7.0


def test_the_network_is_told_the_level():
  seen = []

  def denoise(params, noisy, t, condition):
    jax.debug.callback(
      lambda x: seen.append(np.asarray(x)), condition.noise_level
    )
    return _show_low_res(params, noisy, t, condition)

  _sample(_low_res(), denoise)
  jax.effects_barrier()
  assert len(seen) == 3
  # Two clips of four windows each.
  np.testing.assert_allclose(seen[0], np.full(8, 0.2), rtol=1e-6)


def test_both_conditions_of_a_pair_get_the_same_small_clip(toy):
  condition = toy.condition(2, low_res_shape=SMALL)
  seen = []

  def denoise(params, noisy, t, condition):
    jax.debug.callback(lambda x: seen.append(np.asarray(x)), condition.low_res)
    return toy.denoise(params, noisy, t, condition)

  changed = dataclasses.replace(SETTINGS, guidance_scale=2.0)
  sample = jax.jit(ssr.make(denoise, COSINE, changed, SHAPE))
  assert condition.negative.low_res is None
  clean = sample(toy.params, KEYS, condition)
  jax.effects_barrier()
  assert clean.shape == (2, *SHAPE)
  np.testing.assert_array_equal(seen[0][0::2], seen[0][1::2])


def test_stages_with_the_same_keys_start_from_different_noise():
  given = lambda params, noisy, t, condition: Estimate(noisy)
  changed = dataclasses.replace(
    SETTINGS, num_steps=1, window=None, threshold=None
  )
  one = base.make(given, COSINE, changed, SHAPE)({}, KEYS, _condition(None))
  other = ssr.make(given, COSINE, changed, SHAPE)(
    {}, KEYS, _condition(_low_res())
  )
  assert abs(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]) < 0.1


def test_windows_share_their_borders():
  """A network that differs between windows leaves steps; means soften them.

  The estimate is the mean of the window's noisy frames, so windows disagree.
  """

  def disagree(params, noisy, t, condition):
    return Estimate(
      jnp.broadcast_to(jnp.mean(noisy, 1, keepdims=True), noisy.shape)
    )

  jumps = {}
  for overlap in (0, 2):
    clean = _sample(_low_res(), disagree, overlap=overlap, solver="ddim")
    jumps[overlap] = np.abs(np.diff(clean, axis=1)).mean((0, 2, 3, 4)).max()
  assert jumps[2] < 0.8 * jumps[0]


@pytest.mark.parametrize(
  ("low_res", "found"),
  [
    pytest.param(None, "is missing", id="missing"),
    pytest.param(jnp.zeros((2, 5, 4, 4, 3)), "has 5 frames", id="short"),
  ],
)
def test_a_small_clip_that_does_not_fit_is_refused(low_res, found):
  with pytest.raises(errors.ShapeError, match=f"{found}.*of the 9 frames"):
    _sample(low_res)
