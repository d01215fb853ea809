"""Motion, flicker, spikes and drift of clips done by hand."""

import numpy as np
import pytest

from lumiere_jax.evaluation import smoothness


def _of_levels(levels):
  levels = np.asarray(levels, np.uint8)
  shape = (len(levels), 4, 4, 3)
  return np.broadcast_to(levels[:, None, None, None], shape)


def test_an_even_ramp_moves_and_does_not_flicker():
  found = smoothness.measure(_of_levels(range(100, 120, 2)))
  assert (found.motion, found.flicker, found.spike) == (2.0, 0.0, 1.0)


def test_every_other_frame_brighter_is_flicker():
  found = smoothness.measure(_of_levels([100, 103] * 5))
  assert found.flicker == pytest.approx(6.0)
  assert found.spike == pytest.approx(1.0)


def test_a_cut_is_a_spike():
  found = smoothness.measure(_of_levels([100, 101, 102, 152, 153, 154, 155]))
  assert found.spike == pytest.approx(50.0)


def test_the_grain_of_a_still_clip_is_no_spike():
  found = smoothness.measure(_of_levels([100] * 10))
  assert (found.motion, found.spike, found.drift) == (0.0, 1.0, 0.0)


def test_white_to_black_is_a_hundred():
  ends = _of_levels([255] * 5 + [0] * 5)
  assert smoothness.drift(ends) == pytest.approx(100, abs=1e-3)


def test_what_covers_less_than_half_does_not_drift():
  frames = _of_levels([128] * 8).copy()
  frames[4:, :, 0] = (255, 0, 0)
  assert smoothness.drift(frames) == 0.0


@pytest.mark.parametrize(
  ("rgb", "lab"),
  [
    # As tabulated for sRGB's primaries.
    ((255, 0, 0), (53.24, 80.09, 67.20)),
    ((0, 255, 0), (87.73, -86.18, 83.18)),
    ((0, 0, 255), (32.30, 79.19, -107.86)),
    ((119, 119, 119), (50.03, 0.0, 0.0)),
  ],
)
def test_colours_have_the_lab_values_that_tables_give(rgb, lab):
  np.testing.assert_allclose(smoothness.to_lab(np.array(rgb)), lab, atol=0.02)
