"""Chunks say of their clips what datasets would."""

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import staged
from lumiere_jax.data import toybox
from lumiere_jax.data import view as view_lib
from lumiere_jax.toybox import staging
from lumiere_jax.toybox import truth
from lumiere_jax.toybox import world


def _stager(split="test", size=3, **changed):
  given = dict(
    num_frames=4, fps=8, resolution=16, flip=False, tokenizer=clips.tokenize
  )
  given |= dict(frames="first") | changed
  return staged.Stager(split=split, size=size, view=view_lib.View(**given))


def test_clips_follow_one_another():
  columns = _stager()(2)
  for k in range(3):
    scene = world.scene("test", 6 + k)
    for name, of_one in zip(
      staging.Staged._fields,
      staging.stage(scene, num_frames=4, fps=8),
      strict=True,
    ):
      found = getattr(columns[staged.SCENES], name)[k]
      np.testing.assert_array_equal(found, of_one, err_msg=name)
    captions = [one.text for one in world.describe("test", 6 + k)]
    tokens, mask = clips.tokenize(captions)
    np.testing.assert_array_equal(columns["tokens"][k], tokens)
    np.testing.assert_array_equal(columns["text_mask"][k], mask)
    assert columns["num_captions"][k] == len(captions)
    assert not columns["may_flip"][k].any()


def test_the_truth_is_told():
  columns = _stager(truth=True)(0)
  assert {*columns} == {staged.SCENES, "labels", "places"}
  scene = world.scene("test", 1)
  np.testing.assert_array_equal(columns["labels"][1], truth.to_array(scene))
  times = np.array([0.5, 2.5]) / 8
  np.testing.assert_array_equal(
    columns["places"][1], truth.to_places(scene, times)
  )


def test_after_the_last_clip_comes_the_first(monkeypatch):
  monkeypatch.setattr(toybox, "ENDLESS", 4)
  eyes = _stager()(1)[staged.SCENES].eye
  first = staging.stage(world.scene("test", 0), num_frames=4, fps=8)
  np.testing.assert_array_equal(eyes[1], first.eye)


@pytest.mark.parametrize(
  ("frames", "count", "fps"),
  [("first", 4, 8), ("clip", 40, 8), ("random", 80, 16)],
)
def test_all_frames_that_may_be_shown_are_rendered(frames, count, fps):
  whole = staged.shown(_stager(frames=frames).view)
  assert (whole.num_frames, whole.fps) == (count, fps)


def test_processes_change_nothing():
  one, many = staged.Chunks(_stager()), staged.Chunks(_stager(), 2)
  try:
    for chunk in (0, 1, 5):  # of which some were made ahead
      a, b = one(chunk), many(chunk)
      np.testing.assert_array_equal(a["tokens"], b["tokens"])
      np.testing.assert_array_equal(
        a[staged.SCENES].position, b[staged.SCENES].position
      )
  finally:
    many.close()
  one.close()  # there is nothing to end


def test_what_is_drawn_is_refused():
  with pytest.raises(errors.ConfigError, match="give --config"):
    _stager(split="styled_neon")


def test_embeddings_are_refused():
  with pytest.raises(errors.ConfigError, match="leave embeddings out"):
    _stager(embedder=lambda captions: None)


def test_more_frames_than_a_clip_has_are_refused():
  with pytest.raises(errors.ConfigError, match="40 frames at 8 a second"):
    _stager(num_frames=41)(0)
