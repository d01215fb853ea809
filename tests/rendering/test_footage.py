"""An accelerator's frames are those of the world's own renderer."""

import dataclasses

import jax
import numpy as np
import pytest
import toys

from lumiere_jax.rendering import footage
from lumiere_jax.toybox import render
from lumiere_jax.toybox import shapes
from lumiere_jax.toybox import staging
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world

SIZE, FRAMES = 16, 2


def _both(scenes, num_frames=FRAMES):
  """Frames [N, T, S, S, 3] int of both renderers, a second apart."""
  kept = [
    render.footage(one, SIZE, num_frames=num_frames, fps=1.0).frames
    for one in scenes
  ]
  staged = [staging.stage(one, num_frames=num_frames, fps=1) for one in scenes]
  staged = jax.tree.map(lambda *x: np.stack(x), *staged)
  ours = np.asarray(footage.render(staged, SIZE))
  assert ours.dtype == np.uint8
  return np.stack(kept).astype(int), ours.astype(int)


def _all_kinds():
  """Scenes with all shapes, materials, grounds and skies between them."""
  found, grounds, skies = [], [*words.GROUNDS], [*words.SKIES]
  for k, shape in enumerate(shapes.DISTANCES):
    scene = toys.enacted(
      [*words.ACTIONS][k % len(words.ACTIONS)],
      shape,
      ground=grounds[k % len(grounds)],
      sky=skies[k % len(skies)],
      camera=[*words.CAMERAS][k % len(words.CAMERAS)],
      seed=k,
    )
    material = [*words.MATERIALS][k % len(words.MATERIALS)]
    first = dataclasses.replace(scene.things[0], material=material)
    things = (first, *scene.things[1:])
    found.append(dataclasses.replace(scene, things=things))
  return found


@pytest.fixture(scope="module")
def both():
  return _both([*_all_kinds(), *(world.scene("train", k) for k in range(9))])


def test_frames_are_those_of_the_renderer_in_numpy(both):
  kept, ours = both
  apart = np.abs(kept - ours)
  # A pixel of an edge may fall to either side by rounding, and texels too.
  assert apart.mean() < 0.02
  assert (apart > 2).mean() < 0.002


def test_no_clip_is_far_off(both):
  kept, ours = both
  assert np.abs(kept - ours).mean((1, 2, 3, 4)).max() < 0.2


def test_frames_differ_from_one_another(both):
  """Or the two tests above would say little."""
  _, ours = both
  assert np.abs(ours[:-1] - ours[1:]).mean((1, 2, 3, 4)).min() > 3


def test_a_thing_that_is_not_there_casts_no_shadow():
  scene = toys.scene("ball")
  staged = staging.stage(scene, num_frames=1, fps=1)
  moved = staged.position.copy()
  moved[:, 1:] = staged.position[:, :1] + 0.3  # where it would be seen
  one, other = (
    footage.render(jax.tree.map(lambda x: np.asarray(x)[None], x), SIZE)
    for x in (staged, staged._replace(position=moved))
  )
  np.testing.assert_array_equal(one, other)


def test_clips_do_not_depend_on_how_many_are_rendered(both, monkeypatch):
  _, ours = both
  scenes = [*_all_kinds()][:3]
  monkeypatch.setattr(footage, "_MOST_RAYS", 1)  # one clip at a time
  jax.clear_caches()
  np.testing.assert_array_equal(_both(scenes)[1], ours[:3])
