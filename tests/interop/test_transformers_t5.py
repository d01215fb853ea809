"""transformers' T5 encoders as ours, against kept answers of theirs."""

import json

import foreign_t5
import foreign_unets
import golden_peers
import imported_t5
import imported_unets
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.interop import shelves
from lumiere_jax.interop import transformers_config
from lumiere_jax.interop import transformers_t5

SMALL = foreign_t5.CONFIGS["v1_1"]


def shelf_of(tmp_path, config=SMALL, change=lambda drawn: None):
  drawn = foreign_t5.weights(imported_t5.shapes(config))
  change(drawn)
  imported_unets.save(tmp_path / "x.safetensors", drawn)
  return shelves.open_(tmp_path / "x.safetensors")


@pytest.mark.parametrize("name", foreign_t5.CONFIGS)
def test_outputs_are_theirs(tmp_path, name):
  config = foreign_t5.CONFIGS[name]
  shelf = shelf_of(tmp_path, config)
  got = imported_t5.run(
    config, imported_t5.params(config, shelf), foreign_t5.inputs(config)
  )
  want = golden_peers.load("t5")[name]
  assert golden_peers.relative(foreign_t5.thin(got), want) <= 1e-4
  assert shelf.unused == ()


@pytest.mark.parametrize("name", foreign_t5.FULL)
def test_full_size_has_their_names_and_shapes(name):
  ours = imported_t5.shapes(foreign_t5.FULL[name])
  assert golden_peers.digest(ours) == golden_peers.load("full")[name]


@pytest.mark.parametrize("name", foreign_unets.FULL)
def test_full_size_image_networks_have_them_too(name):
  ours = imported_unets.shapes(foreign_unets.FULL[name])
  assert golden_peers.digest(ours) == golden_peers.load("full")[name]


REFUSED = {
  "kind": (dict(model_type="bert"), "type 'bert'"),
  "unheard_of": (dict(magic=3), "magic = 3"),
  "decoder": (dict(is_decoder=True), "is_decoder = True"),
  "quantised": (dict(quantization_config={"bits": 8}), "quantization_config"),
  "activation": (dict(feed_forward_proj="gated-tanh"), "dense_act_fn = 'tanh'"),
  "gate": (dict(feed_forward_proj="open-gelu"), "feed_forward_proj"),
  "end": (dict(eos_token_id=2), "eos_token_id = 2"),
  "size": (dict(d_kv="8"), "d_kv = '8', and it is a whole number"),
  "no_size": (dict(d_ff=None), "d_ff = None"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_expressed_is_refused(name):
  changed, words = REFUSED[name]
  config = {k: v for k, v in (SMALL | changed).items() if v is not None}
  with pytest.raises(errors.WeightsError, match=words):
    transformers_t5.fields(config)


def test_fields_that_say_nothing_are_passed_over():
  idle = dict(use_cache=True, _name_or_path="x", magic=None, dropout_rate=0.1)
  want = transformers_config.encoder_fields(SMALL)
  assert transformers_config.encoder_fields(SMALL | idle) == want
  named = {
    transformers_config._ALIASES.get(k, k): v for k, v in SMALL.items()
  } | dict(hidden_size=SMALL["d_model"])
  assert transformers_config.encoder_fields(named) == want


def test_fields_are_a_recipe_for_text(tmp_path):
  text = transformers_t5.fields(SMALL, tmp_path)
  assert text | dict(encoder=None) == dict(
    tokenizer="sentencepiece",
    max_length=77,
    spiece=None,
    sentinels=100,
    vocab_size=96,
    encoder=None,
  )
  assert text["encoder"]["head_dim"] == 8
  (tmp_path / "spiece.model").write_bytes(b"")
  assert transformers_t5.fields(SMALL, tmp_path / "none", tmp_path)[
    "spiece"
  ] == str(tmp_path / "spiece.model")


@pytest.mark.parametrize(
  ("config", "said", "kind", "sentinels"),
  [
    (SMALL | dict(model_type="umt5"), {}, "sentencepiece", 300),
    (SMALL, {"extra_ids": 7}, "sentencepiece", 7),
    (foreign_t5.CONFIGS["byt5"], {}, "bytes", None),
    (SMALL | dict(vocab_size=384), {}, "bytes", None),
    (SMALL, {"tokenizer_class": "ByT5Tokenizer"}, "bytes", None),
  ],
  ids=["umt5", "told", "byt5", "rows of bytes", "told bytes"],
)
def test_kind_of_tokens(tmp_path, config, said, kind, sentinels):
  (tmp_path / "tokenizer_config.json").write_text(json.dumps(said))
  text = transformers_t5.fields(config, tmp_path)
  assert (text["tokenizer"], text["sentinels"]) == (kind, sentinels)


def test_a_broken_config_of_a_tokenizer_is_refused(tmp_path):
  (tmp_path / "tokenizer_config.json").write_text("[]")
  with pytest.raises(errors.WeightsError, match="no JSON object"):
    transformers_t5.fields(SMALL, tmp_path)


def test_weights_of_another_encoder_are_refused(tmp_path):
  name = "encoder.final_layer_norm.weight"
  for change, words in (
    (lambda drawn: drawn.pop(name), f"no tensor {name} for"),
    (
      lambda drawn: drawn.update({name: np.ones(5, np.float32)}),
      "config.json makes it",
    ),
  ):
    with pytest.raises(errors.WeightsError, match=words):
      transformers_t5.match(SMALL, shelf_of(tmp_path, change=change))


def test_a_decoder_is_not_used_and_a_copy_of_the_table_is(tmp_path):
  own, shared = transformers_t5.TABLES

  def change(drawn):
    drawn["decoder.x"] = np.zeros(3, np.float32)
    drawn[own] = drawn[shared]

  shelf = shelf_of(tmp_path, change=change)
  transformers_t5.match(SMALL, shelf)
  assert shelf.unused == ("decoder.x",)


def test_the_encoders_own_table_comes_first(tmp_path):
  own, shared = transformers_t5.TABLES
  change = lambda drawn: drawn.update({own: 1 - drawn[shared]})
  shelf = shelf_of(tmp_path, change=change)
  found = imported_t5.params(SMALL, shelf)["embed"]["embedding"]
  np.testing.assert_array_equal(found, shelf[own].read())
  half = lambda drawn: drawn.update({own: drawn[shared].astype(np.float16)})
  shelf = shelf_of(tmp_path, change=half)
  transformers_t5.match(SMALL, shelf)
  assert shelf.unused == (shared,)
