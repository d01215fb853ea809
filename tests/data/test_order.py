"""The global order: what a pod of any shape sees, and where it goes on."""

import clips
import numbered
import numpy as np
import pytest

from lumiere_jax.data import pipeline

NUM_CLIPS = 1000
BATCH = 40
STEPS = 3 * NUM_CLIPS // BATCH  # three epochs

SHAPES = [(hosts, workers) for workers in (0, 1, 3) for hosts in (1, 2, 4, 8)]
# Each worker is a process that imports all we have: seconds on two cores.
QUICK = [shape for shape in SHAPES if shape[0] * shape[1] <= 4]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
  folder = tmp_path_factory.mktemp("order")
  return numbered.write(folder, NUM_CLIPS, num_shards=4)


def _hosts(dataset, hosts, workers=0):
  return [
    pipeline.build(
      dataset,
      num_frames=1,
      fps=16,
      resolution=1,
      batch_size=BATCH // hosts,
      seed=7,
      tokenizer=clips.tokenize,
      num_workers=workers,
      host_index=host,
      host_count=hosts,
    )
    for host in range(hosts)
  ]


def _sequence(iterators, steps):
  found = []
  for _ in range(steps):
    for iterator in iterators:
      found += numbered.numbers(next(iterator))
  for iterator in iterators:
    iterator.close()
  return found


@pytest.fixture(scope="module")
def alone(dataset):
  return _sequence(_hosts(dataset, 1), STEPS)


def test_each_epoch_holds_each_clip_once(alone):
  epochs = np.reshape(alone, (3, NUM_CLIPS))
  np.testing.assert_array_equal(np.sort(epochs), [range(NUM_CLIPS)] * 3)


def test_no_two_epochs_have_one_order(alone):
  epochs = np.reshape(alone, (3, NUM_CLIPS))
  for one, other in ((0, 1), (1, 2), (0, 2)):
    # Two random orders agree in one place on average.
    assert np.mean(epochs[one] == epochs[other]) < 0.02


def test_an_epoch_is_shuffled_over_all_shards(alone):
  # Neighbours of a true shuffle are a third of the length apart on average.
  apart = np.abs(np.diff(alone[:NUM_CLIPS]))
  assert 0.3 < apart.mean() / NUM_CLIPS < 0.37


@pytest.mark.parametrize(
  ("hosts", "workers"),
  [
    pytest.param(*shape, marks=() if shape in QUICK else pytest.mark.bar)
    for shape in SHAPES
  ],
  ids=lambda n: f"{n}",
)
def test_hosts_and_workers_change_nothing(dataset, alone, hosts, workers):
  assert _sequence(_hosts(dataset, hosts, workers), STEPS) == alone


@pytest.mark.parametrize("hosts", [1, 2, 4, 8])
def test_it_goes_on_where_four_hosts_stopped(dataset, alone, hosts):
  for step in np.random.default_rng(hosts).integers(0, STEPS - 2, 5):
    stopped = _hosts(dataset, 4)
    places = {str(_after(iterator, alone, step)) for iterator in stopped}
    assert len(places) == 1, "the place is the same on all hosts"
    after = _hosts(dataset, hosts)
    for iterator in after:
      iterator.set_state(stopped[0].get_state())
    first = (step + 1) * BATCH
    assert _sequence(after, 2) == alone[first : first + 2 * BATCH]


def _after(iterator, alone, step):
  """Steps to a place that a run came to, and one further by reading."""
  iterator.set_state(iterator.get_state() | {"step": int(step)})
  with iterator:
    rows = numbered.numbers(next(iterator))
  assert set(rows) <= set(alone[step * BATCH : (step + 1) * BATCH])
  return iterator.get_state()
