"""A text encoder over several devices says what it says on one."""

import jax
import numpy as np
import recipes

from lumiere_jax.aot import embed_step
from lumiere_jax.nn import initial
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.stages import encoding
from lumiere_jax.stages import stage as stages

CAPTIONS = [f"{number} cats" for number in range(8)]


def test_captions_are_shared_among_devices_and_come_back_whole():
  stage = stages.build(recipes.smallest("t2i"))
  params = initial.materialize(stage.abstract_params(), 0, None)
  mesh = meshes.make({"data": -1}, jax.devices())
  told = stage.tokenizer(CAPTIONS)
  found, seen = encoding.program(stage, mesh)({"text": params["text"]}, *told)
  assert len(found.sharding.device_set) == len(jax.devices()) == 8
  # One caption at a time, as each device has it: sums over a batch of another
  # size may be rounded otherwise.
  encode = jax.jit(stage.encode)
  alone = [encode(params, *(x[k : k + 1] for x in told)) for k in range(8)]
  expected, mask = map(np.concatenate, zip(*alone, strict=True))
  np.testing.assert_allclose(found, expected, atol=1e-6)
  np.testing.assert_array_equal(seen, mask)


def test_what_is_planned_takes_the_weights_and_holds_them_once_a_device():
  recipe = recipes.smallest("t2i")
  mesh = meshes.make({"data": -1}, jax.devices())
  lowered, weights = embed_step.lower(recipe, mesh, 8)
  leaves = jax.tree.leaves(weights)
  assert all(x.sharding.is_fully_replicated for x in leaves)
  # Tokens and mask beside them, and what is not used would have been dropped.
  assert len(jax.tree.leaves(lowered.args_info)) == len(leaves) + 2
  text, _ = lowered.out_info
  length, width = recipe["text"]["max_length"], 8
  assert text.shape == (8, length, width)
