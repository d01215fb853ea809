"""Folders of other frameworks become folders of ours."""

import json
import tracemalloc

import flax
import foreign_pipelines
import foreign_unets
import imported_t5
import imported_unets
import jax
import numpy as np
import pytest
import tokenizer_jsons

from lumiere_jax import errors
from lumiere_jax.apps import upscale
from lumiere_jax.generation import generator
from lumiere_jax.generation import request
from lumiere_jax.interop import importing
from lumiere_jax.interop import matching
from lumiere_jax.interop import shelves
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights
from lumiere_jax.text import tokenizers


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
  return foreign_pipelines.write(tmp_path_factory.mktemp("pipelines") / "if")


FLOAT32 = importing.Options(compute_dtype="float32")


def _import(source, out, text=None, options=FLOAT32, dtype=None):
  what = importing.plan(source, text, options)
  importing.write(what, out, dtype)
  return what


def _wanted(part):
  """Our parameters of the folder's tensors, by another way."""
  if part == "network":
    config = foreign_pipelines.UNET_CONFIG
    shelf = foreign_pipelines.unet_tensors()
    made, theirs = imported_unets.as_theirs, shelf
  else:
    config = foreign_pipelines.TEXT_CONFIG
    theirs = foreign_unets.weights(imported_t5.shapes(config))
    made = imported_t5.as_theirs
  return lambda params: (made(config, params[part]), theirs)


def test_a_pipeline_is_a_text_to_image_run(pipeline, tmp_path):
  what = _import(pipeline, tmp_path / "w")
  stage, params, digest = weights.load(tmp_path / "w")
  assert stage.name == "t2i"
  for part in ("network", "text"):
    got, want = _wanted(part)(params)
    assert got.keys() == want.keys()
    for name, one in want.items():
      np.testing.assert_array_equal(got[name], one, err_msg=name)
  assert what.unused == ("safety_checker",)
  report = json.loads((tmp_path / "w" / importing.REPORT).read_text())
  assert report["unused"] == ["safety_checker"]
  assert report["parts"]["network"]["parameters"] == 911_750
  assert stage.tokenizer.digest
  assert generator.load(tmp_path / "w").digests == {"t2i": digest}
  # It can be moved.
  (tmp_path / "w").rename(tmp_path / "moved")
  assert weights.load(tmp_path / "moved")[2] == digest


def test_the_schedule_and_how_to_sample_are_read(pipeline):
  recipe = importing.plan(pipeline).recipe
  assert recipe["diffusion"] == {
    "schedule": {"name": "squared_cosine"},
    "prediction": "noise",
  }
  assert recipe["sampling"]["threshold"] == 0.95
  assert recipe["sampling"]["maximum"] == 1.5
  assert recipe["data"]["resolution"] == 16
  assert recipe["text"]["padding"] == "seen"
  assert recipe["text"]["null"] == "empty"


def test_half_precision_is_read_and_kept_or_widened(pipeline, tmp_path):
  half = importing.Options(variant="fp16")
  _import(pipeline, tmp_path / "half", options=half)
  _import(pipeline, tmp_path / "wide", options=half, dtype="float32")
  file = lambda name: tmp_path / name / export.FOLDER / export.FILE
  assert file("half").stat().st_size < 0.6 * file("wide").stat().st_size
  _, got, _ = weights.load(tmp_path / "half")
  _, same, _ = weights.load(tmp_path / "wide")
  jax.tree.map(np.testing.assert_array_equal, got, same)
  theirs, want = _wanted("network")(got)
  for name, one in want.items():
    np.testing.assert_array_equal(theirs[name], one.astype(np.float16))


def test_a_text_encoder_alone_says_what_the_pipelines_says(pipeline, tmp_path):
  _import(pipeline, tmp_path / "whole")
  seen = importing.Options(compute_dtype="float32", padding="seen")
  _import(pipeline / "text_encoder", tmp_path / "text", options=seen)
  digests = []
  for name in ("whole", "text"):
    stage, params, _ = weights.load(tmp_path / name)
    digests.append(weights.text_digest(stage, params["text"]))
  assert digests[0] == digests[1]
  assert stage.name == stages.TEXT
  assert set(params) == {"text"}


