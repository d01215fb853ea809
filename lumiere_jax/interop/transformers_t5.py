"""A transformers T5 v1.1, mT5, UMT5 or ByT5 encoder as our text encoder."""

from collections.abc import Mapping
import json
import os
import pathlib
import re
from typing import Any

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.interop import matching
from lumiere_jax.interop import shelves
from lumiere_jax.interop import tensors
from lumiere_jax.interop import transformers_config as configs
from lumiere_jax.text import t5
from lumiere_jax.text import tokenizer_json

# As the pipelines of DeepFloyd IF cut their prompts.
MAX_LENGTH = 77
SPIECE, TOKENIZER_CONFIG = "spiece.model", "tokenizer_config.json"
# The table of embeddings stands under either name, or both.
TABLES = ("encoder.embed_tokens.weight", "shared.weight")
_BLOCK = 1 << 20
_LAYER = re.compile(r"(layer|relative_bias)_(\d+)/(.+)")
_ATTENTION, _PERCEPTRON = "layer.0.SelfAttention", "layer.1.DenseReluDense"
_INSIDE = {
  "attention_norm/scale": "layer.0.layer_norm",
  "attention/q/kernel": f"{_ATTENTION}.q",
  "attention/k/kernel": f"{_ATTENTION}.k",
  "attention/v/kernel": f"{_ATTENTION}.v",
  "attention/o/kernel": f"{_ATTENTION}.o",
  "table": f"{_ATTENTION}.relative_attention_bias",
  "mlp_norm/scale": "layer.1.layer_norm",
  "mlp/gate/kernel": f"{_PERCEPTRON}.wi_0",
  "mlp/up/kernel": f"{_PERCEPTRON}.wi_1",
  "mlp/down/kernel": f"{_PERCEPTRON}.wo",
}


def fields(
  config: Mapping[str, Any], *folders: str | os.PathLike
) -> dict[str, Any]:
  """The text section of a recipe for an encoder.

  Args:
    config: what config.json says.
    *folders: where its tokenizer may be: its own folder, and in a pipeline the
      folder "tokenizer" beside it.

  Returns:
    "tokenizer", "max_length", "spiece" (of a spiece.model, else of a
    tokenizer.json; None where no folder has either),
    "sentinels", "vocab_size" and "encoder".

  Raises:
    WeightsError: our encoder does not express it, or what is said of its
      tokenizer cannot be read.
  """
  encoder = configs.encoder_fields(config)
  rows = encoder.pop("vocab_size")
  said = _tokenizer_config(folders)
  kind = said.get("tokenizer_class") or config.get("tokenizer_class")
  spiece = _first(folders, SPIECE) or _first(folders, tokenizer_json.NAME)
  if kind is None and rows == configs.BYTE_ROWS and spiece is None:
    kind = configs.BYTES
  is_bytes = kind == configs.BYTES
  _, _, sentinels = configs.KINDS[config["model_type"]]
  return dict(
    tokenizer="bytes" if is_bytes else "sentencepiece",
    max_length=MAX_LENGTH,
    spiece=None if is_bytes or spiece is None else str(spiece),
    sentinels=None if is_bytes else said.get("extra_ids", sentinels),
    vocab_size=rows,
    encoder=encoder,
  )


def encoder(config: Mapping[str, Any], dtype: str = "float32") -> t5.T5Encoder:
  """Our encoder of a config; raises `WeightsError` as `fields`."""
  return t5.T5Encoder(**configs.encoder_fields(config), dtype=dtype)


def shapes(config: Mapping[str, Any]) -> dict[matching.Path, tuple[int, ...]]:
  """Path -> shape of every parameter of an encoder, made of nothing."""
  made = jax.eval_shape(
    encoder(config).init,
    jax.random.key(0),
    jax.ShapeDtypeStruct((1, 2), jnp.int32),
    jax.ShapeDtypeStruct((1, 2), jnp.bool_),
  )
  flat = flax.traverse_util.flatten_dict(nn.unbox(made)["params"])
  return {path: leaf.shape for path, leaf in flat.items()}


def theirs(path: matching.Path, is_gated: bool = True) -> str | None:
  """Their name of a parameter of ours; None where they have no such thing."""
  said = "/".join(path)
  if said == "embed/embedding":
    return TABLES[1]
  if said == "final_norm/scale":
    return "encoder.final_layer_norm.weight"
  if not (found := _LAYER.fullmatch(said)) or found[3] not in _INSIDE:
    return None
  inside = _INSIDE[found[3]]
  if not is_gated:
    inside = inside.replace("wi_1", "wi")
  return f"encoder.block.{found[2]}.{inside}.weight"


def match(
  config: Mapping[str, Any], shelf: shelves.Shelf
) -> list[matching.Match]:
  """Pairs each parameter of the encoder with its tensor.

  Args:
    config: what config.json says.
    shelf: the tensors beside it; those of a decoder stay unused.

  Raises:
    WeightsError: the config is not expressed here, or the tensors are not of
      it.
  """
  is_gated = configs.encoder_fields(config)["gated"]
  table = _table(shelf)
  return matching.match(
    shapes(config),
    shelf,
    lambda path: table if path[0] == "embed" else theirs(path, is_gated),
    # Tables of rows lie as ours.
    arranged=lambda path: path[-1] == "kernel",
  )


def _table(shelf: shelves.Shelf) -> str:
  """The name of the table; a copy of it under the other name is used too."""
  own, shared = TABLES
  if own not in shelf:
    return shared
  if shared in shelf and _same(shelf[own], shelf.peek(shared)):
    _ = shelf[shared]
  return own


def _same(one: tensors.Tensor, other: tensors.Tensor) -> bool:
  """Whether two tensors are the same bytes, without reading them whole."""
  if (one.shape, one.dtype) != (other.shape, other.dtype):
    return False
  with one.path.open("rb") as mine, other.path.open("rb") as yours:
    mine.seek(one.start)
    yours.seek(other.start)
    left = one.num_bytes
    while left:
      size = min(left, _BLOCK)
      if mine.read(size) != yours.read(size):
        return False
      left -= size
  return True


def _first(folders, name: str) -> pathlib.Path | None:
  paths = (pathlib.Path(folder) / name for folder in folders)
  return next((path for path in paths if path.is_file()), None)


def _tokenizer_config(folders) -> dict[str, Any]:
  path = _first(folders, TOKENIZER_CONFIG)
  if path is None:
    return {}
  try:
    said = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(said, dict):
      raise ValueError
  except (OSError, ValueError) as error:
    raise errors.WeightsError(
      f"{path} is no JSON object; copy it again from where it was made."
    ) from error
  return said
