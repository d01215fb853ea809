"""A transformers T5 encoder's config.json, as sizes of our text encoder.

A field that our encoder cannot express is refused by name, as in
`diffusers_config`.  What each field does was read off transformers' `T5Config`,
`UMT5Config` and `MT5Config` (4.40 to 5.24).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lumiere_jax import errors

# Model type -> (whether each layer has a position table, perceptron where that
# is left out, ids behind the pieces).
KINDS = {
  "t5": (False, "relu", 100),
  "mt5": (False, "gated-gelu", 100),
  "umt5": (True, "gated-gelu", 300),
}
# ByT5's configs are those of "t5", with this many rows.
BYTES, BYTE_ROWS = "ByT5Tokenizer", 384
# "gelu" alone is exact there; "gated-gelu" has always meant the other.
_ACTIVATIONS = {
  "gelu": "gelu_exact",
  "gelu_new": "gelu",
  "gelu_pytorch_tanh": "gelu",
  "relu": "relu",
  "silu": "silu",
  "swish": "silu",
  "mish": "mish",
}
_SIZES = ("d_model", "d_kv", "d_ff", "num_layers", "num_heads", "vocab_size")
_READ = {
  *(*_SIZES, "model_type", "tokenizer_class", "feed_forward_proj"),
  *("dense_act_fn", "is_gated_act", "layer_norm_epsilon"),
  *("relative_attention_num_buckets", "relative_attention_max_distance"),
}
# Other names of sizes.
_ALIASES = {
  "hidden_size": "d_model",
  "head_dim": "d_kv",
  "num_hidden_layers": "num_layers",
  "num_attention_heads": "num_heads",
}
# Field -> the values with which it says nothing that we do not do.
_ONLY: dict[str, tuple] = {
  "is_decoder": (False,),
  "add_cross_attention": (False,),
  "chunk_size_feed_forward": (0,),
  "pad_token_id": (0, None),
  "eos_token_id": (1, None),
}
# Read in training, by the decoder, in generation, or by nothing.
_IDLE = {
  *("architectures", "transformers_version", "torch_dtype", "dtype"),
  *("dropout_rate", "classifier_dropout", "initializer_factor", "use_cache"),
  *("num_decoder_layers", "decoder_start_token_id", "tie_word_embeddings"),
  *("scale_decoder_outputs", "is_encoder_decoder", "tie_encoder_decoder"),
  *("task_specific_params", "n_positions", "output_past", "return_dict"),
  *("scalable_attention", "id2label", "label2id", "problem_type", "prefix"),
  *("output_hidden_states", "output_attentions", "use_bfloat16", "top_k"),
  *("max_length", "min_length", "num_beams", "num_beam_groups", "top_p"),
  *("num_return_sequences", "do_sample", "early_stopping", "temperature"),
  *("diversity_penalty", "length_penalty", "repetition_penalty", "typical_p"),
  *("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "torchscript"),
  *("bad_words_ids", "bos_token_id", "sep_token_id", "forced_bos_token_id"),
  *("forced_eos_token_id", "remove_invalid_values", "suppress_tokens"),
  *("begin_suppress_tokens", "exponential_decay_length_penalty"),
  *("output_scores", "return_dict_in_generate", "finetuning_task"),
  *("gradient_checkpointing", "max_new_tokens", "attn_implementation"),
}


def encoder_fields(config: Mapping[str, Any]) -> dict[str, Any]:
  """Returns fields of `text.t5.T5Encoder`, but for its dtype.

  Raises:
    WeightsError: it is of another model, or has a field that our encoder does
      not express.
  """
  said = _checked(config)
  per_layer, _, _ = KINDS[said["model_type"]]
  activation, gated = _perceptron(said)
  return dict(
    vocab_size=said["vocab_size"],
    width=said["d_model"],
    num_layers=said["num_layers"],
    num_heads=said["num_heads"],
    head_dim=said["d_kv"],
    mlp_width=said["d_ff"],
    relative_buckets=said["relative_attention_num_buckets"],
    relative_max_distance=said["relative_attention_max_distance"],
    per_layer_bias=per_layer,
    activation=activation,
    gated=gated,
    epsilon=float(said["layer_norm_epsilon"]),
  )


def _perceptron(said: Mapping[str, Any]) -> tuple[str, bool]:
  """What its perceptrons are activated by, and whether they are gated."""
  _, usual, _ = KINDS[said["model_type"]]
  kind = said.get("feed_forward_proj", usual)
  gate, _, name = kind.rpartition("-")
  if gate not in ("", "gated"):
    raise unexpressed("feed_forward_proj", kind, ("gated-gelu", "relu"))
  if kind == "gated-gelu":
    name = "gelu_new"
  name = said.get("dense_act_fn", name)
  if name not in _ACTIVATIONS:
    raise unexpressed("dense_act_fn", name, tuple(_ACTIVATIONS))
  return _ACTIVATIONS[name], said.get("is_gated_act", gate == "gated")


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
  """The fields that are read; refuses what is not expressed."""
  kind = config.get("model_type")
  if kind not in KINDS:
    raise errors.WeightsError(
      f"config.json is of a model of type {kind!r}, and text encoders of the "
      f"types {', '.join(KINDS)} are read; give the folder of a T5 v1.1, UMT5 "
      "or ByT5 encoder."
    )
  said = {
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
    "layer_norm_epsilon": 1e-6,
  }
  for field, value in config.items():
    field = _ALIASES.get(field, field)
    if field in _READ:
      if value is not None:
        said[field] = value
    elif field in _ONLY:
      if value not in _ONLY[field]:
        raise unexpressed(field, value, _ONLY[field])
    elif field in _IDLE or field[0] == "_":
      continue
    elif value is not None and value is not False:
      raise unexpressed(field, value, (None,))
  for field in _SIZES:
    value = said.get(field)
    if not isinstance(value, int) or value < 1:
      raise errors.WeightsError(
        f"config.json has {field} = {value!r}, and it is a whole number above "
        "0; copy it again from where it was made."
      )
  return said


def unexpressed(field: str, value, allowed: Sequence) -> errors.WeightsError:
  """The error of a field whose value our encoder does not express."""
  choices = ", ".join(map(repr, allowed))
  return errors.WeightsError(
    f"config.json has {field} = {value!r}, which our text encoder does not "
    f"express; it takes {choices}."
  )
