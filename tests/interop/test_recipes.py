"""The recipes of imported networks are of the networks that are imported."""

import json
import pathlib
import runpy

import foreign_pipelines
import foreign_unets
import pytest

from lumiere_jax.interop import diffusers_config
from lumiere_jax.interop import diffusers_unet
from lumiere_jax.interop import importing
from lumiere_jax.models import sameness
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
_FIRST, _SECOND = foreign_unets.PUBLISHED_1, foreign_unets.PUBLISHED_2
PAIRS = {
  ("if_64", "m"): foreign_unets.FULL["IF-I-M"] | _FIRST,
  ("if_64", "l"): foreign_unets.FULL["IF-I-L"] | _FIRST,
  ("if_64", "xl"): foreign_unets.FULL["IF-I-XL"] | _FIRST,
  ("if_ssr_256", "m"): foreign_unets.FULL["IF-II-M"] | _SECOND,
  ("if_ssr_256", "l"): foreign_unets.FULL["IF-II-L"] | _SECOND,
}


def _recipe(file, variant, **text):
  path = CONFIGS / f"{file}.py"
  config = runpy.run_path(str(path))["get_config"](variant)
  recipe = json.loads(config.to_json_best_effort())
  return recipe | {"text": recipe["text"] | text}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
  home = tmp_path_factory.mktemp("recipes")
  config = foreign_pipelines.TINY_CONFIG
  foreign_pipelines.write(home / "if", config, variants=(None,))
  options = importing.Options(compute_dtype="float32")
  importing.write(importing.plan(home / "if", None, options), home / "w")
  return home / "w"


def test_what_was_embedded_ahead_is_what_the_recipe_would_embed(
  imported, tmp_path
):
  parent, params, _ = weights.load(imported)
  spiece = tmp_path / "elsewhere.model"
  spiece.write_bytes((imported / "spiece.model").read_bytes())
  said = dict(tokenizer="sentencepiece", max_length=77, spiece=str(spiece))
  stage = stages.build(_recipe("if_64", "tiny", **said))
  weights.require_same(parent, stage, "w", ("text", "network"))
  made_by = weights.text_digest(parent, params["text"])
  assert weights.text_digest(stage, params["text"]) == made_by
  other = stages.build(_recipe("if_64", "tiny", **said | {"max_length": 76}))
  assert weights.text_digest(other, params["text"]) != made_by


@pytest.mark.parametrize(("file", "variant"), PAIRS)
def test_recipe_is_of_the_published_network(file, variant):
  config = PAIRS[file, variant]
  if file == "if_ssr_256":  # the widest level's, not four times the first's
    config = config | dict(time_embedding_dim=config["block_out_channels"][-1])
  recipe = _recipe(file, variant)
  stage = stages.build(recipe)
  width = diffusers_config.text_width(config)
  assert width == recipe["text"]["encoder"]["width"]
  explicit = [
    sameness.explicit(spec, width)
    for spec in (diffusers_unet.spec(config), stage.network.spec)
  ]
  assert sameness.differences(*explicit) == {}
  assert stage.network.temporal is not None
  assert recipe["trainable"] == "temporal"
  assert stage.hears_silence
