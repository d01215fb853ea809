import io

import av
import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.video import lossless
from lumiere_jax.video import read


def _noise(num_frames=20, height=16, width=16):
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (num_frames, height, width, 3), np.uint8)


FRAMES = {
  "noise": _noise(),
  "smooth": clips.moving(40, 32, 32),
  "wide": _noise(3, 16, 34),
  "odd": _noise(3, 17, 19),
  "one": _noise(1),
}


@pytest.mark.parametrize("frames", FRAMES.values(), ids=FRAMES)
def test_pixels_come_back_exactly(frames):
  data = lossless.mp4_bytes(frames, 16.0)
  times = np.arange(len(frames)) / 16
  np.testing.assert_array_equal(read.decode_at(data, times), frames)
  # Any of them, too, without those before it.
  some = np.arange(len(frames))[::-3][::-1]
  found = read.decode_at(data, some / 16)
  np.testing.assert_array_equal(found, frames[some])


def test_the_same_frames_give_the_same_bytes():
  frames = clips.moving(40, 32, 32)
  assert len({lossless.mp4_bytes(frames, 16.0) for _ in range(3)}) == 1


def test_a_view_of_frames_is_as_good_as_a_copy():
  frames = clips.moving(4, 32, 32)[:, ::-1, :, ::-1]
  data = lossless.mp4_bytes(frames, 8.0)
  np.testing.assert_array_equal(read.decode_at(data, np.arange(4) / 8), frames)


def test_it_is_an_mp4_that_says_its_rate():
  data = lossless.mp4_bytes(clips.moving(30, 32, 32), 30000 / 1001)
  found = read.probe(data)
  assert (found.height, found.width, found.num_frames) == (32, 32, 30)
  assert found.fps == pytest.approx(30000 / 1001, rel=1e-6)
  with av.open(io.BytesIO(data)) as container:
    assert container.streams.video[0].codec.name == "h264"


@pytest.mark.parametrize(
  "frames",
  [_noise().astype(np.float32), _noise()[0], _noise()[..., :1], _noise()[:0]],
  ids=["float", "one picture", "grey", "none"],
)
def test_what_is_no_video_is_refused(frames):
  with pytest.raises(errors.VideoError, match="files take uint8 of shape"):
    lossless.mp4_bytes(frames, 16.0)
