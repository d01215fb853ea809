"""Clips that the device renders, through `feed`."""

import pathlib
import types

import clips as clip_files
import jax
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import feed
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.toybox import render
from lumiere_jax.toybox import world


def _fed(**changed):
  data = dict(
    dataset="toybox:16",
    split="train",
    num_frames=2,
    fps=1,
    resolution=16,
    frames="first",
    flip=False,
    global_batch=2,
    num_workers=0,
    keep="device",
    pool=4,
    reuse=2,
  )
  stage = types.SimpleNamespace(tokenizer=clip_files.tokenize)
  recipe = {"data": data | changed, "seed": 0}
  mesh = meshes.make({"data": -1}, jax.devices()[:1])
  return feed.clips(stage, recipe, str(pathlib.Path()), mesh)


def test_a_batch_is_of_clips_of_the_world():
  batch = next(_fed())
  known = [
    render.footage(world.scene("train", k), 16, num_frames=2, fps=1.0).frames
    for k in range(4)
  ]
  for video in np.asarray(batch.video).astype(int):
    assert min(np.abs(video - one).mean() for one in known) < 0.3


def test_twins_come_together():
  batch = next(_fed(dataset="toybox:16?split=twins", together=2))
  pair = [world.describe("twins", index) for index in (0, 1)]
  other_pair = [world.describe("twins", index) for index in (2, 3)]
  read = lambda said: clip_files.tokenize([one.text for one in said])[0]
  drawn = np.asarray(batch.tokens)
  assert any(
    (drawn == np.stack([read(one)[k], read(other)[k]])).all()
    for one, other in (pair, other_pair)
    for k in range(world.CAPTIONS)
  )
  a, b = np.asarray(batch.video).astype(int)
  # The same scene, which begins otherwise or goes on so.
  assert 0 < np.abs(a - b).mean() < 40


def test_chunks_that_would_part_twins_are_refused():
  with pytest.raises(errors.ConfigError, match="clips come by 3"):
    _fed(dataset="toybox:16?split=twins", together=2, pool=6)


def test_clips_are_not_drawn_together_from_files():
  with pytest.raises(errors.ConfigError, match=r"data\.keep is 'none'"):
    _fed(keep="none", together=2)


def test_another_size_than_is_shown_is_refused():
  with pytest.raises(errors.ConfigError, match="dataset=toybox:16"):
    _fed(dataset="toybox:32")


def test_a_pool_too_large_to_stay_is_refused():
  with pytest.raises(errors.ConfigError, match="Give a smaller"):
    _fed(pool=2**24)
