"""SIGTERM to one process of a job: all save the same step and leave."""

import os
import random
import signal
import time

from faults import runs
from faults.conftest import STEPS
import pytest

from lumiere_jax.checkpoints import folder

pytestmark = pytest.mark.e2e


def _is_preempted(lab, name, processes, victim, delay, undisturbed):
  process = lab.start(name, STEPS, processes=processes)
  events = lambda: lab.events(name, "spent")
  assert runs.wait_for(lambda: len(events()) >= 2, process)
  time.sleep(delay)
  os.kill(runs.trainers(process)[victim], signal.SIGTERM)
  assert process.wait(timeout=runs.PATIENCE) == 0, lab.said(name)[-3000:]
  (event,) = lab.events(name, "preempted")
  step = event["step"]
  # No step is lost: what was done is what is saved.
  assert step == max(lab.metrics(name)) == folder.newest(lab.home / name)
  assert f"preempted at step {step}" in lab.said(name)
  assert lab.finish(name, STEPS, processes=processes) == 1
  assert lab.metrics(name) == lab.metrics(undisturbed)
  return runs.same(lab.weights(name), lab.weights(undisturbed))


@pytest.fixture(scope="module")
def pairs(lab):
  lab.finish("two", STEPS, processes=2)
  return "two"


@pytest.fixture(scope="module")
def fours(lab):
  lab.finish("four", STEPS, processes=4)
  return "four"


@pytest.mark.slow
def test_one_of_one(lab, undisturbed):
  assert _is_preempted(lab, "stop_1", 1, 0, 0.05, undisturbed)


@pytest.mark.bar
@pytest.mark.parametrize("seed", range(5))
def test_one_of_two(lab, pairs, seed):
  rng = random.Random(seed)
  name = f"stop_2_{seed}"
  assert _is_preempted(lab, name, 2, seed % 2, rng.uniform(0, 0.5), pairs)


@pytest.mark.bar
@pytest.mark.parametrize("seed", range(5))
def test_one_of_four(lab, fours, seed):
  rng = random.Random(seed)
  name = f"stop_4_{seed}"
  assert _is_preempted(lab, name, 4, seed % 4, rng.uniform(0, 0.5), fours)
