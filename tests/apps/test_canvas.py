"""Sources of any shape, to a square and back."""

import numpy as np
import pytest

from lumiere_jax.apps import canvas


def _noise(frames, height, width, seed=0):
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, (frames, height, width, 3), np.uint8)


def test_a_square_of_the_right_size_stays_as_it_is():
  frames = _noise(2, 8, 8)
  found = canvas.Canvas.cropped(8, 8, 8)
  assert found.sentence is None
  np.testing.assert_array_equal(found.to_square(frames), frames)
  np.testing.assert_array_equal(found.paste(frames, frames[::-1]), frames)


def test_the_middle_is_cut_out_of_a_wide_source():
  frames = _noise(2, 4, 10)
  found = canvas.Canvas.cropped(4, 10, 4)
  np.testing.assert_array_equal(found.to_square(frames), frames[:, :, 3:7])
  assert "10x4, of which the square of 4 pixels from column 3" in found.sentence


@pytest.mark.parametrize(
  ("focus", "left"), [((0, 0, 4, 2), 0), ((0, 8, 4, 10), 6), ((0, 5, 2, 7), 4)]
)
def test_the_crop_goes_where_the_focus_is(focus, left):
  found = canvas.Canvas.cropped(4, 10, 4, focus)
  assert (found.left, found.size) == (left, 4)


def test_what_is_pasted_back_leaves_the_rest():
  frames, painted = _noise(2, 4, 10), _noise(2, 4, 4, seed=1)
  pasted = canvas.Canvas.cropped(4, 10, 4).paste(painted, frames)
  np.testing.assert_array_equal(pasted[:, :, 3:7], painted)
  np.testing.assert_array_equal(pasted[:, :, :3], frames[:, :, :3])
  np.testing.assert_array_equal(pasted[:, :, 7:], frames[:, :, 7:])


@pytest.mark.parametrize(("size", "side"), [(8, 4), (9, 4), (4, 8), (5, 7)])
def test_a_mask_covers_all_that_it_touched(size, side):
  found = canvas.Canvas.cropped(size, size, side)
  for row in range(size):
    mask = np.zeros((1, size, size), bool)
    mask[0, row, 0] = True
    rows = np.flatnonzero(found.mask_to_square(mask)[0].any(1))
    # Every painted row that shows a part of that row.
    low, high = row * side // size, -(-(row + 1) * side // size)
    assert rows.tolist() == list(range(low, max(high, low + 1)))