def test_a_network_alone_is_part_of_a_stage(pipeline, tmp_path):
  what = _import(pipeline / "unet", tmp_path / "w")
  assert any("no text encoder" in note for note in what.notes)
  with pytest.raises(errors.WeightsError, match="holds network and no text"):
    weights.load(tmp_path / "w")
  _, params, _ = weights.load(tmp_path / "w", ["network"])
  assert set(params) == {"network"}
  _import(pipeline / "unet", tmp_path / "both", text=pipeline)
  assert set(weights.load(tmp_path / "both")[1]) == {"network", "text"}


def test_an_upsampler_enlarges_frames_one_by_one(pipeline, tmp_path):
  config = foreign_pipelines.UPSAMPLER_CONFIG
  foreign_pipelines.write(tmp_path / "if_2", config)
  what = _import(tmp_path / "if_2", tmp_path / "w" / "ssr")
  assert what.recipe["sampling"]["noise_level"] == 0.25
  alone = generator.load(tmp_path / "w" / "ssr", paints=False)
  (stage,) = alone.stages
  assert stage.network.spec.low_res
  names = {one.path for part in what.parts for one in part.matches}
  assert not any("temporal" in part for path in names for part in path)
  asked = request.Request(prompt="a red ball", ssr_num_inference_steps=1)
  frames = np.zeros((3, 8, 8, 3), np.uint8)
  _, painted = upscale.paint(alone, alone.complete(asked), frames)
  assert painted.shape == (3, 32, 32, 3)
  with pytest.raises(errors.WeightsError, match="super-resolution alone"):
    generator.load(tmp_path / "w" / "ssr")
  # Inflated, it is taken for what it is.
  inflated = stage.recipe["model"] | dict(temporal=dict(conv_levels="all"))
  other = stages.build(stage.recipe | dict(model=inflated))
  weights.require_same(stage, other, "w", ("text", "network"))
  # Beside the first stage, it is the second one of a cascade.
  _import(pipeline, tmp_path / "w" / "t2i")
  both = generator.load(tmp_path / "w").stages
  assert [one.name for one in both] == ["t2i", "ssr"]


def test_tensors_of_no_use_are_named(tmp_path):
  drawn = foreign_pipelines.write_unet(tmp_path / "unet")
  held = drawn | {"magic.weight": np.zeros(3, np.float32)}
  foreign_pipelines.shards(tmp_path / "unet", foreign_pipelines.UNET, held)
  what = importing.plan(tmp_path / "unet")
  assert what.unused == ("network: magic.weight",)


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_memory_is_that_of_the_largest_tensor(tmp_path, dtype):
  size = (1024, 2048)
  drawn = {str(k): np.zeros(size, np.float32) for k in range(4)}
  imported_unets.save(tmp_path / "x.safetensors", drawn)
  shelf = shelves.open_(tmp_path / "x.safetensors")
  del drawn
  matches = [matching.Match((n,), size[::-1], shelf[n]) for n in shelf]
  part = importing.Part(name="network", matches=matches, shelf=shelf)
  what = importing.Import(source=tmp_path, recipe={}, parts=[part])
  assert what.largest == 4 * size[0] * size[1]
  tracemalloc.start()
  try:
    importing.write(what, tmp_path / "w", dtype)
    _, peak = tracemalloc.get_traced_memory()
  finally:
    tracemalloc.stop()
  assert peak <= 1.5 * what.largest
  flat = flax.traverse_util.flatten_dict(export.read(tmp_path / "w")[0])
  assert {one.shape for one in flat.values()} == {size[::-1]}


def test_nothing_is_written_over(pipeline, tmp_path):
  what = importing.plan(pipeline)
  with pytest.raises(errors.ConfigError, match="is there already"):
    importing.write(what, tmp_path)
  with pytest.raises(errors.ConfigError, match="Did you mean 'float32'"):
    importing.write(what, tmp_path / "w", "float3")
  assert not (tmp_path / "w").exists()


def test_flags_that_mean_nothing_are_refused(pipeline):
  for options, words in (
    (importing.Options(compute_dtype="int8"), "compute dtype"),
    (importing.Options(padding="shown"), "padding is 'shown'"),
  ):
    with pytest.raises(errors.ConfigError, match=words):
      importing.plan(pipeline, None, options)
  with pytest.raises(errors.WeightsError, match="holds no text encoder"):
    importing.plan(pipeline, pipeline / "unet")


