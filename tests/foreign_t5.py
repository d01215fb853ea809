"""Configurations of transformers' T5 encoders that parity is shown on."""

import foreign_unets
import numpy as np

_SMALL = dict(
  model_type="t5",
  vocab_size=96,
  d_model=32,
  d_kv=8,
  d_ff=48,
  num_layers=3,
  num_heads=4,
  feed_forward_proj="gated-gelu",
  tie_word_embeddings=False,
)
# How the published ones differ from each other, scaled down.
CONFIGS = {
  "v1_1": _SMALL,
  "tied": _SMALL | dict(tie_word_embeddings=True),
  "umt5": _SMALL | dict(model_type="umt5", num_heads=3),
  "mt5": _SMALL | dict(model_type="mt5"),
  "byt5": _SMALL
  | dict(vocab_size=384, d_kv=16, tokenizer_class="ByT5Tokenizer"),
  "wide_heads": _SMALL | dict(d_kv=24, num_heads=2),
  "one_head": _SMALL | dict(num_heads=1, num_layers=1),
  "first_t5": _SMALL | dict(feed_forward_proj="relu"),
  "gated_silu": _SMALL | dict(feed_forward_proj="gated-silu"),
  "exact_gelu": _SMALL | dict(feed_forward_proj="gelu"),
  "buckets": _SMALL
  | dict(relative_attention_num_buckets=20, relative_attention_max_distance=50),
  "epsilon": _SMALL | dict(layer_norm_epsilon=1e-2),
}
# As published: T5 v1.1, ByT5 and UMT5, small to XXL.
_V1_1 = _SMALL | dict(d_kv=64, vocab_size=32_128)
FULL = {
  "T5-v1.1-XXL": _V1_1
  | dict(d_model=4096, d_ff=10_240, num_layers=24, num_heads=64),
  "T5-v1.1-base": _V1_1
  | dict(d_model=768, d_ff=2048, num_layers=12, num_heads=12),
  "UMT5-XXL": _V1_1
  | dict(
    model_type="umt5",
    vocab_size=256_384,
    d_model=4096,
    d_ff=10_240,
    num_layers=24,
    num_heads=64,
  ),
  "ByT5-small": _V1_1
  | dict(
    vocab_size=384,
    d_model=1472,
    d_ff=3584,
    num_layers=12,
    num_heads=6,
    tokenizer_class="ByT5Tokenizer",
  ),
}
LENGTH = 150  # beyond the distance from which on all share a bucket


def inputs(config) -> dict[str, np.ndarray]:
  """Tokens and a mask, by a seed; a long text, a short one, and one token."""
  rng = np.random.default_rng(11)
  mask = np.arange(LENGTH) < np.array([[LENGTH], [17], [1]])
  drawn = rng.integers(2, config["vocab_size"], (3, LENGTH))
  return dict(tokens=np.where(mask, drawn, 0), mask=mask)


def weights(shapes) -> dict[str, np.ndarray]:
  """Random tensors by their names, so that anybody draws the same."""
  drawn = foreign_unets.weights(shapes)
  for name, one in drawn.items():
    if "relative" in name:  # or nobody would notice that it is not there
      one *= np.float32(8)
  return drawn


def thin(embedding: np.ndarray) -> np.ndarray:
  """Some places of [B, L, E]: enough to tell them apart."""
  return embedding[:, ::7, ::3]
