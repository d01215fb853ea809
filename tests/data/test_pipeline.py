import json

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import pipeline
from lumiere_jax.data import prepare

NUM_CLIPS = 5


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
  folder = tmp_path_factory.mktemp("pipeline")
  captions = [f"clip {k}" for k in range(NUM_CLIPS)]
  clips.write_folder(folder / "in", captions, seconds=2)
  settings = prepare.Settings(seconds=2)
  prepare.prepare(folder / "in", folder / "out", settings=settings)
  return str(folder / "out")


def _build(dataset, **kwargs):
  defaults = dict(
    num_frames=4,
    fps=16,
    resolution=16,
    batch_size=4,
    seed=0,
    tokenizer=clips.tokenize,
  )
  return pipeline.build(dataset, **defaults | kwargs)


def _take(iterator, count):
  with iterator:
    return [next(iterator) for _ in range(count)]


def _same(ours, theirs):
  for one, other in zip(ours, theirs, strict=True):
    for name in ("video", "tokens", "text_mask"):
      np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def _captions(batch):
  return [int(chr(row[5])) for row in batch.tokens]


def test_a_batch_is_arrays_of_clips(dataset):
  (batch,) = _take(_build(dataset), 1)
  assert batch.video.shape == (4, 4, 16, 16, 3)
  assert batch.video.dtype == np.uint8
  assert batch.tokens.shape == batch.text_mask.shape == (4, 8)
  assert batch.embedding is None


def test_each_caption_stays_with_its_clip(dataset):
  for batch in _take(_build(dataset), 3):
    blue = batch.video[..., 2].mean((1, 2, 3))
    np.testing.assert_array_equal(np.rint(blue / 50), _captions(batch))


def test_an_epoch_shows_each_clip_once_and_the_next_in_another_order(dataset):
  batches = _take(_build(dataset, batch_size=NUM_CLIPS), 4)
  orders = [_captions(batch) for batch in batches]
  assert all(sorted(order) == list(range(NUM_CLIPS)) for order in orders)
  assert len({tuple(order) for order in orders}) > 1


def test_epochs_show_other_seconds(dataset):
  batches = _take(_build(dataset, batch_size=NUM_CLIPS), 2)
  first, second = (
    b.video[np.argsort(_captions(b)), ..., 0].mean((2, 3)) for b in batches
  )
  assert not np.array_equal(first, second)


def test_the_seed_decides(dataset):
  _same(_take(_build(dataset, seed=3), 2), _take(_build(dataset, seed=3), 2))
  one, other = (_take(_build(dataset, seed=s), 1)[0] for s in (3, 4))
  assert not np.array_equal(one.video, other.video)


@pytest.mark.parametrize("host_count", [2, 4])
def test_hosts_together_have_the_batch_of_one(dataset, host_count):
  alone = _take(_build(dataset, batch_size=4), 3)
  hosts = [
    _take(
      _build(
        dataset,
        batch_size=4 // host_count,
        host_index=index,
        host_count=host_count,
      ),
      3,
    )
    for index in range(host_count)
  ]
  for step, whole in enumerate(alone):
    for name in ("video", "tokens", "text_mask"):
      parts = [getattr(host[step], name) for host in hosts]
      np.testing.assert_array_equal(np.concatenate(parts), getattr(whole, name))


@pytest.mark.parametrize("num_workers", [1, 2])
def test_workers_change_nothing(dataset, num_workers):
  alone = _take(_build(dataset), 5)
  _same(_take(_build(dataset, num_workers=num_workers), 5), alone)


@pytest.mark.parametrize("step", [0, 1, 3])
def test_it_goes_on_where_it_was(dataset, step):
  through = _take(_build(dataset), 6)
  before = _build(dataset)
  with before:
    for _ in range(step):
      next(before)
    state = json.loads(json.dumps(before.get_state()))
  after = _build(dataset)
  after.set_state(state)
  _same(_take(after, 6 - step), through[step:])


def test_it_goes_back_on_itself(dataset):
  with _build(dataset) as iterator:
    state = iterator.get_state()
    first = [next(iterator) for _ in range(3)]
    iterator.set_state(state)
    _same([next(iterator) for _ in range(3)], first)


def test_it_goes_on_with_other_hosts_and_workers(dataset):
  through = _take(_build(dataset, batch_size=4), 3)
  two_hosts = _build(dataset, batch_size=2, host_index=1, host_count=2)
  with two_hosts:
    next(two_hosts)
    state = two_hosts.get_state()
  after = _build(dataset, batch_size=4, num_workers=1)
  after.set_state(state)
  _same(_take(after, 2), through[1:])


def test_it_goes_on_when_hosts_are_added(dataset):
  alone = _build(dataset, batch_size=4)
  through = _take(alone, 3)
  state = alone.get_state() | {"step": 1}
  for host in range(2):
    after = _build(dataset, batch_size=2, host_index=host, host_count=2)
    after.set_state(state)
    rows = slice(2 * host, 2 * host + 2)
    for ours, whole in zip(_take(after, 2), through[1:], strict=True):
      np.testing.assert_array_equal(ours.video, whole.video[rows])


def test_closing_loses_no_batch(dataset):
  through = _take(_build(dataset), 2)
  iterator = _build(dataset)
  first = next(iterator)
  iterator.close()
  _same([first, *_take(iterator, 1)], through)


@pytest.mark.parametrize(
  ("change", "match"),
  [
    (dict(seed=1), "seed was 0 and is 1"),
    (dict(batch_size=2), "global_batch was 4 and is 2"),
    (dict(split="train[:3]"), "split was 'train'"),
  ],
  ids=["seed", "batch", "split"],
)
def test_a_place_on_other_data_is_refused(dataset, change, match):
  state = _build(dataset).get_state()
  with pytest.raises(errors.DataError, match=match):
    _build(dataset, **change).set_state(state)


def test_a_state_of_another_version_is_refused(dataset):
  state = _build(dataset).get_state() | {"version": 0}
  with pytest.raises(errors.DataError, match="has version 0"):
    _build(dataset).set_state(state)


@pytest.mark.parametrize(
  "kwargs",
  [
    dict(batch_size=0),
    dict(num_workers=-1),
    dict(host_index=2, host_count=2),
  ],
  ids=["batch", "workers", "host"],
)
def test_nonsense_is_refused(dataset, kwargs):
  with pytest.raises(errors.ConfigError, match="host_index < host_count"):
    _build(dataset, **kwargs)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_clips_that_are_all_too_short_are_named(dataset, num_workers):
  iterator = _build(dataset, num_frames=80, num_workers=num_workers)
  match = r"one after the other .* lasts 2\.00 s"
  with iterator, pytest.raises(errors.DataError, match=match):
    next(iterator)
