import clips
import numpy as np

from lumiere_jax.data import looks
from lumiere_jax.video import fingerprint


def _scene(seed, num_frames=20):
  """Smooth blobs that drift: [T, 96, 160, 3] uint8."""
  rng = np.random.default_rng(seed)
  phase, speed = rng.uniform(0, 6, (2, 4)), rng.uniform(0.02, 0.1, 4)
  t, y, x = np.meshgrid(
    np.arange(num_frames), np.arange(96), np.arange(160), indexing="ij"
  )
  waves = [
    np.sin(x / (9 + 7 * k) + phase[0, k] + speed[k] * t)
    * np.cos(y / (11 + 5 * k) + phase[1, k])
    for k in range(4)
  ]
  grey = 128 + 30 * sum(waves)
  return np.tile(np.clip(grey, 0, 255)[..., None], 3).astype(np.uint8)


def _write(path, frames):
  path.write_bytes(clips.encode(frames))
  return path


def _nearest(digits, others):
  return min(fingerprint.distance(digits, other) for other in others)


def test_a_single_shot_looks_one_way(tmp_path):
  assert len(looks.of(_write(tmp_path / "a.mp4", _scene(0)))) == 1


def test_a_file_looks_like_each_of_its_shots(tmp_path):
  a, b = _scene(0), 255 - _scene(1)
  (of_a,) = looks.of(_write(tmp_path / "a.mp4", a))
  (of_b,) = looks.of(_write(tmp_path / "b.mp4", b))
  both = looks.of(_write(tmp_path / "ab.mp4", np.concatenate([a, b])))
  assert len(both) == 3
  assert _nearest(of_a, both) <= 15
  assert _nearest(of_b, both) <= 15
  assert fingerprint.distance(of_a, of_b) > 30


def test_a_letterboxed_file_looks_like_what_it_shows(tmp_path):
  a = _scene(0)
  (of_a,) = looks.of(_write(tmp_path / "a.mp4", a))
  boxed = np.pad(a, ((0, 0), (24, 24), (0, 0), (0, 0)))
  assert _nearest(of_a, looks.of(_write(tmp_path / "b.mp4", boxed))) <= 15


def test_what_cannot_be_decoded_looks_like_nothing(tmp_path):
  (tmp_path / "a.mp4").write_bytes(b"no video")
  assert looks.of(tmp_path / "a.mp4") == ()
