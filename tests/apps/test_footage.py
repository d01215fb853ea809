"""A person's clip at the network's times, and at its own."""

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.apps import footage
from lumiere_jax.video import lossless


def _write(path, count, fps):
  """Frame k is of level 4 k."""
  levels = np.arange(count, dtype=np.uint8) * 4
  frames = np.broadcast_to(levels[:, None, None, None], (count, 8, 12, 3))
  path.write_bytes(lossless.mp4_bytes(frames, fps))
  return path


def _numbers(frames):
  return (frames[:, 0, 0, 0] // 4).tolist()


def test_a_faster_clip_is_thinned_for_the_network(tmp_path):
  path = _write(tmp_path / "a.mp4", 20, 20.0)
  found = footage.load(path, num_frames=8, rate=8.0)
  assert found.notes == ()
  assert _numbers(found.frames) == [*range(20)]
  # At k / 8 s the frame floor(20 k / 8) is shown.
  assert _numbers(found.for_network) == [0, 2, 5, 7, 10, 12, 15, 17]
  own = found.at_own_rate(np.arange(8))
  assert own.tolist() == [int(k / 20 * 8 + 1e-9) for k in range(20)]


def test_a_slower_clip_is_repeated(tmp_path):
  path = _write(tmp_path / "a.mp4", 8, 4.0)
  found = footage.load(path, num_frames=16, rate=8.0)
  assert _numbers(found.for_network) == [k // 2 for k in range(16)]
  assert found.at_own_rate(np.arange(16)).tolist() == [*range(0, 16, 2)]


def test_of_a_longer_clip_the_first_seconds_are_used(tmp_path):
  path = _write(tmp_path / "a.mp4", 40, 8.0)
  found = footage.load(path, num_frames=8, rate=8.0, start=2.0)
  assert _numbers(found.frames) == [*range(16, 24)]
  assert "of 3.00 s the first 1 are used" in found.notes[0]


def test_of_a_shorter_clip_the_last_frame_is_held(tmp_path):
  path = _write(tmp_path / "a.mp4", 6, 8.0)
  found = footage.load(path, num_frames=16, rate=8.0)
  assert len(found.frames) == 6
  assert _numbers(found.for_network) == [*range(6), *[5] * 10]
  assert found.network_times.max() == found.times[-1]
  assert "its last frame was held" in found.notes[0]


def test_a_start_beyond_the_end_is_refused(tmp_path):
  path = _write(tmp_path / "a.mp4", 8, 8.0)
  with pytest.raises(errors.VideoError, match="start earlier"):
    footage.load(path, num_frames=8, rate=8.0, start=1.5)
  with pytest.raises(errors.ConfigError, match="0 or later"):
    footage.load(path, num_frames=8, rate=8.0, start=-1.0)
