"""Clips come as training sees them, or as they were saved."""

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.evaluation import footage


@pytest.mark.parametrize(
  "array",
  [np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4, 3), np.float32)],
  ids=["grey", "float"],
)
def test_arrays_that_are_no_frames_are_refused(tmp_path, array):
  np.save(tmp_path / "x.npy", array)
  with pytest.raises(errors.VideoError, match=f"holds {array.dtype} of shape"):
    footage.lossless(tmp_path / "x.npy")


def test_what_is_no_array_is_refused(tmp_path):
  (tmp_path / "x.npy").write_text("no")
  with pytest.raises(errors.VideoError, match="holds no frames"):
    footage.lossless(tmp_path / "x.npy")


def test_a_wide_video_is_cut_to_its_middle(tmp_path):
  frames = np.zeros((10, 32, 96, 3), np.uint8)
  frames[:, :, 32:64] = 200  # the middle third
  path = tmp_path / "wide.mp4"
  path.write_bytes(clips.encode(frames, fps=16))
  found = footage.load(path, num_frames=5, fps=16, height=32, width=32)
  assert found.shape == (5, 32, 32, 3)
  assert found[:, :, 2:-2].min() > 190
