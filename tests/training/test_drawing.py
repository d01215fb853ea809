"""What is drawn from tables, and that a stop does not change it."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.training import drawing
from lumiere_jax.types import TruthBatch

CLIPS, FRAMES, SIDE = 5, 6, 8


def _tables(**changed):
  # A pixel says of which clip and frame it is, and where it lies.
  video = np.zeros((CLIPS, FRAMES, SIDE, SIDE, 3), np.uint8)
  video[..., 0] = np.arange(CLIPS)[:, None, None, None]
  video[..., 1] = np.arange(FRAMES)[:, None, None]
  video[..., 2] = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
  captions = np.arange(CLIPS)[:, None] * 10 + np.arange(3)
  tables = dict(
    video=video,
    share=np.full(CLIPS, 1 / CLIPS, np.float32),
    tokens=captions[..., None].astype(np.int32),
    text_mask=np.ones((CLIPS, 3, 1), bool),
    num_captions=np.array([3, 3, 1, 3, 3], np.int32),
    may_flip=np.ones((CLIPS, 3), bool),
  )
  return tables | changed


def _batch(tables=None, key=0, **changed):
  given = dict(batch_size=256, num_frames=3, frames="clip")
  settings = drawing.Settings(**given | changed)
  tables = {k: jnp.asarray(v) for k, v in (tables or _tables()).items()}
  return jax.tree.map(
    np.asarray, drawing.draw(tables, settings, jax.random.key(key))
  )


def test_captions_are_of_the_clips():
  batch = _batch()
  clip = batch.video[:, 0, 0, 0, 0]
  caption = batch.tokens[:, 0]
  np.testing.assert_array_equal(caption // 10, clip)
  assert set(caption % 10) == {0, 1, 2}
  assert set(caption[clip == 2] % 10) == {0}  # has but one


def test_clips_come_by_their_share():
  share = np.array([0.5, 0.3, 0.2, 0, 0], np.float32)
  clip = _batch(_tables(share=share), batch_size=4000).video[:, 0, 0, 0, 0]
  found = np.bincount(clip, minlength=CLIPS) / len(clip)
  np.testing.assert_allclose(found, share, atol=0.03)


@pytest.mark.parametrize(
  ("frames", "count"), [("first", FRAMES), ("clip", 3), ("random", 3)]
)
def test_frames(frames, count):
  shown = _batch(frames=frames, num_frames=count).video[:, :, 0, 0, 1]
  steps = np.diff(shown.astype(int), axis=1)
  if frames == "first":
    np.testing.assert_array_equal(shown, [[*range(FRAMES)]] * 256)
  elif frames == "clip":
    assert (steps == 1).all()
    assert {*shown[:, 0]} == {0, 1, 2, 3}
  else:
    assert (steps > 0).all()
    assert (steps > 1).any()
    assert {*shown.ravel()} == {*range(FRAMES)}


def test_a_crop_is_one_square_of_all_frames():
  place = _batch(crop=4).video[..., 2].astype(int)
  assert place.shape[2:] == (4, 4)
  np.testing.assert_array_equal(place[:, 0], place[:, 2])
  rows, columns = np.divmod(place[:, 0], SIDE)
  assert (np.diff(columns, axis=2) == 1).all()
  assert (np.diff(rows, axis=1) == 1).all()
  assert {*rows[:, 0, 0]} == {*columns[:, 0, 0]} == {0, 1, 2, 3, 4}


def test_only_what_may_be_is_mirrored():
  may = np.zeros((CLIPS, 3), bool)
  may[1] = True
  batch = _batch(_tables(may_flip=may), flip=True)
  mirrored = batch.video[:, 0, 0, 0, 2] == SIDE - 1
  clip = batch.video[:, 0, 0, 0, 0]
  assert not mirrored[clip != 1].any()
  assert 0 < mirrored[clip == 1].mean() < 1


def test_clips_that_belong_together_are_drawn_together():
  tables = {k: v[:4] for k, v in _tables().items()}
  tables["num_captions"] = np.full(4, 3, np.int32)
  batch = _batch(tables, together=2)
  clips = batch.video[:, 0, 0, 0, 0].reshape(-1, 2)
  assert {*map(tuple, clips)} == {(0, 1), (2, 3)}
  captions = batch.tokens[:, 0].reshape(-1, 2)
  np.testing.assert_array_equal(captions // 10, clips)
  np.testing.assert_array_equal(*(captions % 10).T)
  assert {*captions[:, 0] % 10} == {0, 1, 2}


def test_clips_that_belong_together_are_mirrored_together():
  tables = {k: v[:4] for k, v in _tables().items()}
  tables["may_flip"][3] = False
  batch = _batch(tables, together=2, flip=True)
  mirrored = batch.video[:, 0, 0, 0, 2].reshape(-1, 2) == SIDE - 1
  np.testing.assert_array_equal(*mirrored.T)
  first = batch.video[:, 0, 0, 0, 0].reshape(-1, 2)[:, 0]
  assert not mirrored[first == 2].any()
  assert 0 < mirrored[first == 0].mean() < 1


@pytest.mark.parametrize(
  ("make", "match"),
  [
    (lambda: _drawn(together=3), "together is 3 and data.global_batch 4"),
    (lambda: _drawn(together=0), "together is 0 and"),
    (lambda: _drawn(together=2), "together is 2 and clips come by 5"),
  ],
  ids=["batch", "none", "tables"],
)
def test_groups_that_do_not_divide_are_refused(make, match):
  with pytest.raises(errors.ConfigError, match=match):
    make()


def test_truth():
  told = {name: np.arange(CLIPS)[:, None] for name in ("labels", "places")}
  tables = {k: v for k, v in _tables(**told).items() if "t" not in k[:3]}
  batch = _batch(tables)
  assert isinstance(batch, TruthBatch)
  np.testing.assert_array_equal(batch.labels[:, 0], batch.video[:, 0, 0, 0, 0])
  np.testing.assert_array_equal(batch.labels, batch.places)


def _drawn(mesh=None, seed=0, digest="one", together=1):
  settings = drawing.Settings(
    batch_size=4, num_frames=3, frames="random", seed=seed, together=together
  )
  mesh = mesh or meshes.make({"data": -1}, jax.devices()[:1])
  of = types.SimpleNamespace(digest=digest)
  return drawing.Drawn(_tables(labels=None), settings, mesh, sources=[of])


def test_a_stop_changes_nothing():
  whole = _drawn()
  all_of_it = [next(whole) for _ in range(4)]
  first = _drawn()
  next(first), next(first)
  again = _drawn()
  again.set_state(first.get_state())
  for one in all_of_it[2:]:
    np.testing.assert_array_equal(one.video, next(again).video)
  assert (all_of_it[0].video != all_of_it[1].video).any()


def test_devices_change_nothing():
  one, many = _drawn(), _drawn(meshes.make({"data": 2}, jax.devices()[:2]))
  a, b = next(one), next(many)
  np.testing.assert_array_equal(a.video, b.video)
  assert len(b.video.sharding.device_set) == 2


@pytest.mark.parametrize("changed", [{"seed": 1}, {"digest": "other"}])
def test_other_data_is_refused(changed):
  with pytest.raises(errors.DataError, match="on other data"):
    _drawn(**changed).set_state(_drawn().get_state())


def test_the_place_of_another_iterator_is_refused():
  state = {"version": 2, "step": 3, "of": {"dataset": "x"}}
  with pytest.raises(errors.DataError, match="on other data"):
    _drawn().set_state(state)
