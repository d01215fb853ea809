"""Our text encoder against transformers' own, on the same weights."""

import json

import foreign_t5
import golden_peers
import imported_t5
import jax
import jax.numpy as jnp
import numpy as np
import peers_of_t5 as peers
import pytest

from lumiere_jax.interop import shelves

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", foreign_t5.CONFIGS)
def test_outputs_are_theirs(tmp_path, name):
  config = foreign_t5.CONFIGS[name]
  model = peers.build(config)
  model.save_pretrained(tmp_path)
  given = foreign_t5.inputs(config)
  want = peers.run(model, given)
  saved = json.loads((tmp_path / "config.json").read_text())
  shelf = shelves.open_(tmp_path)
  weights = imported_t5.params(saved, shelf)
  assert shelf.unused == ()
  found = imported_t5.run(saved, weights, given)
  assert golden_peers.relative(found, want) <= 1e-4
  rounded = imported_t5.run(saved, weights, given, "bfloat16")
  assert golden_peers.relative(rounded, want) <= 2e-2


@pytest.mark.parametrize("name", ["v1_1", "umt5", "first_t5"])
def test_gradients_are_theirs(tmp_path, name):
  config = foreign_t5.CONFIGS[name]
  model = peers.build(config)
  model.save_pretrained(tmp_path)
  given = foreign_t5.inputs(config)
  (peers.call(model, given) ** 2).mean().backward()
  want = {k: p.grad.numpy() for k, p in model.named_parameters()}
  weights = imported_t5.params(config, shelves.open_(tmp_path))
  loss = lambda w: jnp.mean(imported_t5.apply(config, w, given) ** 2)
  got = imported_t5.as_theirs(config, jax.jit(jax.grad(loss))(weights))
  assert got.keys() == want.keys()
  scale = max(np.abs(one).max() for one in want.values())
  for key, one in want.items():
    np.testing.assert_allclose(got[key], one, atol=1e-4 * scale, err_msg=key)


@pytest.mark.parametrize("name", foreign_t5.FULL)
def test_full_size_has_their_names_and_shapes(name):
  config = foreign_t5.FULL[name]
  with torch.device("meta"):
    model = peers.empty(config)
  assert imported_t5.shapes(config) == peers.shapes(model)


def test_tables_that_differ_are_read_as_theirs(tmp_path):
  # transformers 5 then takes the encoder's own table, as we do.
  config = foreign_t5.CONFIGS["v1_1"]
  model = peers.build(config)
  model.save_pretrained(tmp_path)
  from safetensors import torch as files

  held = files.load_file(tmp_path / "model.safetensors")
  held["encoder.embed_tokens.weight"] = 1 - held["shared.weight"]
  files.save_file(held, tmp_path / "model.safetensors", {"format": "pt"})
  given = foreign_t5.inputs(config)
  want = peers.run(type(model).from_pretrained(tmp_path), given)
  shelf = shelves.open_(tmp_path)
  found = imported_t5.run(config, imported_t5.params(config, shelf), given)
  assert golden_peers.relative(found, want) <= 1e-4
  assert shelf.unused == ("shared.weight",)
