"""The encoder against its formulas, written again in numpy."""

import math

import flax.linen as nn
import jax
import numpy as np
import pytest

from lumiere_jax.nn import initial
from lumiere_jax.text import t5

SIZES = dict(
  vocab_size=40, width=24, num_layers=2, num_heads=3, head_dim=8, mlp_width=32
)
TOKENS = np.array([[5, 9, 7, 30, 1, 0, 0], [8, 1, 0, 0, 0, 0, 0]], np.int32)
MASK = TOKENS != 0


def _abstract(encoder):
  return jax.eval_shape(encoder.init, jax.random.key(0), TOKENS, MASK)["params"]


def _params(encoder):
  params = initial.materialize(_abstract(encoder), seed=0)
  # Scales of 1 would hide a norm that forgets them.
  rng = np.random.default_rng(1)
  return jax.tree.map(
    lambda x: x + rng.normal(0, 0.2, x.shape).astype(np.float32), params
  )


def _norm(x, scale):
  return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * scale


def _gelu_tanh(x):
  return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _bucket(distance, num_buckets=32, max_distance=128):
  """One distance at a time, as the paper's text tells it."""
  base = num_buckets // 2 if distance > 0 else 0
  size, half = abs(distance), num_buckets // 2
  if size < half // 2:
    return base + size
  steps = math.log(size / (half // 2)) / math.log(max_distance / (half // 2))
  return base + min(half // 2 + int(steps * (half - half // 2)), half - 1)


def _attend(p, x, mask, bias):
  batch, length, _ = x.shape
  heads = lambda w: (x @ w["kernel"]).reshape(batch, length, 3, 8)
  q, k, v = (heads(p[name]) for name in "qkv")
  logits = np.einsum("bqhd,bkhd->bhqk", q, k) + bias
  logits = np.where(mask[:, None, None, :], logits, -np.inf)
  weights = np.exp(logits - logits.max(-1, keepdims=True))
  weights /= weights.sum(-1, keepdims=True)
  mixed = np.einsum("bhqk,bkhd->bqhd", weights, v)
  return mixed.reshape(batch, length, -1) @ p["o"]["kernel"]


def _reference(p, tokens, mask, per_layer):
  p = jax.tree.map(lambda x: np.asarray(x, np.float64), p)
  length = tokens.shape[1]
  x = p["embed"]["embedding"][tokens]
  for index in range(SIZES["num_layers"]):
    layer = p[f"layer_{index}"]
    table = p[f"relative_bias_{index if per_layer else 0}"]["table"]
    bias = np.array(
      [
        [table[_bucket(key - query)] for key in range(length)]
        for query in range(length)
      ]
    ).transpose(2, 0, 1)[None]
    h = _norm(x, layer["attention_norm"]["scale"])
    x = x + _attend(layer["attention"], h, mask, bias)
    h, mlp = _norm(x, layer["mlp_norm"]["scale"]), layer["mlp"]
    h = _gelu_tanh(h @ mlp["gate"]["kernel"]) * (h @ mlp["up"]["kernel"])
    x = x + h @ mlp["down"]["kernel"]
  return _norm(x, p["final_norm"]["scale"])


@pytest.mark.parametrize(
  "per_layer", [False, True], ids=["t5_v1_1_and_byt5", "umt5"]
)
def test_encoder_is_the_formula(per_layer):
  encoder = t5.T5Encoder(**SIZES, per_layer_bias=per_layer)
  params = _params(encoder)
  with jax.default_matmul_precision("highest"):
    found = encoder.apply({"params": params}, TOKENS, MASK)
  want = _reference(params, TOKENS, MASK, per_layer)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, want, atol=1e-5 * np.abs(want).max())


def test_only_umt5_has_a_position_table_in_each_layer():
  tables = lambda **kwargs: {
    name
    for name in _abstract(t5.T5Encoder(**SIZES, **kwargs))
    if name.startswith("relative_bias")
  }
  assert tables() == {"relative_bias_0"}
  assert tables(per_layer_bias=True) == {"relative_bias_0", "relative_bias_1"}


def test_bfloat16_stays_near_float32():
  params = _params(t5.T5Encoder(**SIZES))
  run = lambda dtype: np.asarray(
    t5.T5Encoder(**SIZES, dtype=dtype).apply({"params": params}, TOKENS, MASK)
  )
  exact, coarse = run("float32"), run("bfloat16")
  assert coarse.dtype == np.float32
  np.testing.assert_allclose(
    coarse[MASK], exact[MASK], atol=2e-2 * np.abs(exact).max()
  )


@pytest.mark.parametrize("neighbours", [(), (2, 3)])
def test_padding_is_invisible(neighbours):
  encoder = t5.T5Encoder(**SIZES, neighbours=neighbours)
  params = _params(encoder)
  run = lambda tokens, mask: np.asarray(
    encoder.apply({"params": params}, tokens, mask)
  )
  other = np.where(MASK, TOKENS, 17)
  np.testing.assert_array_equal(run(TOKENS, MASK)[MASK], run(other, MASK)[MASK])
  longer = np.pad(TOKENS, ((0, 0), (0, 4)))
  np.testing.assert_allclose(
    run(longer, longer != 0)[:, :7][MASK], run(TOKENS, MASK)[MASK], atol=1e-5
  )


@pytest.mark.parametrize("dilation", [1, 2])
def test_neighbours_are_a_residual_convolution_within_the_text(dilation):
  layer = t5.Neighbours(dilation)
  x = np.random.default_rng(0).normal(size=(2, 7, 4)).astype(np.float32)
  params = layer.init(jax.random.key(0), x, MASK)["params"]
  params = jax.tree.map(np.asarray, nn.unbox(params))
  hidden = _norm(x, params["norm"]["scale"]) * MASK[..., None]
  mixed = np.zeros_like(x)
  for place in range(7):
    for tap in range(7):
      seen = place + (tap - 3) * dilation
      if 0 <= seen < 7:
        mixed[:, place] += hidden[:, seen] @ params["kernel"][tap]
  found = layer.apply({"params": params}, x, MASK)
  np.testing.assert_allclose(found, x + _gelu_tanh(mixed), atol=1e-5)


def test_a_head_with_a_slope_prefers_what_is_near():
  steep = t5.T5Encoder(**SIZES, slopes=(0.0, 1.0, 100.0))
  plain = t5.T5Encoder(**SIZES)
  params = _params(plain)
  bias = np.asarray(steep.distances(7)[0])
  assert not bias[0].any()
  np.testing.assert_array_equal(bias[1][2], [2, 1, 0, 1, 2, 3, 4])
  run = lambda encoder: encoder.apply({"params": params}, TOKENS, MASK)
  assert np.abs(run(steep) - run(plain)).max() > 1e-2
  flat = t5.T5Encoder(**SIZES, slopes=(0.0, 0.0, 0.0))
  np.testing.assert_allclose(run(flat), run(plain), atol=1e-6)


def test_parameters_are_named_by_role_and_know_their_axes():
  flat = jax.tree_util.tree_leaves_with_path(
    _abstract(t5.T5Encoder(**SIZES)),
    is_leaf=lambda x: isinstance(x, nn.LogicallyPartitioned),
  )
  names = {
    "/".join(key.key for key in path): leaf.names
    for path, leaf in flat
    if "layer_1" not in str(path)
  }
  assert names == {
    "embed/embedding": ("vocab", "embed"),
    "relative_bias_0/table": (None, "heads"),
    "layer_0/attention_norm/scale": (None,),
    "layer_0/attention/q/kernel": ("embed", "heads"),
    "layer_0/attention/k/kernel": ("embed", "heads"),
    "layer_0/attention/v/kernel": ("embed", "heads"),
    "layer_0/attention/o/kernel": ("heads", "embed"),
    "layer_0/mlp_norm/scale": (None,),
    "layer_0/mlp/gate/kernel": ("embed", "mlp"),
    "layer_0/mlp/up/kernel": ("embed", "mlp"),
    "layer_0/mlp/down/kernel": ("mlp", "embed"),
    "final_norm/scale": (None,),
  }


def test_parameters_start_as_those_of_t5():
  # Standard deviations of mesh-tensorflow's T5: unscaled attention wants
  # queries sqrt(head_dim) smaller than keys.
  encoder = t5.T5Encoder(
    vocab_size=99, width=64, num_layers=1, num_heads=4, head_dim=9, mlp_width=50
  )
  params = initial.materialize(_abstract(encoder), seed=3)
  layer = params["layer_0"]
  attention, mlp = layer["attention"], layer["mlp"]
  want = [
    (params["embed"]["embedding"], 1.0),
    (params["relative_bias_0"]["table"], 64**-0.5),
    (attention["q"]["kernel"], (64 * 9) ** -0.5),
    (attention["k"]["kernel"], 64**-0.5),
    (attention["v"]["kernel"], 64**-0.5),
    (attention["o"]["kernel"], (4 * 9) ** -0.5),
    (mlp["gate"]["kernel"], 64**-0.5),
    (mlp["up"]["kernel"], 64**-0.5),
    (mlp["down"]["kernel"], 50**-0.5),
  ]
  for values, std in want:
    # The standard error of a standard deviation is 1 / sqrt(2 n) of it.
    np.testing.assert_allclose(
      np.std(values), std, rtol=5 / (2 * values.size) ** 0.5
    )
