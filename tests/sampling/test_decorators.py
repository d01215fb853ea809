"""Decorated denoisers do what their name says and nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.sampling import decorators
from lumiere_jax.sampling import membrane
from lumiere_jax.types import Estimate, Guided

T = jnp.array([0.3, 0.7])


def _noisy():
  return jax.random.normal(jax.random.key(1), (2, 3, 4, 4, 3))


def _with(toy):
  return lambda noisy, t, condition: toy.denoise(
    toy.params, noisy, t, condition
  )


def test_guidance_is_the_linear_mix_of_two_separate_calls(toy):
  denoise, condition = _with(toy), toy.condition(2)
  positive = denoise(_noisy(), T, condition.positive)
  negative = denoise(_noisy(), T, condition.negative)
  guided = decorators.guided(denoise, 4.0)(_noisy(), T, condition)
  np.testing.assert_allclose(
    guided.clean, 4 * positive.clean - 3 * negative.clean, rtol=1e-4, atol=1e-4
  )
  np.testing.assert_allclose(
    guided.variance_mix, positive.variance_mix, rtol=1e-5, atol=1e-6
  )


def test_guidance_calls_the_network_once_with_twice_the_batch(toy):
  seen = []

  def denoise(noisy, t, condition):
    seen.append((noisy.shape[0], t.shape[0], condition.text.shape[0]))
    return Estimate(noisy)

  decorators.guided(denoise, 2.0)(_noisy(), T, toy.condition(2))
  assert seen == [(4, 4, 4)]


def test_weight_one_computes_only_the_positive(toy):
  seen = []

  def denoise(noisy, t, condition):
    seen.append(noisy.shape[0])
    return Estimate(noisy + condition.text[0, 0, 0])

  condition = toy.condition(2)
  unguided = decorators.guided(denoise, 1.0)
  both = unguided(_noisy(), T, condition)
  alone = unguided(_noisy(), T, condition.positive)
  assert seen == [2, 2]
  np.testing.assert_array_equal(both.clean, alone.clean)


def test_guidance_without_a_negative_is_refused(toy):
  guided = decorators.guided(_with(toy), 2.0)
  with pytest.raises(errors.ConfigError, match="no negative condition"):
    guided(_noisy(), T, toy.condition(2).positive)


def test_prompts_of_two_lengths_are_refused(toy):
  condition = toy.condition(2)
  short = dataclasses.replace(
    condition.negative, text=condition.negative.text[:, :2]
  )
  pair = Guided(positive=condition.positive, negative=short)
  with pytest.raises(errors.ShapeError, match="one number of tokens"):
    decorators.guided(_with(toy), 2.0)(_noisy(), T, pair)


@pytest.mark.parametrize("is_guided", [True, False])
def test_what_is_given_comes_out_as_it_went_in(toy, is_guided):
  condition = toy.condition(2, given_shape=(3, 4, 4))
  denoise = decorators.guided(_with(toy), 2.0 if is_guided else 1.0)
  condition = condition if is_guided else condition.positive
  plain = denoise(_noisy(), T, condition)
  kept = decorators.keeping(denoise)(_noisy(), T, condition)
  given = toy.condition(2, given_shape=(3, 4, 4)).positive.given
  is_known = np.broadcast_to(given.known > 0, kept.clean.shape)
  assert 0 < is_known.mean() < 1
  np.testing.assert_array_equal(kept.clean[is_known], given.video[is_known])
  np.testing.assert_array_equal(kept.clean[~is_known], plain.clean[~is_known])


def test_what_is_painted_meets_what_is_given_if_asked(toy):
  condition = toy.condition(2, given_shape=(3, 4, 4)).positive
  plain = _with(toy)(_noisy(), T, condition)
  met = decorators.keeping(_with(toy), 9.0)(_noisy(), T, condition)
  expected = membrane.meet(plain.clean, condition.given, 9.0)
  np.testing.assert_array_equal(met.clean, expected)
  np.testing.assert_array_equal(met.variance_mix, plain.variance_mix)


def test_where_nothing_is_given_nothing_is_kept(toy):
  plain = _with(toy)(_noisy(), T, toy.condition(2).positive)
  kept = decorators.keeping(_with(toy))(_noisy(), T, toy.condition(2).positive)
  np.testing.assert_array_equal(kept.clean, plain.clean)


def test_threshold_changes_the_clean_clip_alone():
  mix = jnp.full((2, 3, 4, 4, 3), 0.5)
  denoise = lambda noisy, t, condition: Estimate(3 * noisy, mix)
  estimate = decorators.thresholded(denoise, 0.9)(_noisy(), T, None)
  assert jnp.abs(estimate.clean).max() == 1
  np.testing.assert_array_equal(estimate.variance_mix, mix)
