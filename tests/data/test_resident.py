"""Tables hold what batches would show."""

import dataclasses

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import prepare
from lumiere_jax.data import resident
from lumiere_jax.data import source
from lumiere_jax.data import spec
from lumiere_jax.data import toybox
from lumiere_jax.data import view as view_lib

NUM_CLIPS = 3


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
  folder = tmp_path_factory.mktemp("resident")
  captions = [f"clip {k}" for k in range(NUM_CLIPS)]
  clips.write_folder(folder / "in", captions, seconds=2)
  settings = prepare.Settings(seconds=2)
  prepare.prepare(folder / "in", folder / "out", settings=settings)
  return str(folder / "out")


def _view(**changed):
  given = dict(
    num_frames=4, fps=16, resolution=16, flip=True, tokenizer=clips.tokenize
  )
  return view_lib.View(**given | changed)


def _built(dataset, **changed):
  return resident.build([source.ClipSource(dataset)], [1.0], _view(**changed))


@pytest.mark.parametrize(
  ("frames", "fps", "total"), [("first", 16, 4), ("clip", 8, 16)]
)
def test_all_that_may_be_shown_is_there(dataset, frames, fps, total):
  tables = _built(dataset, frames=frames, fps=fps)
  assert tables.video.shape == (NUM_CLIPS, total, 16, 16, 3)
  clip = source.ClipSource(dataset)[1]
  shown = _view(frames="first", fps=fps, flip=False, place="centre")(
    clip, np.random.default_rng(5)
  )
  np.testing.assert_array_equal(tables.video[1][:4], shown["video"])
  tokens, mask = clips.tokenize(list(clip.captions))
  np.testing.assert_array_equal(tables.tokens[1], tokens)
  np.testing.assert_array_equal(tables.text_mask[1], mask)
  np.testing.assert_allclose(tables.share, np.full(NUM_CLIPS, 1 / NUM_CLIPS))


def test_processes_change_nothing(dataset):
  one = _built(dataset, frames="clip")
  many = resident.build(
    [source.ClipSource(dataset)], [1.0], _view(frames="clip"), num_workers=2
  )
  for name in ("video", "tokens", "num_captions"):
    np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


def test_random_frames_are_of_all_that_a_clip_has(dataset):
  clip = source.ClipSource(dataset)[0]
  tables = _built(dataset, frames="random")
  assert tables.video.shape[1] == round(clip.duration * clip.fps)
  # Every one of them, in order: no frame is there twice.
  assert not (tables.video[0][1:] == tables.video[0][:-1]).all((1, 2, 3)).any()


def test_several_datasets_have_the_shares_that_they_are_given(dataset):
  sources = [source.ClipSource(dataset), source.ClipSource(dataset)]
  share = resident.build(sources, [3.0, 1.0], _view(frames="first")).share
  np.testing.assert_allclose(share, [0.25] * 3 + [1 / 12] * 3)


def test_the_truth_is_told_of_toys():
  part = spec.Part(name="toybox:16")
  toys = toybox.ToyboxSource(part, "train")
  few = _First(toys, 2)
  view = _view(frames="first", fps=8, num_frames=4, flip=False, truth=True)
  tables = resident.build([few], [1.0], view)
  told = view(toys[1], np.random.default_rng(0))
  for name in ("video", "labels", "places"):
    np.testing.assert_array_equal(getattr(tables, name)[1], told[name])
  assert tables.tokens is None


class _First:
  """The first clips of a source."""

  def __init__(self, of, count):
    self._of, self._count = of, count

  def __len__(self):
    return self._count

  def __getitem__(self, index):
    return self._of[index]


def test_captions_are_counted_where_clips_have_unequally_many():
  one = lambda count: {"tokens": np.full((count, 2), 7, np.int32)}
  tables = resident._stack([one(1), one(3)])
  assert tables["num_captions"].tolist() == [1, 3]
  assert tables["tokens"][0].tolist() == [[7, 7], [0, 0], [0, 0]]


def test_what_is_too_large_is_refused(dataset, monkeypatch):
  monkeypatch.setattr(resident, "_MOST_BYTES", 1000)
  with pytest.raises(errors.ConfigError, match="at most"):
    _built(dataset)


def test_a_clip_that_is_too_short_is_refused(dataset):
  with pytest.raises(errors.VideoError, match="fewer than the 99"):
    _built(dataset, num_frames=99)


def test_clips_of_other_lengths_are_refused(dataset):
  ours = source.ClipSource(dataset)
  view = _view(frames="clip")
  longer = resident._whole_clips(ours[0], view)
  longer = dataclasses.replace(longer, num_frames=longer.num_frames + 1)
  with pytest.raises(errors.VideoError, match="equally long"):
    resident._read([ours], longer, view, (0, 1))


def test_embeddings_are_refused(dataset):
  with pytest.raises(errors.ConfigError, match="leave embeddings out"):
    _built(dataset, embedder=clips.tokenize)
