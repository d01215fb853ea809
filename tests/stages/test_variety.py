"""Varied clips still show what is said of them."""

import jax
import jax.numpy as jnp
import numpy as np
import toys

from lumiere_jax.stages import variety
from lumiere_jax.toybox import render
from lumiere_jax.toybox import truth
from lumiere_jax.toybox import words

COUNT = 32
SCENE = toys.scene("ball", action="rolls left")


def _vary():
  """The same clip many times, and what became of each."""
  frames = render.footage(SCENE, 32, num_frames=4, fps=1.0).frames
  video = frames[None].repeat(COUNT, 0) / 127.5 - 1.0
  labels = truth.to_array(SCENE)[None].repeat(COUNT, 0)
  places = truth.to_places(SCENE, np.array([0.5, 2.5]))[None].repeat(COUNT, 0)
  varied = jax.jit(variety.vary)(
    *(jax.random.key(0), jnp.asarray(video, jnp.float32), labels, places)
  )
  return video, places, jax.device_get(varied)


def test_what_is_mirrored_goes_the_other_way():
  _, places, varied = _vary()
  actions = [tuple(words.ACTIONS)[k] for k in varied.told["action"]]
  assert {*actions} == {"rolls left", "rolls right"}
  for k, action in enumerate(actions):
    as_it_was = places[k] if action == "rolls left" else places[k][..., ::-1]
    np.testing.assert_array_equal(varied.places[k], as_it_was)
  assert {*varied.told["camera"]} == {0}


def test_half_keep_their_colors_and_others_do_not():
  video, _, varied = _vary()
  assert 0.3 < varied.has_colors.mean() < 0.7
  mean = lambda clip: clip[:, 6:-6, 8:-8].mean((0, 1, 2))
  apart = np.array(
    [np.abs(mean(clip) - mean(video[0])).max() for clip in varied.video]
  )
  assert apart[varied.has_colors == 1].max() < 0.1
  assert np.mean(apart[varied.has_colors == 0] > 0.1) > 0.7
  assert np.abs(varied.video).max() <= 1


def test_clips_are_moved_by_two_pixels_at_most():
  video, _, varied = _vary()
  moved = {
    (y, x)
    for clip, keeps, action in zip(
      varied.video, varied.has_colors, varied.told["action"], strict=True
    )
    if keeps and tuple(words.ACTIONS)[action] == "rolls left"
    for y in range(5)
    for x in range(5)
    if np.allclose(clip[:, 2:-2, 2:-2], video[0][:, y : y + 28, x : x + 28])
  }
  assert len(moved) > 3
