import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.video import crop
from lumiere_jax.video import pixels
from lumiere_jax.video import resize
from lumiere_jax.video import sheet


def test_every_pixel_value_survives_the_round_trip():
  levels = np.arange(256, dtype=np.uint8)
  floats = pixels.to_float(levels)
  assert floats.dtype == np.float32
  assert (floats.min(), floats.max()) == (-1, 1)
  np.testing.assert_array_equal(pixels.to_uint8(floats), levels)


def test_what_lies_outside_is_cut_and_not_wrapped():
  np.testing.assert_array_equal(
    pixels.to_uint8(np.array([-1.5, -1, 0, 1, 1.5])), [0, 0, 128, 255, 255]
  )


def _numbered(rows, columns):
  grid = np.arange(rows * columns, dtype=np.uint8).reshape(1, rows, columns)
  return np.stack([grid] * 3, -1)


def test_centre_crop_by_hand():
  cut = crop.centre(_numbered(4, 6), 2, 3)
  np.testing.assert_array_equal(cut[0, :, :, 0], [[7, 8, 9], [13, 14, 15]])


def test_fractions_reach_every_place_equally():
  corner = lambda down, right: int(
    crop.placed(_numbered(3, 4), 2, 2, down, right)[0, 0, 0, 0]
  )
  fractions = (np.arange(6) + 0.5) / 6
  corners = [corner(down, right) for down in fractions for right in fractions]
  places, counts = np.unique(corners, return_counts=True)
  np.testing.assert_array_equal(places, [0, 1, 2, 4, 5, 6])
  np.testing.assert_array_equal(counts, 6)


def test_a_crop_larger_than_the_frame_is_refused():
  with pytest.raises(errors.ShapeError, match="Largest that fits there: 4x6"):
    crop.centre(_numbered(4, 6), 5, 5)


@pytest.mark.parametrize(
  ("size", "short", "expected"),
  [
    ((720, 1280), 128, (128, 228)),
    ((64, 48), 12, (16, 12)),
    ((9, 9), 3, (3, 3)),
  ],
)
def test_short_side_keeps_the_aspect(size, short, expected):
  assert resize.with_short_side(*size, short) == expected


def test_a_side_of_nothing_is_refused():
  with pytest.raises(errors.ShapeError, match="1 or more"):
    resize.with_short_side(4, 4, 0)


@pytest.mark.parametrize("size", [(4, 6), (40, 60)], ids=["less", "more"])
def test_resizing_keeps_a_flat_colour(size):
  frames = np.tile(np.uint8([10, 200, 90]), (2, 16, 24, 1))
  small = resize.resize(frames, *size)
  assert small.shape == (2, *size, 3)
  np.testing.assert_allclose(
    small, frames[:, :1, :1] + np.zeros_like(small), atol=1
  )


def test_sheet_by_hand():
  frames = np.stack(
    [np.full((1, 1, 3), level, np.uint8) for level in (7, 8, 9)]
  )
  page = sheet.contact_sheet(frames, 2, background=0)
  expected = np.zeros((4, 4))
  expected[0, 0], expected[0, 3], expected[3, 0] = 7, 8, 9
  np.testing.assert_array_equal(page[:, :, 0], expected)


def test_a_sheet_of_no_columns_is_refused():
  with pytest.raises(errors.ShapeError, match="columns >= 1"):
    sheet.contact_sheet(np.zeros((1, 2, 2, 3), np.uint8), 0)


def test_slice_is_one_row_through_time():
  frames = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)
  np.testing.assert_array_equal(sheet.xt_slice(frames, 1), frames[:, 1])
  np.testing.assert_array_equal(sheet.xt_slice(frames), frames[:, 2])
  with pytest.raises(errors.ShapeError, match="0 to 3"):
    sheet.xt_slice(frames, 4)
