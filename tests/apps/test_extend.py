"""Longer clips from a generator of short ones."""

import fake_stages
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.apps import extend
from lumiere_jax.generation import request as requests
from lumiere_jax.stages import spread
from lumiere_jax.video import pixels
from lumiere_jax.video import resize


@pytest.fixture
def generator(monkeypatch):
  """A base of 8 frames of 8 pixels, upsampled to 16."""
  monkeypatch.setattr(spread, "over", lambda stage, mesh: stage)
  return fake_stages.load(fake_stages.make(), fake_stages.make("ssr"))


def _source(frames=8):
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (frames, 16, 16, 3), np.uint8)


def _extend(generator, source, num_frames, *, overlap=3, **said):
  request = generator.complete(
    requests.Request(prompt="a ball that rolls", seed=5, **said)
  )
  return extend.paint(
    generator, request, source, num_frames=num_frames, overlap=overlap
  )


def test_a_longer_clip_begins_with_its_source(generator):
  source = _source()
  base, upsampled = _extend(generator, source, 20)
  assert base.clips.shape == (1, 20, 8, 8, 3)
  assert upsampled.clips.shape == (1, 20, 16, 16, 3)
  frames = pixels.to_uint8(upsampled.clips[0])
  np.testing.assert_array_equal(frames[:8], source)
  small = pixels.to_uint8(base.clips[0])
  np.testing.assert_array_equal(small[:8], resize.resize(source, 8, 8))


def test_stretches_have_seeds_of_their_own(generator, monkeypatch):
  seeds, paint = [], generator.paint
  monkeypatch.setattr(
    generator,
    "paint",
    lambda request, *rest, **more: (
      seeds.append(request.seed) or paint(request, *rest, **more)
    ),
  )
  _extend(generator, _source(), 20, ssr=False, guard=False)
  # 8 of the source, then 5 and 5 and 2.
  assert seeds == [5, 6, 7]


def test_a_source_shorter_than_the_overlap_is_given_whole(generator):
  source = _source(2)
  (base,) = _extend(generator, source, 9, ssr=False, guard=False)
  assert base.clips.shape[1] == 9


@pytest.mark.parametrize(
  ("frames", "overlap", "match"),
  [
    (8, 3, "0.50 s already"),
    (16 * 121, 3, "at most 120"),
    (20, 0, "from 1 to 7"),
    (20, 8, "from 1 to 7"),
  ],
)
def test_lengths_that_make_no_sense_are_refused(
  generator, frames, overlap, match
):
  with pytest.raises(errors.ConfigError, match=match):
    _extend(generator, _source(), frames, overlap=overlap)
