"""Sound that goes into a file comes out of it, where and as it was."""

import av
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.video import read
from lumiere_jax.video import sound
from lumiere_jax.video import write

FRAMES = np.zeros((32, 16, 16, 3), np.uint8)  # two seconds at 16 a second


def _tone(seconds=2.0, rate=16000, channels=1, hertz=200.0):
  """A tone for the first half, twice as high for the second."""
  t = np.arange(round(seconds * rate)) / rate
  wave = np.sin(2 * np.pi * np.where(t < seconds / 2, hertz, 2 * hertz) * t)
  samples = np.float32(0.5 * wave) * np.ones((channels, 1), np.float32)
  return sound.Sound(samples=samples, rate=rate)


def _pitch(samples, rate):
  """The strongest frequency of [N] samples, in hertz."""
  spectrum = np.abs(np.fft.rfft(samples))
  return spectrum.argmax() * rate / len(samples)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_what_is_written_is_read(tmp_path, channels, rate):
  path = tmp_path / "a.mp4"
  write.write_mp4(path, FRAMES, 16, sound=_tone(rate=rate, channels=channels))
  found = sound.read(path, 0, 2)
  assert (found.rate, found.samples.shape) == (rate, (channels, 2 * rate))
  for half, hertz in ((found.samples[0, :rate], 200), (None, 400)):
    half = found.samples[0, rate:] if half is None else half
    assert _pitch(half, rate) == pytest.approx(hertz, abs=3)
    assert half.std() == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_a_stretch_begins_where_it_is_told(tmp_path):
  write.write_mp4(tmp_path / "a.mp4", FRAMES, 16, sound=_tone())
  found = sound.read(tmp_path / "a.mp4", 0.75, 0.5)
  first, second = np.split(found.samples[0], 2)
  assert _pitch(first, found.rate) == pytest.approx(200, abs=5)
  assert _pitch(second, found.rate) == pytest.approx(400, abs=5)


def test_silence_stands_for_what_is_not_there(tmp_path):
  write.write_mp4(tmp_path / "a.mp4", FRAMES, 16, sound=_tone(seconds=1))
  found = sound.read(tmp_path / "a.mp4", 0, 3)
  assert found.samples.shape == (1, 3 * found.rate)
  assert np.abs(found.samples[:, : found.rate]).max() > 0.4
  assert np.abs(found.samples[:, round(1.3 * found.rate) :]).max() < 0.01


def test_a_file_without_sound_has_none(tmp_path):
  write.write_mp4(tmp_path / "a.mp4", FRAMES, 16)
  assert sound.read(tmp_path / "a.mp4", 0, 1) is None


def test_an_unusual_rate_and_more_channels_are_brought_to_what_aac_takes(
  tmp_path,
):
  path = tmp_path / "a.mkv"
  with av.open(str(path), "w") as container:
    stream = container.add_stream("pcm_s16le", rate=96000, layout="5.1")
    block = np.zeros((1, 6 * 9600), np.int16)
    frame = av.AudioFrame.from_ndarray(block, "s16", "5.1")
    frame.sample_rate, frame.pts = 96000, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
  found = sound.read(path, 0, 0.1)
  assert (found.rate, found.samples.shape) == (48000, (2, 4800))


def test_damaged_sound_is_one_sentence(tmp_path):
  (tmp_path / "a.mp4").write_bytes(b"no video")
  with pytest.raises(errors.VideoError, match=r"the sound of .* cannot be"):
    sound.read(tmp_path / "a.mp4", 0, 1)


def test_frames_are_the_same_with_sound(tmp_path):
  frames = np.random.default_rng(0).integers(0, 256, FRAMES.shape, np.uint8)
  for name, heard in (("a", None), ("b", _tone())):
    write.write_mp4(tmp_path / f"{name}.mp4", frames, 16, sound=heard)
  a, b = (
    read.decode(tmp_path / f"{name}.mp4", num_frames=32, fps=16)
    for name in "ab"
  )
  np.testing.assert_array_equal(a, b)
