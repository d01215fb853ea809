import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import kept
from lumiere_jax.data import pipeline
from lumiere_jax.data import prepare
from lumiere_jax.data import source
from lumiere_jax.video import lossless

NUM_CLIPS = 5


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
  folder = tmp_path_factory.mktemp("kept")
  captions = [f"clip {k}" for k in range(NUM_CLIPS)]
  clips.write_folder(folder / "in", captions, seconds=2)
  settings = prepare.Settings(seconds=2)
  prepare.prepare(folder / "in", folder / "out", settings=settings)
  return str(folder / "out")


def _batches(dataset, count, **changed):
  given = dict(
    num_frames=4,
    fps=16,
    resolution=16,
    batch_size=4,
    seed=0,
    tokenizer=clips.tokenize,
  )
  with pipeline.build(dataset, **given | changed) as iterator:
    return [next(iterator) for _ in range(count)]


@pytest.mark.parametrize("frames", ["first", "clip", "random"])
def test_what_is_shown_is_the_same(dataset, frames):
  plain, again = (
    _batches(dataset, 6, frames=frames, keep=keep) for keep in ("none", "host")
  )
  for one, other in zip(plain, again, strict=True):
    np.testing.assert_array_equal(one.video, other.video)
    np.testing.assert_array_equal(one.tokens, other.tokens)


def test_a_clip_is_decoded_once(dataset, monkeypatch):
  counted = []
  decode = kept.read.decode_at
  monkeypatch.setattr(
    kept.read,
    "decode_at",
    lambda *args, **kwargs: counted.append(1) or decode(*args, **kwargs),
  )
  kept_clips = kept.Kept(source.ClipSource(dataset, "train"), 16)
  first = [kept_clips[k] for k in (0, 1, 0)]
  assert len(counted) == 2
  assert first[0] is first[2]
  assert kept_clips.captions(1) == first[1].captions
  assert len(kept_clips) == NUM_CLIPS


class _One:
  dataset, split, root, digest = "one", "train", "", ""

  def __init__(self, video):
    self._video = video

  def __getitem__(self, index):
    return source.Clip(
      video=self._video,
      captions=("",),
      name="one",
      duration=None,
      fps=16.0,
      hold=False,
    )


@pytest.mark.parametrize("fps", [16.0, 30000 / 1001, 24.0])
def test_the_rate_is_found_exactly(fps):
  frames = np.zeros((40, 16, 16, 3), np.uint8)
  clip = kept.Kept(_One(lossless.mp4_bytes(frames, fps)), 16)[0]
  assert clip.fps == pytest.approx(fps, rel=1e-12)
  assert clip.video.shape == frames.shape


def test_frames_of_no_steady_rate_are_left_to_the_decoder():
  assert kept._rate(np.array([0, 0.1, 0.15, 0.4])) is None
  assert kept._rate(np.array([0.0])) is None
  frames = np.zeros((2, 16, 16, 3), np.uint8)
  assert kept.Kept(_One(frames), 16)[0].video is frames


def test_workers_may_not_keep(dataset):
  with pytest.raises(errors.ConfigError, match="use 0"):
    _batches(dataset, 1, keep="host", num_workers=1)
