"""Borders are where windows change, and jumps there raise the ratio."""

import json

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.evaluation import seams


def _windows(*starts, window=4):
  return np.array(starts)[:, None] + np.arange(window)


def _clip(jumps, num_frames=8):
  """Frames whose level rises by 1, and by `jumps[k]` after frame k."""
  rises = [jumps.get(k, 1) for k in range(num_frames - 1)]
  levels = np.cumsum([0, *rises]).astype(np.uint8)
  return np.broadcast_to(levels[:, None, None, None], (num_frames, 8, 8, 3))


def test_without_overlap_the_borders_are_between_windows():
  windows = _windows(0, 4)
  expected = [False, False, False, True, False, False, False]
  assert seams.averaged_borders(windows, 8).tolist() == expected
  assert seams.owned_borders(windows, 8).tolist() == expected


def test_with_overlap_the_borders_are_its_two_ends():
  # window 0 holds 0-3 and window 1 holds 2-5: 1|2 enters both, 3|4 leaves.
  borders = seams.averaged_borders(_windows(0, 2), 6)
  assert np.flatnonzero(borders).tolist() == [1, 3]


def test_a_last_window_that_was_clamped_owns_its_frames():
  windows = _windows(0, 4, 6)
  assert np.flatnonzero(seams.owned_borders(windows, 10)).tolist() == [3, 5]
  averaged = seams.averaged_borders(windows, 10)
  assert np.flatnonzero(averaged).tolist() == [3, 5, 7]


def test_a_jump_of_three_at_the_border_is_a_ratio_of_three():
  borders = seams.owned_borders(_windows(0, 4), 8)
  found = seams.measure(_clip({3: 3}), _clip({}), borders)
  assert found.ratio == pytest.approx(3)
  assert found.relative == pytest.approx(3)


def test_a_jump_of_the_content_itself_is_relatively_none():
  borders = seams.owned_borders(_windows(0, 4), 8)
  cut = _clip({3: 30})
  found = seams.measure(cut, cut[:, ::2, ::2], borders)
  assert found.ratio == pytest.approx(30)
  assert found.relative == pytest.approx(1)


def test_a_still_source_leaves_the_relative_ratio_open():
  borders = seams.owned_borders(_windows(0, 4), 8)
  found = seams.measure(_clip({3: 3}), 0 * _clip({}), borders)
  assert found.relative is None
  json.dumps(found.as_dict(), allow_nan=False)


def test_a_clip_that_is_still_between_borders_is_refused():
  borders = seams.owned_borders(_windows(0, 4), 8)
  still = _clip(dict.fromkeys(range(7), 0) | {3: 9})
  with pytest.raises(errors.QualityError, match="nothing moves"):
    seams.measure(still, still, borders)


@pytest.mark.parametrize("value", [True, False], ids=["all", "none"])
def test_a_comparison_needs_borders_and_others(value):
  with pytest.raises(errors.ShapeError, match="needs some of both"):
    seams.measure(_clip({}), _clip({}), np.full(7, value))


def test_the_plot_is_a_picture(tmp_path):
  borders = seams.owned_borders(_windows(0, 4), 8)
  found = seams.measure(_clip({3: 3}), _clip({}), borders)
  seams.plot({"with": found, "without": found}, tmp_path / "seams.png")
  assert (tmp_path / "seams.png").read_bytes().startswith(b"\x89PNG")