def test_pictures_are_square(tmp_path):
  config = foreign_pipelines.UNET_CONFIG
  foreign_pipelines.write_unet(tmp_path, config | dict(sample_size=(16, 16)))
  assert importing.plan(tmp_path).recipe["data"]["resolution"] == 16
  foreign_pipelines.write_unet(tmp_path, config | dict(sample_size=(16, 32)))
  with pytest.raises(errors.WeightsError, match="square"):
    importing.plan(tmp_path)


def test_a_tokenizer_that_is_not_there_is_told(pipeline, tmp_path):
  folder = tmp_path / "encoder"
  config = foreign_pipelines.TEXT_CONFIG
  foreign_pipelines.write_json(folder / "config.json", config)
  drawn = foreign_unets.weights(imported_t5.shapes(config))
  foreign_pipelines.shards(folder, foreign_pipelines.TEXT, drawn)
  what = importing.plan(folder)
  assert what.spiece is None
  assert any("no spiece.model" in note for note in what.notes)
  # As transformers 5 saves it.
  tokenizer_jsons.write(folder / "tokenizer.json", foreign_pipelines.spiece())
  importing.write(importing.plan(folder), tmp_path / "out")
  model = str(tmp_path / "out" / "spiece.model")
  ours = tokenizers.SentencePieceTokenizer(model, 77)
  theirs = str(pipeline / "tokenizer" / "spiece.model")
  theirs = tokenizers.SentencePieceTokenizer(theirs, 77)
  assert ours.ids("a red ball") == theirs.ids("a red ball")
  said = run_record.read(tmp_path / "out").recipe["text"]["spiece"]
  assert said == "spiece.model"
  (folder / "tokenizer.json").write_text('{"model": {"type": "BPE"}}')
  what = importing.plan(folder)
  assert what.spiece is None
  assert any("no unigram" in note for note in what.notes)


def _beside(stage, **model):
  """The stage of a recipe that begins with imported weights, nearly."""
  recipe = dict(stage.recipe, model=dict(stage.recipe["model"]) | model)
  return stages.build(recipe)


@pytest.fixture(scope="module")
def parent(pipeline, tmp_path_factory):
  out = tmp_path_factory.mktemp("parent") / "w"
  _import(pipeline, out)
  return weights.load(out)[0]


def test_a_recipe_of_the_same_network_may_say_less(parent):
  model = parent.recipe["model"]
  same = _beside(
    parent,
    variant={
      k: v
      for k, v in model["variant"].items()
      if k not in ("up_attention", "head_dims", "up_head_dims", "noise_level")
    },
    dtype="float32",
    given=True,
  )
  weights.require_same(parent, same, "w", ("network", "text"))


@pytest.mark.parametrize(
  ("changed", "words"),
  [
    (dict(activation="silu"), r"model\.activation = 'gelu_exact'"),
    (dict(head_dim=32), r"model\.head_dim = 16 and the recipe 32"),
    (
      dict(variant=dict(residual_scale=1.5)),
      r"model\.variant\.residual_scale = 1\.0 and the recipe 1\.5.*"
      r"give --config\.model\.variant\.residual_scale=1\.0\.",
    ),
  ],
)
def test_another_network_of_the_same_shapes_is_refused(parent, changed, words):
  variant = dict(parent.recipe["model"]["variant"])
  if "head_dim" in changed:
    variant |= dict(head_dims=None, up_head_dims=None)
  changed = dict(changed, variant=variant | changed.get("variant", {}))
  other = _beside(parent, **changed)
  with pytest.raises(errors.WeightsError, match=words):
    weights.require_same(parent, other, "w", ("network",))
  weights.require_same(parent, other, "w", ("text",))


def test_another_encoder_of_the_same_shapes_is_refused(parent):
  text = dict(parent.recipe["text"])
  text["encoder"] = text["encoder"] | dict(epsilon=1e-3)
  other = stages.build(dict(parent.recipe, text=text))
  with pytest.raises(errors.WeightsError, match=r"text\.encoder\.epsilon"):
    weights.require_same(parent, other, "w", ("text",))
