"""PSNR and motion against values done by hand."""

import json
import math

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.evaluation import reconstruction


def _ramp(step, num_frames=4):
  """Frames that brighten by `step` levels each."""
  levels = 100 + step * np.arange(num_frames, dtype=np.uint8)
  return np.broadcast_to(levels[:, None, None, None], (num_frames, 4, 4, 3))


def test_an_error_of_one_level_everywhere_is_48_decibels():
  clip = _ramp(3)
  # 10 log10(255^2 / 1) = 20 log10(255)
  assert reconstruction.psnr(clip + 1, clip) == pytest.approx(48.1308, abs=1e-4)


def test_an_error_of_255_in_a_quarter_of_the_clip_is_6_decibels():
  black = np.zeros((4, 4, 4, 3), np.uint8)
  flash = black.copy()
  flash[2] = 255
  assert reconstruction.psnr(flash, black) == pytest.approx(10 * math.log10(4))
  found = reconstruction.measure(flash, black)
  assert found.worst_frame_psnr == 0.0
  assert found.motion == pytest.approx(2 / 3 * 255)
  assert found.motion_ratio is None


def test_twice_the_motion_is_a_ratio_of_two():
  found = reconstruction.measure(_ramp(6), _ramp(3))
  assert (found.motion, found.reference_motion) == (6.0, 3.0)
  assert found.motion_ratio == 2.0


def test_equal_clips_are_json_too():
  found = reconstruction.measure(_ramp(3), _ramp(3))
  assert found.psnr == math.inf
  entry = json.loads(json.dumps(found.as_dict(), allow_nan=False))
  assert entry["psnr"] is None
  assert entry["motion_ratio"] == 1.0


def test_clips_of_other_shapes_are_refused():
  with pytest.raises(errors.ShapeError, match=r"\(3, 4, 4, 3\)"):
    reconstruction.psnr(_ramp(3), _ramp(3, num_frames=3))
