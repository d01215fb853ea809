"""What is exported is read back as it was."""

import json

import flax
import foreign_pipelines
import foreign_unets
import jax
import numpy as np
import pytest
import recipes

from lumiere_jax import errors
from lumiere_jax.interop import diffusers_config
from lumiere_jax.interop import diffusers_spec
from lumiere_jax.interop import diffusers_unet
from lumiere_jax.interop import exporting
from lumiere_jax.interop import importing
from lumiere_jax.interop import shelves
from lumiere_jax.models import inflate
from lumiere_jax.models import sameness
from lumiere_jax.nn import initial
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights

_ALL = foreign_unets.CONFIGS | foreign_unets.FULL


@pytest.mark.parametrize("name", _ALL)
def test_configs_say_the_same_network(name):
  config = _ALL[name]
  width = diffusers_config.text_width(config)
  spec = diffusers_unet.spec(config)
  written = diffusers_spec.config(spec, width, 64)
  assert written["sample_size"] == 64
  assert diffusers_config.text_width(written) == width
  explicit = lambda spec: sameness.explicit(spec, width)
  assert explicit(diffusers_unet.spec(written)) == explicit(spec)
  assert diffusers_unet.spec(json.loads(json.dumps(written))) == (
    diffusers_unet.spec(written)
  )


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
  """Weights imported from a pipeline, and the tensors they were."""
  home = tmp_path_factory.mktemp("imported")
  source = foreign_pipelines.write(home / "if", variants=(None,))
  options = importing.Options(compute_dtype="float32")
  importing.write(importing.plan(source, None, options), home / "w")
  return home / "w"


def _same(folder, want):
  shelf = shelves.open_(folder)
  assert set(shelf) == set(want)
  for name, tensor in want.items():
    np.testing.assert_array_equal(shelf[name].read(), tensor, err_msg=name)


@pytest.mark.parametrize("name", ["if_2", "plain_up", "text_as_it_is"])
def test_what_was_imported_is_exported_as_it_was(tmp_path, name):
  config = foreign_unets.CONFIGS[name]
  drawn = foreign_pipelines.write_unet(tmp_path / "unet", config)
  importing.write(importing.plan(tmp_path / "unet"), tmp_path / "w")
  stage, params, _ = weights.load(tmp_path / "w", ())
  exporting.write_diffusers(stage, params, tmp_path / "again")
  _same(tmp_path / "again", drawn)
  importing.write(importing.plan(tmp_path / "again"), tmp_path / "w2")
  _, same, _ = weights.load(tmp_path / "w2", ())
  jax.tree.map(np.testing.assert_array_equal, same, params)


@pytest.mark.parametrize("given", [False, True])
def test_what_inflation_added_is_left_out(imported, tmp_path, given):
  source, params, _ = weights.load(imported)
  temporal = {"factors": [1, 2, 2], "attention_blocks": 1}
  model = dict(source.recipe["model"], temporal=temporal, given=given)
  recipe = dict(source.recipe, stage="base", model=model)
  stage = stages.build(recipe)
  fresh = initial.materialize(stage.abstract_params()["network"], 0, None)
  network, _ = inflate.inflate(params["network"], fresh)
  exporting.write_diffusers(stage, {"network": network}, tmp_path / "unet")
  _same(tmp_path / "unet", foreign_pipelines.unet_tensors())


@pytest.mark.parametrize(
  ("changed", "words"),
  [
    ({}, "diffusers has no such network"),
    ({"skips": "block", "resize_first": False}, "layer_epsilon = 1e-06"),
    (
      {"skips": "block", "resize_first": False, "activation": "gelu"},
      "activation = 'gelu'",
    ),
  ],
)
def test_what_diffusers_does_not_have_is_refused(tmp_path, changed, words):
  recipe = recipes.smallest("t2i")
  model = dict(recipe["model"], resize="pooled", skip_scale=1.0) | changed
  stage = stages.build(recipe | {"model": model})
  params = initial.materialize(stage.abstract_params(), 0, None)
  with pytest.raises(errors.WeightsError, match=words):
    exporting.write_diffusers(stage, params, tmp_path / "unet")
  assert not (tmp_path / "unet").exists()


def test_styles_and_stages_without_pictures_are_refused(imported, tmp_path):
  stage, params, _ = weights.load(imported)
  write = lambda params: exporting.write_diffusers(
    stage, params, tmp_path / "unet"
  )
  with pytest.raises(errors.WeightsError, match="a style is a change"):
    write(params | {stages.STYLE: {}})
  with pytest.raises(errors.WeightsError, match="has no image network"):
    write({"text": params["text"]})


def test_our_own_names_are_read_by_whoever_reads_safetensors(
  imported, tmp_path
):
  _, params, digest = weights.load(imported)
  record = export.record(imported)
  exporting.write(params, record, tmp_path / "x.safetensors")
  assert weights.load(tmp_path / "x.safetensors")[2] == digest
  names = set(shelves.open_(tmp_path / "x.safetensors"))
  assert "network/down_0/block_0/conv_0/conv/kernel" in names
  flat = flax.traverse_util.flatten_dict(params, sep="/")
  assert names == flat.keys()
  exporting.write(params, record, tmp_path / "h.safetensors", "bfloat16")
  half = shelves.open_(tmp_path / "h.safetensors")
  assert {half[name].dtype.name for name in half} == {"bfloat16"}


def test_names_that_do_not_fit_are_refused(tmp_path):
  record = run_record.RunRecord(recipe={}, versions={}, mesh={})
  for out, dtype, words in (
    (tmp_path / "x.bin", "float32", "ends with .safetensors"),
    (tmp_path, "float32", "is there already"),
    (tmp_path / "x.safetensors", "float8", "dtype is 'float8'"),
  ):
    with pytest.raises(errors.ConfigError, match=words):
      exporting.write({}, record, out, dtype)
