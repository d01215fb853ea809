"""A pool is what the number of the step says, and each clip comes often."""

import types

import jax
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.training import drawing
from lumiere_jax.training import refilling

CHUNK, POOL, BATCH, REUSE = 2, 6, 4, 6


def _chunks(chunk):
  """Clips by number, of which the pixels are made from."""
  clip = np.arange(CHUNK, dtype=np.int32) + chunk * CHUNK
  return dict(
    number=clip,
    tokens=np.broadcast_to(clip[:, None, None], (CHUNK, 1, 1)),
    text_mask=np.ones((CHUNK, 1, 1), bool),
    num_captions=np.ones(CHUNK, np.int32),
    may_flip=np.zeros((CHUNK, 1), bool),
  )


def _make(columns):
  columns = dict(columns)
  number = columns.pop("number")
  video = number[:, None, None, None, None] * np.ones((1, 5, 2, 2, 3), int)
  return columns | {"video": video.astype(np.uint8)}


def _refilled(mesh=None, chunks=_chunks, pool=POOL, reuse=REUSE):
  settings = drawing.Settings(batch_size=BATCH, num_frames=2, frames="clip")
  return refilling.Refilled(
    chunks,
    _make,
    settings,
    mesh or meshes.make({"data": -1}, jax.devices()[:1]),
    pool=pool,
    reuse=reuse,
    sources=[types.SimpleNamespace(digest="world")],
  )


def _clips(batch):
  clip, video = np.asarray(batch.tokens)[:, 0], np.asarray(batch.video)
  np.testing.assert_array_equal(video[:, 0, 0, 0, 0], clip % 256)
  return clip


def test_the_oldest_make_room():
  batches = _refilled()
  assert batches.steps_a_chunk == 3  # 2 clips of a chunk, 6 times, 4 a step
  seen = [set(_clips(next(batches))) for _ in range(60)]
  for step, found in enumerate(seen):
    oldest = step // 3 * CHUNK
    assert found <= set(range(oldest, oldest + POOL))
  assert set().union(*seen[-9:]) >= set(range(38, 42))


def test_a_clip_is_drawn_so_often():
  batches = _refilled()
  counts = np.bincount(
    np.concatenate([_clips(next(batches)) for _ in range(600)])
  )
  inner = counts[POOL : 2 * 200 - POOL]
  assert abs(inner.mean() - REUSE) < 0.2


def test_a_stop_changes_nothing():
  whole, first, again = _refilled(), _refilled(), _refilled()
  all_of_it = [_clips(next(whole)) for _ in range(20)]
  for _ in range(11):
    next(first)
  next(again)  # what it holds already is of another step
  again.set_state(first.get_state())
  for one in all_of_it[11:]:
    np.testing.assert_array_equal(one, _clips(next(again)))
  again.set_state({**first.get_state(), "step": 2})  # and back
  np.testing.assert_array_equal(all_of_it[2], _clips(next(again)))


def test_devices_change_nothing():
  one = _refilled()
  many = _refilled(meshes.make({"data": 2}, jax.devices()[:2]))
  for _ in range(5):
    a, b = next(one), next(many)
    np.testing.assert_array_equal(_clips(a), _clips(b))
  assert len(b.video.sharding.device_set) == 2


@pytest.mark.parametrize(("pool", "reuse"), [(2, 6), (5, 6), (6, 0)])
def test_a_pool_that_makes_no_sense_is_refused(pool, reuse):
  with pytest.raises(errors.ConfigError, match="multiple of that"):
    _refilled(pool=pool, reuse=reuse)


def test_another_pool_is_other_data():
  with pytest.raises(errors.DataError, match="on other data"):
    _refilled(pool=8).set_state(_refilled().get_state())


def test_its_end_is_that_of_the_chunks():
  ended = []

  class Chunks:
    def __call__(self, chunk):
      return _chunks(chunk)

    def close(self):
      ended.append(1)

  batches = _refilled(chunks=Chunks())
  batches.close()
  assert ended == [1]
  batches.set_state(batches.get_state())  # as a loop does at its end
  assert ended == [1, 1]
  next(batches)
