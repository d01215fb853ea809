"""What run.json says of the data, over all parts of a run."""

import types

import pytest

from lumiere_jax import errors
from lumiere_jax.cli import assemble
from lumiere_jax.provenance import run_record

MESH = types.SimpleNamespace(shape={"data": 8})


class _Source:
  """What is asked of a dataset."""

  def __init__(self, name):
    self.dataset, self.split, self.root = name, "train", f"root of {name}"

  def __len__(self):
    return 3


def _write(workdir, name, init_from=None):
  recipe = {"init_from": init_from and str(init_from)}
  assemble.write_record(recipe, str(workdir), MESH, [_Source(name)], {})
  return [
    (d["name"], d["root"], d.get("through"))
    for d in run_record.read(workdir).datasets
  ]


def test_a_record_names_what_the_run_and_its_parent_saw(tmp_path):
  t2i, base = tmp_path / "t2i", tmp_path / "base"
  assert _write(t2i, "a") == [("a", "root of a", None)]
  seen = [("b", "root of b", None), ("a", "root of a", str(t2i))]
  assert _write(base, "b", t2i) == seen


def test_a_run_that_goes_on_keeps_what_it_saw(tmp_path):
  _write(tmp_path, "a")
  # Nothing was trained yet, so the first name was a mistake.
  assert _write(tmp_path, "b") == [("b", "root of b", None)]
  (tmp_path / "checkpoints/4").mkdir(parents=True)
  assert [name for name, *_ in _write(tmp_path, "c")] == ["c", "b"]
  assert [name for name, *_ in _write(tmp_path, "c")] == ["c", "b"]


@pytest.mark.parametrize(
  ("stage", "data", "match"),
  [
    ("t2i", dict(frames="none"), "data.frames is 'none' in a t2i recipe"),
    ("text", dict(frames="clip"), "data.frames is 'clip' in a text recipe"),
    ("base", dict(frames="clip", truth=True), "data.truth is True in a base"),
    ("judge", dict(frames="first"), "data.truth is None in a judge recipe"),
  ],
)
def test_a_stage_is_shown_what_it_can_use(stage, data, match):
  with pytest.raises(errors.ConfigError, match=match):
    assemble.check_shown({"stage": stage, "data": data})


@pytest.mark.parametrize(
  ("stage", "data"),
  [
    ("t2i", dict(frames="random")),
    ("text", dict(frames="none")),
    ("judge", dict(frames="first", truth=True)),
  ],
)
def test_what_fits_is_let_through(stage, data):
  assemble.check_shown({"stage": stage, "data": data})


def test_each_parameter_is_of_the_first_weights_that_have_it():
  images = {"network": {"conv_in": 1}}
  clips = {"network": {"conv_in": 2, "temporal_0": {"kernel": 3}}, "text": 4}
  found = {"images": images, "clips": clips}
  assert assemble.first_of("network", found) == {
    "conv_in": 1,
    "temporal_0": {"kernel": 3},
  }
  assert assemble.first_of("text", found) == 4
  with pytest.raises(errors.WeightsError, match="images and clips hold no sty"):
    assemble.first_of("style", found)


def test_a_record_names_all_parents(tmp_path):
  one, other, run = (tmp_path / name for name in ("one", "other", "run"))
  _write(one, "a")
  _write(other, "b")
  assert _write(run, "c", f"{one},{other}") == [
    ("c", "root of c", None),
    ("a", "root of a", str(one)),
    ("b", "root of b", str(other)),
  ]
