"""Measures of applications, on clips whose answers are counted by hand."""

import dataclasses

import numpy as np
import pytest

from lumiere_jax.evaluation import style_classifier
from lumiere_jax.evaluation import trials
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import world

T, S = 16, 16
_RNG = np.random.default_rng(0)


def _noise():
  return _RNG.integers(0, 256, (T, S, S, 3), np.uint8)


def _square(place, level=255):
  """A bright square of 4 pixels whose corner goes where it is told."""
  frames = np.zeros((T, S, S, 3), np.uint8)
  for k in range(T):
    row, column = place(k)
    frames[k, row : row + 4, column : column + 4] = level
  return frames


def test_a_finding_says_whether_its_bar_is_met():
  least = trials.over("x", [True, False, None, True], 0.6)
  assert (least.value, least.count, least.is_met) == (2 / 3, 3, True)
  most = trials.over("y", [1.0, 9.0, 2.0], 1.5, is_least=False, median=True)
  assert (most.value, most.is_met) == (2.0, False)
  assert "MISSED" in str(most)
  assert "met" in str(least)
  nothing = trials.over("z", [None], 0.5)
  assert (nothing.value, nothing.is_met) == (None, None)
  assert str(nothing).split() == ["z", "-", "0", ">=", "0.5", "-"]


def test_known_pixels_are_compared_where_they_are_known():
  given = _noise()
  known = _RNG.random((T, S, S)) < 0.5
  painted = np.where(known[..., None], given, 7)
  assert trials.is_kept(painted, given, known)
  assert trials.fidelity(painted, given, known) == 99
  one = tuple(np.argwhere(known)[0])
  painted[one] ^= 1
  assert not trials.is_kept(painted, given, known)
  off = given.astype(int)
  off[known] = np.where(off[known] > 127, off[known] - 5, off[known] + 5)
  found = trials.fidelity(off.astype(np.uint8), given, known)
  assert found == pytest.approx(20 * np.log10(255 / 5), abs=1e-6)
  assert trials.fidelity(painted, given, np.zeros_like(known)) == 99


def test_the_end_goes_back_and_forth():
  frames = np.arange(T, dtype=np.uint8)[:, None, None, None]
  found = trials.at_the_end(frames, count=3).ravel()
  assert found[:8].tolist() == [13, 14, 15, 15, 14, 13, 13, 14]
  assert len(found) == T


def test_a_step_in_brightness_at_the_mask_is_a_seam():
  mask = np.zeros((T, S, S), bool)
  mask[:, 4:12, 4:12] = True
  flat = np.full((T, S, S, 3), 100, np.uint8)
  assert trials.seam(flat, mask) == 0
  stepped = np.where(mask[..., None], 130, flat).astype(np.uint8)
  assert trials.seam(stepped, mask) == 30
  assert trials.seam(stepped, np.zeros_like(mask)) is None


def test_motion_is_of_the_region_alone():
  region = np.zeros((S, S), bool)
  region[:8] = True
  frames = np.zeros((T, S, S, 3), np.uint8)
  frames[::2, 8:] = 90
  assert trials.motion_inside(frames, region) == 0
  frames[::2, :8] = 40
  assert trials.motion_inside(frames, region) == 40


def test_a_jump_where_stretches_meet_is_seen():
  frames = np.zeros((T, S, S, 3), np.uint8)
  frames += np.arange(T, dtype=np.uint8)[:, None, None, None]
  frames[8:] += 3  # 4 instead of 1
  assert trials.seams_in_time(frames, [8]) == pytest.approx(4)
  assert trials.seams_in_time(frames, [4]) == pytest.approx(14 / 17)
  assert trials.seams_in_time(frames, []) is None
  assert trials.largest_jump(frames) == 4


def test_drift_is_of_mean_colours():
  frames = np.full((T, S, S, 3), 100, np.uint8)
  assert trials.mean_drift(frames, 4) == 0
  frames[-4:] = 120
  # Of greys the difference is that of L*: 42.4 and 50.4.
  assert trials.mean_drift(frames, 4) == pytest.approx(8.0, abs=0.3)


def test_the_same_way_correlates_and_the_other_does_not():
  right = _square(lambda k: (6, k * 3 // 4))
  left = _square(lambda k: (6, 11 - k * 3 // 4), level=200)
  assert trials.follows(right, right) == pytest.approx(1)
  assert trials.follows(left, right) == pytest.approx(-1, abs=0.02)
  assert trials.follows(np.zeros_like(right), right) == 0.0
  assert trials.follows(right, _noise()) is None


def test_boxes_go_with_what_acts():
  things = np.zeros((4, S, S), np.uint8)
  things[0, 3:5, 6:9] = 1
  things[2, 10:12, 2:4] = 1
  things[2, 0, 0] = 2
  mask = trials.around(things, 1)
  assert np.argwhere(mask[0]).min(0).tolist() == [2, 5]
  assert np.argwhere(mask[0]).max(0).tolist() == [5, 9]
  np.testing.assert_array_equal(mask[3], mask[2])
  assert not trials.around(np.zeros_like(things), 1).any()
  assert not trials.visible(things)
  things[-1] = things[0]
  assert trials.visible(things)


def test_another_colour_is_no_kind_that_is_taken_or_unseen():
  rng = np.random.default_rng(1)
  for index in range(60):
    scene = world.scene("test", index)
    other = trials.recolored(scene, rng)
    assert other.actor.shape == scene.actor.shape
    assert other.actor.color != scene.actor.color
    assert not world.is_unseen(other)
    same = dataclasses.replace(other.actor, color=scene.actor.color)
    assert same == scene.actor
    assert other.things[1:] == scene.things[1:]
    assert isinstance(other, scenes.Scene)
    assert trials.shows_kind(other, other.actor)
    assert not trials.shows_kind(other, scene.actor)


def test_styles_are_told_apart_on_clips_not_seen_before():
  found = style_classifier.train(size=24, per_style=8, held_out=3)
  assert found.count == 15
  assert found.accuracy > 0.7
