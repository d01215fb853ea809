"""Clips in the middle of larger frames, and the windows that paint them."""

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.apps import footage
from lumiere_jax.apps import wider

SIDE = 8


def _footage(height, width, num_frames=5):
  rng = np.random.default_rng(0)
  return footage.Footage(
    path="clip.mp4",
    frames=rng.integers(0, 256, (num_frames, height, width, 3), np.uint8),
    fps=16.0,
    shown=np.arange(num_frames),
    rate=16.0,
  )


def test_the_source_stands_in_the_middle_and_stays_as_it_was():
  source = _footage(8, 8)
  found = wider.frame(source, 2.0, SIDE)
  assert found.strip.shape == (5, 8, 16, 3)
  np.testing.assert_array_equal(found.strip[:, :, 4:12], source.frames)
  assert not found.is_unknown[:, 4:12].any()
  assert found.is_unknown.sum() == 8 * 8
  painted = np.zeros_like(found.strip)
  result = found.place(painted)
  np.testing.assert_array_equal(result[:, :, 4:12], source.frames)
  assert result[:, :, :4].max() == result[:, :, 12:].max() == 0
  (note,) = found.told.notes
  assert "8x8 becomes 16x8; it is painted in 2 squares with 8 pixels" in note
  assert found.told.given.known.sum() == 5 * 8 * 8


def test_a_source_of_another_size_is_painted_at_the_networks_scale():
  found = wider.frame(_footage(24, 24), 2.0, SIDE)
  assert found.strip.shape == (5, 8, 16, 3)
  assert found.place(found.strip).shape == (5, 24, 48, 3)


def test_a_narrow_source_becomes_a_square_in_one_window():
  source = _footage(8, 4)
  found = wider.frame(source, 1.0, SIDE)
  assert found.windows == [(slice(0, 8), slice(0, 8))]
  np.testing.assert_array_equal(found.strip[:, :, 2:6], source.frames)
  assert "painted with" in found.told.notes[0]


def test_what_a_square_shows_beyond_the_result_is_dropped():
  source = _footage(8, 4)
  found = wider.frame(source, 0.75, SIDE)
  assert found.strip.shape == (5, 8, 8, 3)
  assert found.shown == (slice(0, 8), slice(1, 7))
  assert found.is_unknown[:, [0, 1, 6, 7]].all()
  painted = np.tile(np.arange(8, dtype=np.uint8)[:, None], (5, 8, 1, 3))
  result = found.place(painted)
  assert result[0, 0, [0, 5], 0].tolist() == [1, 6]
  np.testing.assert_array_equal(result[:, :, 1:5], source.frames)


@pytest.mark.parametrize(
  ("shape", "aspect", "expected"),
  [
    ((8, 8), 2.0, [0, 8]),
    ((8, 12), 2.0, [0, 8]),
    # Half a window further each time.
    ((8, 8), 4.0, [8, 4, 0, 16, 20, 24]),
    # First all that is known, as it is narrower than a window.
    ((8, 4), 2.0, [4, 0, 8]),
  ],
)
@pytest.mark.parametrize("is_tall", [False, True])
def test_windows_go_outwards_from_what_is_known(
  shape, aspect, expected, is_tall
):
  turned = -1 if is_tall else 1
  found = wider.frame(_footage(*shape[::turned]), aspect**turned, SIDE)
  along, across = zip(*(w[::-turned] for w in found.windows), strict=True)
  assert [x.start for x in along] == expected
  assert {(x.start, x.stop) for x in across} == {(0, SIDE)}
  covered = np.zeros_like(found.is_unknown)
  for k, window in enumerate(found.windows):
    is_seen = ~found.is_unknown[window] | covered[window]
    assert is_seen.mean() >= 0.5, k
    covered[window] = True
  assert (covered | ~found.is_unknown).all()


def test_the_edge_of_a_shrunk_source_is_not_darkened():
  source = _footage(24, 24)
  source.frames[:] = 200
  found = wider.frame(source, 1.5, SIDE)
  assert found.strip[:, ~found.is_unknown].min() == 200


def test_an_aspect_that_changes_no_pixel_is_refused():
  with pytest.raises(errors.ConfigError, match="has that aspect already"):
    wider.frame(_footage(100, 50), 0.506, SIDE)


@pytest.mark.parametrize(
  ("aspect", "match"),
  [
    (1.0, "has that aspect already"),
    (5.0, "at most 4 times"),
    (0.2, "at most"),
  ],
)
def test_an_aspect_that_makes_no_sense_is_refused(aspect, match):
  with pytest.raises(errors.ConfigError, match=match):
    wider.frame(_footage(8, 8), aspect, SIDE)
