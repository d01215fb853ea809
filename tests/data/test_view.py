import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import source
from lumiere_jax.data import view as view_lib


def _clip(frames, **kwargs):
  defaults = dict(
    video=clips.encode(frames, fps=25),
    captions=("a dog",),
    name="clip 0",
    duration=len(frames) / 25,
    fps=25.0,
    hold=False,
  )
  return source.Clip(**defaults | kwargs)


def _view(**kwargs):
  defaults = dict(
    num_frames=8, fps=25, resolution=32, tokenizer=clips.tokenize, flip=False
  )
  return view_lib.View(**defaults | kwargs)


def _rng(seed=0):
  return np.random.default_rng(seed)


CLIP = _clip(clips.numbered())  # 60 frames of 32 x 48, 2.4 s


def _starts(view, clip):
  seen = (clips.numbers(view(clip, _rng(k))["video"]) for k in range(60))
  return {int(numbers[0]) for numbers in seen}


def test_shapes_and_types():
  shown = _view(resolution=16, crop=8)(CLIP, _rng())
  assert shown["video"].shape == (8, 8, 8, 3)
  assert shown["video"].dtype == np.uint8
  assert (shown["tokens"].shape, shown["tokens"].dtype) == ((8,), np.int32)
  assert shown["text_mask"].dtype == np.bool_
  np.testing.assert_array_equal(
    shown["tokens"], clips.tokenize(["a dog"])[0][0]
  )


def test_frames_follow_one_another_from_a_random_start():
  for seed in range(10):
    numbers = clips.numbers(_view()(CLIP, _rng(seed))["video"])
    np.testing.assert_array_equal(np.diff(numbers), 1)
  starts = _starts(_view(num_frames=50), CLIP)
  assert starts <= set(range(11))
  assert {0, 10} < starts


def test_another_rate_skips_frames():
  numbers = clips.numbers(_view(fps=5, frames="first")(CLIP, _rng())["video"])
  np.testing.assert_array_equal(numbers, 5 * np.arange(8))


def test_first_starts_at_the_first():
  assert _starts(_view(frames="first"), CLIP) == {0}


@pytest.mark.parametrize("num_frames", [1, 8, 60])
def test_random_frames_are_distinct_and_anywhere(num_frames):
  seen = set()
  for seed in range(20):
    view = _view(frames="random", num_frames=num_frames)
    numbers = clips.numbers(view(CLIP, _rng(seed))["video"])
    assert len(set(numbers)) == num_frames
    seen |= set(numbers.tolist())
  assert len(seen) == 60 or num_frames < 60
  assert max(seen) > 50 > 10 > min(seen)


def test_more_random_frames_than_there_are_repeat_some():
  view = _view(frames="random", num_frames=80)
  assert view(CLIP, _rng())["video"].shape[0] == 80


def test_a_short_clip_holds_only_when_told():
  short = clips.numbered(4)
  with pytest.raises(errors.VideoError, match=r"clip 0 lasts 0\.16 s"):
    _view()(_clip(short), _rng())
  numbers = clips.numbers(_view()(_clip(short, hold=True), _rng())["video"])
  np.testing.assert_array_equal(numbers, [0, 1, 2, 3, 3, 3, 3, 3])


def test_frames_in_arrays_are_shown_like_files():
  file = _view(fps=10, frames="first")(CLIP, _rng())["video"]
  arrays = _clip(clips.numbered(), video=clips.numbered())
  array = _view(fps=10, frames="first")(arrays, _rng())["video"]
  np.testing.assert_array_equal(clips.numbers(file), clips.numbers(array))


def test_a_record_that_says_nothing_is_measured():
  silent = _clip(clips.numbered(), duration=None, fps=None)
  for seed in range(3):
    np.testing.assert_array_equal(
      _view()(silent, _rng(seed))["video"], _view()(CLIP, _rng(seed))["video"]
    )


def _ramp():
  """Brightness rises from left to right: a crop and a mirror both show."""
  column = np.linspace(40, 220, 64).astype(np.uint8)
  return np.tile(column[None, None, :, None], (10, 16, 1, 3))


RAMP = _clip(_ramp())


def test_crops_lie_anywhere_and_are_the_same_in_every_frame():
  view = _view(resolution=16)
  means = []
  for seed in range(40):
    frames = view(RAMP, _rng(seed))["video"].astype(float)
    np.testing.assert_allclose(frames, frames[:1] + 0 * frames, atol=3)
    means.append(frames.mean())
  assert min(means) < 75
  assert max(means) > 185


def test_the_centre_is_the_centre():
  view = _view(resolution=16, place="centre")
  means = [view(RAMP, _rng(seed))["video"].mean() for seed in range(5)]
  np.testing.assert_allclose(means, 130, atol=3)


def test_a_second_crop_is_random_too():
  view = _view(resolution=16, crop=4, place="centre")
  means = [view(RAMP, _rng(seed))["video"].mean() for seed in range(20)]
  assert np.std(means) > 5


@pytest.mark.parametrize(
  ("caption", "flip", "share"),
  [("a dog", True, 0.5), ("a dog", False, 0), ("a dog to the left", True, 0)],
  ids=["mirrored", "told not to", "caption forbids"],
)
def test_half_are_mirrored_where_allowed(caption, flip, share):
  clip = _clip(_ramp(), captions=(caption,))
  view = _view(resolution=16, flip=flip)
  falls = 0
  for seed in range(80):
    frame = view(clip, _rng(seed))["video"][0, 0, :, 0].astype(int)
    falls += frame[0] > frame[-1]
  assert falls / 80 == pytest.approx(share, abs=0.15)


def test_captions_take_turns():
  clip = _clip(clips.numbered(10), captions=("a dog", "a cat"))
  seen = {_view()(clip, _rng(k))["tokens"].tobytes() for k in range(20)}
  assert len(seen) == 2


@pytest.mark.parametrize(
  ("kwargs", "match"),
  [
    (dict(frames="clips"), "Did you mean 'clip'"),
    (dict(place="center"), "Did you mean 'centre'"),
    (dict(num_frames=0), "num_frames=0"),
    (dict(crop=33), "between 1 and data.resolution, 32"),
    (dict(truth=True, flip=True), "data.flip mirrors them"),
    (dict(truth=True, frames="clip"), "data.frames=first"),
  ],
  ids=["frames", "place", "none", "crop", "mirrored truth", "late truth"],
)
def test_nonsense_is_refused(kwargs, match):
  with pytest.raises(errors.ConfigError, match=match):
    _view(**kwargs)
