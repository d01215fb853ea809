"""Flipped bits and lost files: the older checkpoint stands in, bit for bit."""

import random
import shutil

from faults import runs
from faults.conftest import STEPS
import pytest

from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import newest

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def older(lab, undisturbed):
  """What the checkpoint before the newest holds."""
  copy = lab.home / "older"
  shutil.copytree(lab.home / undisturbed, copy)
  folder.remove(copy, STEPS)
  return lab.weights("older")


def _files(lab, name):
  path = folder.of(lab.home / name, STEPS)
  return sorted(p for p in path.rglob("*") if p.is_file())


def _is_survived(lab, undisturbed, older, hurt):
  """Hurts a copy of the newest checkpoint; whether the older one is taken."""
  copy = lab.home / "hurt"
  shutil.rmtree(copy, ignore_errors=True)
  shutil.copytree(lab.home / undisturbed / "checkpoints", copy / "checkpoints")
  hurt(_files(lab, "hurt"))
  assert newest.good(copy) == STEPS - 2
  assert folder.steps(copy) == [STEPS - 2]
  return runs.same(lab.weights("hurt"), older)


def _flip(rng):
  def hurt(files):
    # Each byte of the checkpoint is as likely.
    path = rng.choices(files, [p.stat().st_size for p in files])[0]
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)

  return hurt


def _cut(rng):
  def hurt(files):
    path = rng.choice(files)
    size = path.stat().st_size
    if size and rng.random() < 0.5:
      path.write_bytes(path.read_bytes()[: rng.randrange(size)])
    else:
      path.unlink()

  return hurt


@pytest.mark.slow
@pytest.mark.parametrize("kind", [_flip, _cut])
def test_a_few_accidents_are_survived(lab, undisturbed, older, kind):
  rng = random.Random(5)
  for _ in range(8):
    assert _is_survived(lab, undisturbed, older, kind(rng))


@pytest.mark.bar
@pytest.mark.parametrize(("kind", "count"), [(_flip, 200), (_cut, 50)])
def test_all_accidents_are_survived(lab, undisturbed, older, kind, count):
  rng = random.Random(7)
  for _ in range(count):
    assert _is_survived(lab, undisturbed, older, kind(rng))


@pytest.mark.slow
def test_the_command_goes_on_from_the_older_one_and_says_so(lab, undisturbed):
  shutil.copytree(lab.home / undisturbed, lab.home / "goes_on")
  _flip(random.Random(3))(_files(lab, "goes_on"))
  assert lab.finish("goes_on", STEPS) == 1
  said = lab.said("goes_on")
  assert said.count(f"checkpoint {STEPS} is damaged") == 1
  assert f"resumed from step {STEPS - 2}" in said
  assert runs.same(lab.weights("goes_on"), lab.weights(undisturbed))
