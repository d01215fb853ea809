"""A checkpoint is whole or not there, and comes back as it was."""

import os

import chex
import jax
import jax.numpy as jnp
import pytest

from lumiere_jax import errors
from lumiere_jax.checkpoints import checksums
from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import newest
from lumiere_jax.checkpoints import store as stores

TREE = {"w": jnp.arange(6.0).reshape(2, 3), "b": {"c": jnp.float32(7)}}
NOTES = {"data": {"place": 3}}


@pytest.fixture
def store(tmp_path):
  one = stores.Store(tmp_path)
  yield one
  one.close()


def save(store, step, tree=TREE):
  store.start(step, {"state": tree}, NOTES)
  store.wait()
  return store.outcome()


def test_what_is_saved_comes_back(store, tmp_path):
  outcome = save(store, 5)
  assert outcome.error is None
  assert outcome.nbytes > 0
  assert 0 <= outcome.sealing <= outcome.background
  assert folder.steps(tmp_path) == [5]
  assert checksums.problems(folder.of(tmp_path, 5)) == []
  got = stores.read(folder.of(tmp_path, 5), {"state": TREE}, ("data",))
  chex.assert_trees_all_equal(got["state"], TREE)
  assert got["data"] == NOTES["data"]
  (host,) = stores.read_host(folder.of(tmp_path, 5), ["state"])
  chex.assert_trees_all_equal(host, jax.device_get(TREE))


def test_an_outcome_is_told_once(store):
  assert save(store, 1) is not None
  assert store.outcome() is None


def test_a_step_saved_again_takes_the_place_of_the_old(store, tmp_path):
  save(store, 1)
  assert save(store, 1, jax.tree.map(jnp.zeros_like, TREE)).error is None
  (host,) = stores.read_host(folder.of(tmp_path, 1), ["state"])
  assert host["b"]["c"] == 0
  assert folder.steps(tmp_path) == [1]


def test_a_failure_while_sealing_leaves_nothing(store, tmp_path, monkeypatch):
  def full(path):
    raise OSError(28, "No space left on device")

  with monkeypatch.context() as patched:
    patched.setattr(checksums, "write", full)
    outcome = save(store, 1)
  assert outcome.error.errno == 28
  assert folder.newest(tmp_path) is None
  assert save(store, 2).error is None


def test_a_failure_while_beginning_is_an_outcome(store, tmp_path):
  folder.root(tmp_path).mkdir()
  (folder.root(tmp_path) / folder.UNSEALED).touch()  # no room for a folder
  assert save(store, 1).error is not None
  os.unlink(folder.root(tmp_path) / folder.UNSEALED)
  assert save(store, 1).error is None


def test_what_a_stop_left_is_cleared(tmp_path):
  left = folder.unsealed(tmp_path, 9)
  left.mkdir(parents=True)
  (left / "half").touch()
  stores.Store(tmp_path).close()
  assert not left.exists()


def test_other_arrays_are_refused_by_name(store, tmp_path):
  save(store, 1)
  path = folder.of(tmp_path, 1)
  stores.check_fits(path, {"state": TREE})
  for tree, said in [
    ({"w": TREE["w"].T, "b": TREE["b"]}, r"state w is \(2, 3\) in .*\(3, 2\)"),
    ({"w": TREE["w"]}, r"state b/c is \(\) in .* and None by the recipe"),
  ]:
    with pytest.raises(errors.WeightsError, match=said):
      stores.check_fits(path, {"state": tree})


def flip(path):
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 4
  path.write_bytes(data)


def largest(tmp_path, step):
  files = [
    path
    for path in folder.of(tmp_path, step).rglob("*")
    if path.is_file() and path.name != checksums.FILE
  ]
  return max(files, key=lambda p: p.stat().st_size)


def test_the_damaged_one_is_set_aside_and_the_one_before_taken(store, tmp_path):
  for step in (1, 2, 3):
    save(store, step)
  assert newest.good(tmp_path) == 3
  flip(largest(tmp_path, 3))
  assert newest.readable(tmp_path) == 2
  assert folder.steps(tmp_path) == [1, 2, 3]  # who reads moves nothing
  assert newest.good(tmp_path) == 2
  assert folder.steps(tmp_path) == [1, 2]
  (aside,) = (folder.root(tmp_path) / folder.DAMAGED).iterdir()
  assert aside.name.startswith("3-")
  assert "has other content" in (aside / folder.REPORT).read_text()


def test_where_all_are_damaged_the_run_does_not_begin_anew(store, tmp_path):
  assert newest.good(tmp_path) is None
  assert newest.readable(tmp_path) is None
  save(store, 1)
  flip(largest(tmp_path, 1))
  with pytest.raises(errors.WeightsError, match="copy the run again"):
    newest.readable(tmp_path)
  with pytest.raises(errors.WeightsError, match="Copy a good one back"):
    newest.good(tmp_path)


def test_two_set_aside_in_a_second_do_not_meet(tmp_path):
  for _ in range(3):
    folder.of(tmp_path, 1).mkdir(parents=True)
    folder.set_aside(tmp_path, 1, ["why"])
  assert len([*(folder.root(tmp_path) / folder.DAMAGED).iterdir()]) == 3


def test_many_problems_are_told_in_few_words():
  assert newest.said(["a", "b", "c", "d", "e"]) == "a; b; c and 2 more"
  assert newest.said(["a"]) == "a"
