"""Checkpoints listed, verified and exported; exports sampled from."""

import io
import json

import chex
import jax
import pytest
import recipes

from lumiere_jax import errors
from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import store as stores
from lumiere_jax.cli import checkpoint
from lumiere_jax.cli import exits
from lumiere_jax.generation import generator
from lumiere_jax.generation import plans
from lumiere_jax.models import inflate
from lumiere_jax.nn import initial
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  """A run of the smallest base, with two checkpoints that nobody trained."""
  path = tmp_path_factory.mktemp("run") / "base"
  recipe = recipes.smallest("base")
  stage = stages.build(recipe)
  params = initial.materialize(stage.abstract_params(), 0, None)
  trained, frozen = inflate.split(params)
  record = run_record.RunRecord(recipe=recipe, versions={}, mesh={"data": 1})
  run_record.write(path, record)
  store = stores.Store(path)
  for step in (1, 2):
    store.start(step, {"ema": trained, "frozen": frozen}, {})
    store.wait()
    assert store.outcome().error is None
  store.close()
  return path


def _damage(workdir, step):
  path = folder.of(workdir, step) / "_CHECKPOINT_METADATA"
  before = path.read_bytes()
  path.write_bytes(b"x" + before[1:])
  return lambda: path.write_bytes(before)


def test_what_there_is_is_listed(workdir, capsys):
  checkpoint.main(["list", str(workdir)])
  one, two = capsys.readouterr().out.splitlines()
  assert one.startswith("step 1, ")
  assert two.startswith("step 2, ")


def test_damage_is_named_and_nothing_moved(workdir, capsys):
  checkpoint.main(["verify", str(workdir)])
  assert capsys.readouterr().out.count("as it was written") == 2
  mend = _damage(workdir, 2)
  with pytest.raises(SystemExit) as stop:
    checkpoint.main(["verify", str(workdir)])
  mend()
  assert stop.value.code == 1
  assert "_CHECKPOINT_METADATA has other content" in capsys.readouterr().out
  assert folder.steps(workdir) == [1, 2]


def test_what_was_set_aside_is_listed(workdir, tmp_path, capsys):
  for step in (1, 2):
    folder.of(tmp_path, step).mkdir(parents=True)
  folder.set_aside(tmp_path, 2, ["state/d is missing"])
  checkpoint.main(["list", str(tmp_path)])
  assert "state/d is missing" in capsys.readouterr().out


def test_a_folder_without_any_is_refused(tmp_path, monkeypatch):
  said = io.StringIO()
  monkeypatch.setattr("sys.stderr", said)
  with pytest.raises(SystemExit) as stop:
    exits.run(checkpoint.main, ["verify", str(tmp_path)])
  assert stop.value.code == 2
  assert "has no checkpoints; give the --workdir" in said.getvalue()


@pytest.mark.parametrize("name", ["base.safetensors", "base"])
def test_exported_weights_are_those_of_the_run(workdir, name, tmp_path):
  out = tmp_path / name
  checkpoint.main(["export", str(workdir), "--out", str(out)])
  _, want, digest = weights.load(workdir)
  _, got, found = weights.load(out)
  chex.assert_trees_all_equal(got, want)
  assert found == digest
  assert export.record(out) == run_record.read(workdir)
  assert generator.load(out).digests == {"base": digest}
  assert generator.load(tmp_path).digests == {"base": digest}
  with pytest.raises(errors.ConfigError, match="is there already"):
    checkpoint.main(["export", str(workdir), "--out", str(out)])


def test_weights_may_advise_other_sampling_than_their_recipe(workdir, tmp_path):
  out = tmp_path / "base.safetensors"
  words = ["export", str(workdir), "--out", str(out), "--advise"]
  checkpoint.main([*words, "num_steps=5", "solver=ddim", "threshold=null"])
  stage, _, digest = weights.load(out)
  parent, _, same = weights.load(workdir)
  assert digest == same
  found = plans.defaults(stage)
  assert (found["num_inference_steps"], found["sampler"]) == (5, "ddim")
  assert stage.recipe["sampling"]["threshold"] is None
  rest = lambda stage: {
    k: v for k, v in stage.recipe.items() if k != "sampling"
  }
  assert rest(stage) == rest(parent)


@pytest.mark.parametrize(
  ("said", "match"),
  [
    ("num_steps", "expected NAME=VALUE"),
    ("num_step=5", "Did you mean 'num_steps'"),
    ("num_steps=0", "must be at least 1"),
    ("shared_noise=2", "at most 1"),
    ("num_steps=many", "num_steps .* is 'many'; it takes int"),
    ("shared_patch=2.5", "is 2.5; it takes int or null"),
    ("guidance_scale=null", "is None; it takes float"),
  ],
)
def test_advice_that_makes_no_sense_is_refused(workdir, said, match, tmp_path):
  out = tmp_path / "base.safetensors"
  with pytest.raises(errors.ConfigError, match=match):
    checkpoint.main(
      ["export", str(workdir), "--out", str(out), "--advise", said]
    )
  assert not out.exists()


def test_what_paints_nothing_takes_no_advice(tmp_path):
  words = ["export", "nano/judge", "--out", str(tmp_path / "judge.safetensors")]
  with pytest.raises(errors.ConfigError, match="paint nothing"):
    checkpoint.main([*words, "--advise", "num_steps=5"])


def test_half_the_digits_are_half_the_bytes(workdir, tmp_path):
  small, large = tmp_path / "small.safetensors", tmp_path / "large.safetensors"
  checkpoint.main(["export", str(workdir), "--out", str(large)])
  half = ["--dtype", "bfloat16"]
  checkpoint.main(["export", str(workdir), "--out", str(small), *half])
  _, want, _ = weights.load(large)
  _, got, _ = weights.load(small)
  chex.assert_trees_all_close(got, want, rtol=2**-8)
  assert {x.dtype.name for x in jax.tree.leaves(got)} == {"float32"}
  assert small.stat().st_size < 0.75 * large.stat().st_size


def test_nonsense_is_refused(workdir, tmp_path):
  out = tmp_path / "base.safetensors"
  words = ["export", str(workdir), "--out", str(out)]
  with pytest.raises(errors.ConfigError, match="Did you mean 'float32'"):
    checkpoint.main([*words, "--dtype", "float3"])
  checkpoint.main(words)
  whole = out.read_bytes()
  out.write_bytes(whole[: len(whole) // 2])
  with pytest.raises(errors.WeightsError, match="no whole safetensors file"):
    weights.load(out)
  out.write_bytes(b"")
  with pytest.raises(errors.WeightsError, match="no whole safetensors file"):
    weights.load(out)
  head = b"{}      "
  out.write_bytes(len(head).to_bytes(8, "little") + head)
  with pytest.raises(errors.WeightsError, match="does not say of what network"):
    weights.load(out)


def test_a_damaged_folder_is_refused(workdir, tmp_path):
  out = tmp_path / "base"
  checkpoint.main(["export", str(workdir), "--out", str(out)])
  path = out / export.FOLDER / "_METADATA"
  path.write_text(json.dumps({}))
  with pytest.raises(errors.WeightsError, match=r"_METADATA has"):
    weights.load(out)
