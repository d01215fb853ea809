"""Every variant of every recipe loads, is locked, and builds its networks."""

import importlib.util
import json
import pathlib
import sys

import flax
from flax.core import meta
import ml_collections
import pytest

from lumiere_jax.cli import assemble
from lumiere_jax.models import inflate
from lumiere_jax.stages import stage as stages
from lumiere_jax.toybox import caption

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
FILES = sorted(CONFIGS.glob("*.py"))


def _load(path):
  spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


RECIPES = [
  pytest.param(path, variant, id=f"{path.stem}:{variant}")
  for path in FILES
  for variant in _load(path).VARIANTS
]


@pytest.fixture
def alone(monkeypatch):
  """Our package cannot be imported, as where a recipe is only looked at."""
  for name in [m for m in sys.modules if m.split(".")[0] == "lumiere_jax"]:
    monkeypatch.setitem(sys.modules, name, None)


def test_there_are_recipes():
  assert RECIPES


@pytest.mark.parametrize(("path", "variant"), RECIPES)
def test_recipe_loads_without_us_and_is_locked(path, variant, alone):
  config = _load(path).get_config(variant)
  assert isinstance(config, ml_collections.ConfigDict)
  assert config.is_locked
  with pytest.raises((AttributeError, KeyError)):
    config.data.no_such_field = 1


@pytest.mark.parametrize(("path", "variant"), RECIPES)
def test_recipe_is_plain_json_and_builds_its_networks(path, variant):
  recipe = json.loads(_load(path).get_config(variant).to_json_best_effort())
  assert "unserializable" not in json.dumps(recipe)
  is_style = recipe["trainable"] == "style"
  style = {"style"} if is_style else set()
  assert recipe.keys() == assemble.SECTIONS | style
  stage = stages.build(recipe)
  parts = {"text": {"text"}, "judge": {"network"}}
  want = parts.get(recipe["stage"], {"text", "network"}) | style
  assert set(stage.abstract_params()) == want


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipe_says_what_it_needs_takes_and_reaches(path):
  manual = _load(path).__doc__
  for word in (f"--config=configs/{path.name}", "Needs", "Takes", "Reaches"):
    assert word in manual


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_variant_that_is_not_there_is_refused(path):
  with pytest.raises(ValueError, match=r"'tiniest'; expected one of"):
    _load(path).get_config("tiniest")


def test_a_recipe_that_needs_us_is_found(alone, tmp_path):
  path = tmp_path / "greedy.py"
  path.write_text("from lumiere_jax import types\n")
  with pytest.raises(ImportError):
    _load(path)


def test_nano_reads_all_that_the_toybox_says():
  config = _load(CONFIGS / "nano.py").get_config("text")
  sizes = [[len(known) for known in group.values()] for group in caption.GROUPS]
  assert [[*group] for group in config.text.encoder.questions] == sizes


def test_images_that_go_on_are_those_beneath_what_conditional_made():
  build = lambda variant: stages.build(
    json.loads(
      _load(CONFIGS / "nano.py").get_config(variant).to_json_best_effort()
    )
  )
  shapes = lambda stage: {
    path: x.shape
    for path, x in flax.traverse_util.flatten_dict(
      meta.unbox(stage.abstract_params()["network"])
    ).items()
  }
  images, clips = shapes(build("t2i_again")), shapes(build("conditional"))
  assert images == {
    path: shape
    for path, shape in clips.items()
    if not inflate.is_temporal(path)
  }
