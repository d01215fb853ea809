"""What is given in training: each kind of mask is what its name says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.stages import masks

SHAPE = (9, 16, 20)


def _draw(kind, seed=0, shape=SHAPE):
  mask = masks.draw(jax.random.key(seed), shape, {kind: 1.0})
  assert mask.shape == (*shape, 1)
  assert mask.dtype == jnp.float32
  mask = np.asarray(mask[..., 0])
  assert set(np.unique(mask)) <= {0.0, 1.0}
  return mask.astype(bool)


def _many(kind, count=40):
  return [_draw(kind, seed) for seed in range(count)]


def test_frames_are_given_whole():
  assert not _draw("nothing").any()
  assert _draw("everything").all()
  for kind, frame in (("first", 0), ("last", -1)):
    mask = _draw(kind)
    assert mask[frame].all()
    assert mask.sum() == mask[0].size
  for kind in ("keyframes", "start"):
    for mask in _many(kind):
      share = mask.mean((1, 2))
      assert set(share) <= {0.0, 1.0}


def test_a_start_is_the_first_frames_and_leaves_some_to_paint():
  lengths = set()
  for mask in _many("start"):
    frames = mask[:, 0, 0]
    count = int(frames.sum())
    assert frames[:count].all()
    lengths.add(count)
  assert min(lengths) == 1
  assert max(lengths) == 3 * SHAPE[0] // 4


def test_keyframes_are_often_the_ends():
  found = np.stack([mask[:, 0, 0] for mask in _many("keyframes")])
  assert found[:, 0].mean() > 0.5
  assert found[:, -1].mean() > 0.5
  assert found[:, 1:-1].mean() < 0.3


def _spans(rows):
  """Whether what is True along an axis has no hole."""
  places = np.flatnonzero(rows)
  return len(places) == 0 or len(places) == np.ptp(places) + 1


@pytest.mark.parametrize(("kind", "inside"), [("box", False), ("inside", True)])
def test_boxes_are_boxes(kind, inside):
  for mask in _many(kind):
    for frame in mask == inside:
      rows, columns = frame.any(1), frame.any(0)
      np.testing.assert_array_equal(frame, rows[:, None] & columns[None])
      assert _spans(rows)
      assert _spans(columns)


def test_some_boxes_move_and_some_stay():
  moves = [bool((mask != mask[:1]).any()) for mask in _many("box")]
  assert 0.2 < np.mean(moves) < 0.9


def test_some_of_what_is_inside_is_a_strip():
  full = [
    mask[0].all(0).any() or mask[0].all(1).any() for mask in _many("inside")
  ]
  assert 0.3 < np.mean(full) < 0.95


def test_strokes_leave_most_of_the_picture():
  shares = [mask.mean() for mask in _many("strokes")]
  assert min(shares) < 0.9
  assert 0.5 < np.mean(shares) < 0.97


def test_a_region_is_known_in_the_first_frame_and_stays_where_it_is():
  for mask in _many("region"):
    assert mask[0].all()
    assert (mask[1:] == mask[1]).all()
    assert not mask[1].all()


def test_what_is_not_known_is_zero():
  clean = jnp.full((6, *SHAPE, 3), 0.5)
  shares = dict.fromkeys(masks.KINDS, 1.0)
  given = masks.give(jax.random.key(3), clean, shares)
  assert given.known.shape == (6, *SHAPE, 1)
  np.testing.assert_array_equal(given.video, 0.5 * given.known.repeat(3, -1))
  # Clips are given different things.
  assert len({float(x) for x in given.known.mean((1, 2, 3, 4))}) > 3


def test_kinds_come_as_often_as_their_shares_say():
  shares = {"nothing": 3.0, "everything": 1.0, "first": 0.0}
  given = masks.give(jax.random.key(0), jnp.ones((400, 2, 2, 2, 3)), shares)
  found = np.asarray(given.known.mean((1, 2, 3, 4)))
  assert set(found) == {0.0, 1.0}
  assert abs(found.mean() - 0.25) < 0.07


@pytest.mark.parametrize(
  ("shares", "match"),
  [
    ({"frist": 1.0}, "frist"),
    ({"first": -1.0}, "0 or more"),
    ({"first": float("nan")}, "0 or more"),
    ({"first": 0.0}, "all 0"),
    ({}, "all 0"),
  ],
)
def test_shares_that_make_no_sense_are_refused(shares, match):
  with pytest.raises(errors.ConfigError, match=match):
    masks.check(shares)
