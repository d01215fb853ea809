"""Our image network against diffusers' own, on weights that both are given."""

import json

import foreign_unets
import imported_unets
import jax
import jax.numpy as jnp
import numpy as np
import peers_of_unets as peers
import pytest

from lumiere_jax.interop import shelves

torch = pytest.importorskip("torch")
# The others' answers are kept, and compared with in the default tests.
QUICK = (
  *("if_1_published", "plain_up", "text_only", "mish"),
  *("IF-I-XL", "IF-II-L"),
)


def _marked(names):
  slow = pytest.mark.slow
  return [
    name if name in QUICK else pytest.param(name, marks=slow) for name in names
  ]


def relative(got, want):
  return np.max(np.abs(got - want)) / np.max(np.abs(want))


@pytest.mark.parametrize("name", _marked(foreign_unets.CONFIGS))
def test_outputs_are_theirs(tmp_path, name):
  config = foreign_unets.CONFIGS[name]
  model = peers.build(config)
  model.save_pretrained(tmp_path)
  given = foreign_unets.inputs(config)
  want = peers.run(model, given)
  saved = json.loads((tmp_path / "config.json").read_text())
  shelf = shelves.open_(tmp_path)
  weights = imported_unets.params(saved, shelf)
  assert shelf.unused == ()
  assert relative(imported_unets.run(saved, weights, given), want) <= 1e-4
  rounded = imported_unets.run(saved, weights, given, "bfloat16")
  assert relative(rounded, want) <= 2e-2


@pytest.mark.parametrize(
  "name", _marked(["if_1", "if_2_published", "plain_up", "time_added"])
)
def test_gradients_are_theirs(tmp_path, name):
  config = foreign_unets.CONFIGS[name]
  model = peers.build(config)
  model.save_pretrained(tmp_path)
  given = foreign_unets.inputs(config)
  (peers.call(model, given) ** 2).mean().backward()
  want = {k: p.grad.numpy() for k, p in model.named_parameters()}
  weights = imported_unets.params(config, shelves.open_(tmp_path))
  loss = lambda w: jnp.mean(imported_unets.apply(config, w, given) ** 2)
  got = imported_unets.as_theirs(config, jax.jit(jax.grad(loss))(weights))
  assert got.keys() == want.keys()
  scale = max(np.abs(one).max() for one in want.values())
  for key, one in want.items():
    np.testing.assert_allclose(got[key], one, atol=1e-4 * scale, err_msg=key)


@pytest.mark.parametrize("name", _marked(foreign_unets.FULL))
def test_full_size_has_their_names_and_shapes(name):
  config = foreign_unets.FULL[name]
  with torch.device("meta"):
    model = peers.diffusers.UNet2DConditionModel(**config)
  want = {k: tuple(p.shape) for k, p in model.state_dict().items()}
  assert imported_unets.shapes(config) == want
