"""Noise belongs to a clip, a purpose and a step, and to nothing else."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.sampling import noise

SHAPE = (3, 4, 4, 3)


def test_a_clip_has_the_same_noise_alone_and_in_any_batch():
  batch = noise.initial(noise.clip_keys(7, jnp.arange(4)), SHAPE)
  alone = noise.initial(noise.clip_keys(7, jnp.array([2])), SHAPE)
  np.testing.assert_array_equal(batch[2:3], alone)


def test_every_seed_clip_purpose_and_step_has_its_own_noise():
  draws = [
    draw(keys, SHAPE)
    for keys in (
      noise.clip_keys(0, jnp.array([0])),
      noise.clip_keys(0, jnp.array([1])),
      noise.clip_keys(1, jnp.array([0])),
      noise.for_ssr(noise.clip_keys(0, jnp.array([0]))),
    )
    for draw in (
      noise.initial,
      noise.low_res,
      lambda keys, shape: noise.at_step(keys, 0, shape),
      lambda keys, shape: noise.at_step(keys, 1, shape),
    )
  ]
  for one, other in itertools.combinations(draws, 2):
    # 144 independent values: a correlation of 0.4 is five deviations.
    assert abs(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]) < 0.4


def test_noise_is_standard_normal():
  draw = noise.initial(noise.clip_keys(0, jnp.arange(2)), (8, 32, 32, 3))
  assert draw.dtype == jnp.float32
  np.testing.assert_allclose(draw.mean(), 0, atol=0.02)
  np.testing.assert_allclose(draw.std(), 1, rtol=0.02)


def test_keys_do_not_depend_on_the_default_generator():
  with jax.default_prng_impl("rbg"):
    keys = noise.clip_keys(0, jnp.arange(2))
  assert keys.dtype == noise.clip_keys(0, jnp.arange(2)).dtype


@pytest.mark.parametrize(
  "keys",
  [
    pytest.param(jnp.zeros((2, 2), jnp.uint32), id="raw"),
    pytest.param(jax.random.key(0), id="single"),
  ],
)
def test_anything_but_one_typed_key_per_clip_is_refused(keys):
  with pytest.raises(errors.ShapeError, match=r"noise.clip_keys\(seed"):
    noise.require_keys(keys)


@pytest.mark.parametrize(
  "draw",
  [
    pytest.param(noise.initial, id="initial"),
    pytest.param(noise.low_res, id="low_res"),
    pytest.param(lambda k, s, c: noise.at_step(k, 3, s, c), id="at_step"),
  ],
)
def test_shared_noise_is_one_for_all_frames_of_a_clip_and_of_no_other(draw):
  keys = noise.clip_keys(0, jnp.arange(2))
  first, other = draw(keys, (2, 32, 32, 3), corruption.Shared(0.8))
  correlate = lambda a, b: np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]
  np.testing.assert_allclose(correlate(*first), 0.8, atol=0.05)
  np.testing.assert_allclose(correlate(first, other), 0.0, atol=0.05)
  np.testing.assert_allclose(first.std(), 1, atol=0.05)


@pytest.mark.parametrize("patch", [None, 4])
def test_a_longer_clip_begins_with_the_same_common_noise(patch):
  # So that a clip that is painted in windows agrees on what stays the same.
  keys = noise.clip_keys(0, jnp.array([0]))
  almost = corruption.Shared(1 - 1e-7, patch)
  short, long = (noise.initial(keys, (n, 8, 8, 3), almost) for n in (2, 5))
  np.testing.assert_allclose(short[:, :1], long[:, 4:], atol=5e-3)
