"""How much a training step multiplies, whatever its clips share."""

import importlib
import json

import pytest

from lumiere_jax.aot import work


def _recipe(**data):
  config = importlib.import_module("configs.tiny").get_config("base")
  with config.unlocked():
    config.data.update(data)
  return json.loads(config.to_json_best_effort())


def test_flops_are_those_of_each_clip_together_or_apart():
  alone = work.training_flops(_recipe(global_batch=2))
  assert work.training_flops(_recipe(global_batch=4)) == 2 * alone
  pairs = _recipe(global_batch=4, together=2, keep="device")
  assert work.training_flops(pairs) == pytest.approx(2 * alone, rel=1e-9)
  assert pairs["data"]["global_batch"] == 4, "the recipe is not touched"
