"""Every way to give a mask, and every way to give none."""

import numpy as np
from PIL import Image
import pytest

from lumiere_jax import errors
from lumiere_jax.apps import mask_spec
from lumiere_jax.video import lossless

TIMES = np.arange(4) / 2.0


def _load(spec, height=8, width=12):
  return mask_spec.load(f"{spec}", times=TIMES, height=height, width=width)


def _half(height=8, width=12):
  """White on the left."""
  picture = np.zeros((height, width, 3), np.uint8)
  picture[:, : width // 2] = 255
  return picture


def _write(path, picture):
  Image.fromarray(picture).save(path)
  return path


def test_a_box_is_white_inside():
  mask, said = _load("box=2,1,5,7")
  assert said is None
  assert mask.shape == (4, 8, 12)
  assert mask.sum() == 4 * 3 * 6
  assert mask[:, 1:7, 2:5].all()


def test_a_box_may_be_there_for_a_while():
  mask, _ = _load("box=2,1,5,7,0.5,1.5")
  assert mask.any((1, 2)).tolist() == [False, True, True, False]


def test_a_picture_is_for_all_frames(tmp_path):
  mask, said = _load(_write(tmp_path / "mask.png", _half()))
  assert said is None
  assert mask[:, :, :6].all()
  assert not mask[:, :, 6:].any()


def test_what_is_transparent_is_white(tmp_path):
  picture = np.zeros((8, 12, 4), np.uint8)
  picture[..., 3] = 255
  picture[:, :3, 3] = 0
  mask, _ = _load(_write(tmp_path / "mask.png", picture))
  assert mask[:, :, :3].all()
  assert not mask[:, :, 3:].any()


def test_a_picture_of_another_size_is_fitted_and_said(tmp_path):
  path = _write(tmp_path / "mask.png", _half(16, 24))
  mask, said = _load(path)
  assert "24x16 and was resized to 12x8" in said
  assert mask[:, :, :6].all()
  assert not mask[:, :, 6:].any()


def test_a_folder_is_a_picture_a_frame(tmp_path):
  for k in range(4):
    _write(tmp_path / f"{k:02d}.png", _half() if k % 2 else 0 * _half())
  mask, _ = _load(tmp_path)
  assert mask.any((1, 2)).tolist() == [False, True, False, True]


def test_a_video_is_seen_at_the_frames_times(tmp_path):
  frames = np.stack([_half(8, 12) if k < 4 else 0 * _half() for k in range(8)])
  (tmp_path / "mask.mp4").write_bytes(lossless.mp4_bytes(frames, 4.0))
  mask, _ = _load(tmp_path / "mask.mp4")
  assert mask.any((1, 2)).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
  ("spec", "match"),
  [
    ("box=1,2,3", "a box is box="),
    ("box=a,2,3,4", "a box is box="),
    ("box=1,2,3,4,5", "a box is box="),
    ("box=-1,2,3,4", "a box is box="),
    ("box=5,2,3,4", "no box within 12x8"),
    ("box=0,0,13,8", "no box within 12x8"),
    ("box=0,0,3,4,2,1", "no box within 12x8"),
    ("box=0,0,12,8", "white everywhere"),
    ("box=0,0,3,4,7,9", "black everywhere"),
  ],
)
def test_a_box_that_makes_no_sense_is_refused(spec, match):
  with pytest.raises(errors.ConfigError, match=match):
    _load(spec)


def test_a_file_that_does_not_fit_is_refused(tmp_path):
  with pytest.raises(errors.VideoError, match="there is no mask"):
    _load(tmp_path / "none.png")
  with pytest.raises(errors.VideoError, match="of another shape"):
    _load(_write(tmp_path / "tall.png", _half(24, 8)))
  folder = tmp_path / "few"
  folder.mkdir()
  with pytest.raises(errors.VideoError, match="holds 0 pictures"):
    _load(folder)
  for k, size in enumerate([(8, 12), (8, 12), (8, 12), (16, 24)]):
    _write(folder / f"{k}.png", _half(*size))
  with pytest.raises(errors.VideoError, match="not all of one size"):
    _load(folder)
