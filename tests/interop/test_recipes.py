"""The recipes of imported networks are of the networks that are imported."""

import json
import pathlib
import runpy

import foreign_unets
import pytest

from lumiere_jax.interop import diffusers_config
from lumiere_jax.interop import diffusers_unet
from lumiere_jax.models import sameness
from lumiere_jax.stages import stage as stages

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
_FIRST, _SECOND = foreign_unets.PUBLISHED_1, foreign_unets.PUBLISHED_2
PAIRS = {
  ("if_64", "m"): foreign_unets.FULL["IF-I-M"] | _FIRST,
  ("if_64", "l"): foreign_unets.FULL["IF-I-L"] | _FIRST,
  ("if_64", "xl"): foreign_unets.FULL["IF-I-XL"] | _FIRST,
  ("if_ssr_256", "m"): foreign_unets.FULL["IF-II-M"] | _SECOND,
  ("if_ssr_256", "l"): foreign_unets.FULL["IF-II-L"] | _SECOND,
}


@pytest.mark.parametrize(("file", "variant"), PAIRS)
def test_recipe_is_of_the_published_network(file, variant):
  config = PAIRS[file, variant]
  if file == "if_ssr_256":  # the widest level's, not four times the first's
    config = config | dict(time_embedding_dim=config["block_out_channels"][-1])
  recipe = runpy.run_path(str(CONFIGS / f"{file}.py"))["get_config"](variant)
  stage = stages.build(json.loads(recipe.to_json_best_effort()))
  width = diffusers_config.text_width(config)
  assert width == recipe.text.encoder.width
  explicit = [
    sameness.explicit(spec, width)
    for spec in (diffusers_unet.spec(config), stage.network.spec)
  ]
  assert sameness.differences(*explicit) == {}
  assert stage.network.temporal is not None
  assert recipe.trainable == "temporal"
  assert stage.hears_silence
