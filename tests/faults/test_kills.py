"""kill -9 at any moment: the run goes on to the same bits."""

import functools
import itertools
import random
import time

from faults import runs
from faults.conftest import STEPS
import pytest

from lumiere_jax.checkpoints import folder

pytestmark = pytest.mark.e2e


def _is_saving(lab, name):
  path = folder.root(lab.home / name) / folder.UNSEALED
  return lambda: path.is_dir() and any(path.iterdir())


def _has_steps(lab, name, more):
  began = len(lab.events(name, "spent"))
  return lambda: len(lab.events(name, "spent")) >= began + more


def _has_begun(lab, name):
  path = lab.home / name / "run.json"
  return path.exists


def _killed(lab, name, moments, rng, **where):
  """Kills a run at moment after moment; how often it was alive to be."""
  kills = 0
  for moment, delay in moments:
    process = lab.start(name, STEPS, **where)
    if runs.wait_for(moment(lab, name), process):
      time.sleep(rng.uniform(0, delay))
      kills += process.poll() is None
    runs.kill_all(process)
  return kills


def _moments(rng, count):
  """In the first save, then in steps, in saves, and while starting."""
  steps = lambda: (functools.partial(_has_steps, more=rng.randint(0, 2)), 0.3)
  saves = lambda: (_is_saving, 0.05)
  begins = lambda: (_has_begun, 4.0)
  kinds = itertools.cycle([saves, steps, steps, saves, begins])
  return [kind() for kind in itertools.islice(kinds, count)]


def _is_undisturbed(lab, name, undisturbed):
  assert lab.metrics(name) == lab.metrics(undisturbed)
  return runs.same(lab.weights(name), lab.weights(undisturbed))


@pytest.mark.slow
def test_a_few_kills_change_nothing(lab, undisturbed):
  rng = random.Random(1)
  assert _killed(lab, "few", _moments(rng, 3), rng) >= 2
  lab.finish("few", STEPS)
  assert _is_undisturbed(lab, "few", undisturbed)


@pytest.mark.bar
def test_forty_kills_change_nothing(lab, undisturbed):
  kills = 0
  for run in itertools.count():
    rng = random.Random(100 + run)
    kills += _killed(lab, f"many_{run}", _moments(rng, 8), rng)
    lab.finish(f"many_{run}", STEPS)
    assert _is_undisturbed(lab, f"many_{run}", undisturbed)
    if kills >= 40:
      return


@pytest.mark.bar
def test_ten_kills_of_two_processes_change_nothing(lab):
  lab.finish("pair", STEPS, processes=2)
  kills = 0
  for run in itertools.count():
    rng = random.Random(200 + run)
    name = f"pair_{run}"
    kills += _killed(lab, name, _moments(rng, 5), rng, processes=2)
    lab.finish(name, STEPS, processes=2)
    assert _is_undisturbed(lab, name, "pair")
    if kills >= 10:
      return
