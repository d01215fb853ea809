"""Pixels that are given come back, at each stage's size."""

import dataclasses

import fake_stages
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.generation import given as givens
from lumiere_jax.generation import request as requests
from lumiere_jax.video import pixels

REQUEST = requests.Request(prompt="a ball that rolls", seed=3)


def _given(side=16, frames=8):
  """Noise, known in the first frame and in a corner of the others."""
  rng = np.random.default_rng(0)
  video = rng.integers(0, 256, (frames, side, side, 3), np.uint8)
  known = np.zeros((frames, side, side), bool)
  known[0] = True
  known[:, :6, :7] = True
  return givens.Given(video=video, known=known)


def test_at_its_own_size_it_is_what_was_given():
  given = _given()
  found = given.at((8, 16, 16))
  np.testing.assert_array_equal(found.known[..., 0] > 0, given.known)
  np.testing.assert_array_equal(
    pixels.to_uint8(found.video)[given.known], given.video[given.known]
  )
  assert not found.video[~given.known].any()


def test_a_coarser_pixel_is_known_where_all_that_it_covers_is():
  found = _given().at((8, 8, 8))
  known = found.known[..., 0]
  assert known[0].all()
  # Of 7 columns three whole pairs.
  assert known[1].sum() == 3 * 3
  assert known[1, :3, :3].all()


def test_a_coarser_pixel_is_the_mean_of_what_it_covers():
  video = np.zeros((8, 16, 16, 3), np.uint8)
  video[:, ::2] = 100
  given = givens.Given(video=video, known=np.ones((8, 16, 16), bool))
  found = pixels.to_uint8(given.at((8, 8, 8)).video)
  assert np.abs(found.astype(int) - 50).max() <= 1


@pytest.mark.parametrize("shape", [(7, 16, 16), (8, 12, 12), (8, 32, 32)])
def test_another_length_or_size_is_refused(shape):
  with pytest.raises(errors.ShapeError, match="8 frames of 16x16 are given"):
    _given().at(shape)


def test_a_mask_of_another_shape_is_refused():
  given = _given()
  with pytest.raises(errors.ShapeError, match="its mask"):
    givens.Given(video=given.video, known=given.known[:4])


def test_the_result_has_what_was_given(cascade):
  given = _given()
  result = cascade(REQUEST, given=given)
  np.testing.assert_array_equal(
    result.frames[0][given.known], given.video[given.known]
  )
  small = given.at((8, 8, 8))
  is_known = np.broadcast_to(small.known > 0, small.video.shape)
  base = result.stages[0].clips[0]
  np.testing.assert_array_equal(
    pixels.to_uint8(base)[is_known], pixels.to_uint8(small.video)[is_known]
  )
  free = cascade(REQUEST).frames[0]
  assert (free != result.frames[0])[given.known].mean() > 0.5


def test_networks_that_are_told_nothing_are_refused():
  generator = fake_stages.load(
    fake_stages.make(), fake_stages.make("ssr", is_told=False)
  )
  with pytest.raises(errors.WeightsError, match=r"stage 'ssr'.*not trained to"):
    generator(REQUEST, given=_given())


def test_a_weak_edit_stays_near_its_source_and_a_strong_one_does_not(cascade):
  request = dataclasses.replace(REQUEST, ssr=False, guard=False)

  # The fake network's ground is the mean of what it sees.
  def level(pixel, strength):
    video = np.full((8, 8, 8, 3), pixel, np.uint8)
    source = givens.Source(video=video, strength=strength)
    return float(cascade(request, source=source).frames.mean())

  assert level(255, 0.2) - level(0, 0.2) > 50
  assert abs(level(255, 1.0) - level(0, 1.0)) < 3


@pytest.mark.parametrize("strength", [0.0, -0.1, 1.5, float("nan")])
def test_a_strength_that_makes_no_sense_is_refused(strength):
  with pytest.raises(errors.ConfigError, match="strength is"):
    givens.Source(video=_given().video, strength=strength)
