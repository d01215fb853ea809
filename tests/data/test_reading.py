"""Captions whose meaning is known, as batches."""

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import pipeline
from lumiere_jax.data import reading
from lumiere_jax.data import spec
from lumiere_jax.text import tokenizers
from lumiere_jax.toybox import caption
from lumiere_jax.toybox import world
from lumiere_jax.types import CaptionBatch

TOKENIZER = tokenizers.ByteTokenizer(224)
FIELDS = ("tokens", "text_mask", "labels")


def _source(split="train", name=reading.NAME):
  return reading.CaptionSource(spec.Part.from_text(name), split)


def _build(dataset=reading.NAME, **said):
  said = dict(batch_size=4, seed=0) | said
  return pipeline.build(dataset, frames="none", tokenizer=TOKENIZER, **said)


def _text(tokens):
  return bytes(int(token) - 3 for token in tokens if token > 2).decode()


def _same(one, other):
  for name in FIELDS:
    np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("split", world.SPLITS)
def test_captions_are_those_of_the_world(split):
  source = _source(split)
  for index in (0, 4, 96):
    assert source[index] == world.describe(split, index)


def test_most_scenes_are_of_several_things():
  source = _source()
  several = [
    any("shape 1" in caption.labels for caption in source[index])
    for index in range(200)
  ]
  # Three in four, and two in five of the fourth; a caption may leave them out.
  assert 0.7 < np.mean(several) < 0.95


def test_a_part_may_name_its_split():
  source = _source("train", f"{reading.NAME}?split=test")
  assert source.split == "test"
  assert source[0] == world.describe("test", 0)


def test_a_view_shows_each_caption_with_its_own_labels():
  view, captions = reading.View(TOKENIZER), _source()[5]
  meaning = {one.text: one for one in captions}
  seen = set()
  for seed in range(20):
    arrays = view(captions, np.random.default_rng(seed))
    text = _text(arrays["tokens"])
    seen.add(text)
    np.testing.assert_array_equal(arrays["labels"], meaning[text].array())
    assert arrays["text_mask"].sum() == len(text) + 1  # and the end
  assert seen == {*meaning}


def test_a_batch_is_captions_alone():
  with _build() as iterator:
    batch = next(iterator)
  assert isinstance(batch, CaptionBatch)
  assert batch.tokens.shape == batch.text_mask.shape == (4, 224)
  assert batch.tokens.dtype == batch.labels.dtype == np.int32
  assert batch.text_mask.dtype == bool
  assert batch.labels.shape == (4, len(caption.QUESTIONS))
  assert (batch.labels > 0).any()
  assert len({_text(row) for row in batch.tokens}) == 4


def test_it_goes_on_where_it_was():
  with _build() as iterator:
    through = [next(iterator) for _ in range(4)]
  with _build() as before:
    for _ in range(2):
      next(before)
    state = before.get_state()
  with _build() as after:
    after.set_state(state)
    _same(next(after), through[2])
    _same(next(after), through[3])


def test_a_place_among_clips_is_none_among_captions():
  state = pipeline.build(
    "toybox:16",
    batch_size=4,
    seed=0,
    tokenizer=TOKENIZER,
    num_frames=4,
    fps=4,
    resolution=16,
  ).get_state()
  with _build() as iterator, pytest.raises(errors.DataError, match="other dat"):
    iterator.set_state(state)


@pytest.mark.parametrize("name", ["cache/clips", "toybox:32", "tfds:ucf101"])
def test_captions_that_mean_nothing_known_are_refused(name):
  match = rf"{name} is not known .*use --config.data.dataset=toybox:captions\."
  with pytest.raises(errors.ConfigError, match=match) as raised:
    _build(name)
  assert "\n" not in str(raised.value)


def test_a_split_that_is_not_there_is_refused():
  with pytest.raises(errors.ConfigError, match="'valid'; it must be one of"):
    _build(split="valid")
