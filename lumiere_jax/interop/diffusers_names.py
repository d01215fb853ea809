"""What diffusers' `UNet2DConditionModel` calls each of our parameters."""

import re

# Ours -> theirs, within the network; names of levels and blocks come after.
_OUTER = {
  "conv_in/conv": "conv_in",
  "time/in": "time_embedding.linear_1",
  "time/out": "time_embedding.linear_2",
  "noise_level/in": "class_embedding.linear_1",
  "noise_level/out": "class_embedding.linear_2",
  "text_project": "encoder_hid_proj",
  "text_norm": "add_embedding.norm1",
  "text_pool": "add_embedding.pool",
  "text_pool/query": "add_embedding.pool.q_proj",
  "text_pool/key": "add_embedding.pool.k_proj",
  "text_pool/value": "add_embedding.pool.v_proj",
  "pooled_text": "add_embedding.proj",
  "pooled_norm": "add_embedding.norm2",
  "norm_out/norm": "conv_norm_out",
  "conv_out/conv": "conv_out",
}
_RESIDUAL = {
  "norm_0/norm": "norm1",
  "conv_0/conv": "conv1",
  "modulation": "time_emb_proj",
  "norm_1/norm": "norm2",
  "conv_1/conv": "conv2",
  "shortcut/conv": "conv_shortcut",
}
_ATTENTION = {
  "norm/norm": "group_norm",
  "query": "to_q",
  "key": "to_k",
  "value": "to_v",
  "text_norm": "norm_cross",
  "text_key": "add_k_proj",
  "text_value": "add_v_proj",
  "out": "to_out.0",
}
_LEAVES = {
  "kernel": "weight",
  "scale": "weight",
  "bias": "bias",
  "offset": "positional_embedding",
}
_BLOCK = re.compile(r"(block|attention)_(\d+)/(.+)")
_LEVEL = re.compile(r"(down|up)_(\d+)/(.+)")


def theirs(path: tuple[str, ...], num_levels: int) -> str | None:
  """Their name of a parameter of ours.

  Args:
    path: within the network, such as ("down_0", "block_1", "norm_0", "norm",
      "scale").
    num_levels: of the network; they count the way up from the coarsest.

  Returns:
    The name; None where they have no such thing.
  """
  *inner, leaf = path
  where = _module("/".join(inner), num_levels)
  if where is None or leaf not in _LEAVES:
    return None
  return f"{where}.{_LEAVES[leaf]}"


def _module(path: str, num_levels: int) -> str | None:
  if path in _OUTER:
    return _OUTER[path]
  if path.startswith("middle/"):
    return _within("mid_block", path.removeprefix("middle/"))
  if not (found := _LEVEL.fullmatch(path)):
    return None
  way, level, rest = found[1], int(found[2]), found[3]
  index = level if way == "down" else num_levels - 1 - level
  prefix = f"{way}_blocks.{index}"
  if not rest.startswith("resize/"):
    return _within(prefix, rest)
  rest = rest.removeprefix("resize/")
  inside = "conv" if rest == "conv/conv" else rest
  known = _RESIDUAL | {"conv": "conv"}
  return (
    f"{prefix}.{way}samplers.0.{known[inside]}" if inside in known else None
  )


def _within(prefix: str, rest: str) -> str | None:
  if not (found := _BLOCK.fullmatch(rest)):
    return None
  kind, index, inside = found[1], found[2], found[3]
  table, folder = _RESIDUAL, "resnets"
  if kind == "attention":
    table, folder = _ATTENTION, "attentions"
  return (
    f"{prefix}.{folder}.{index}.{table[inside]}" if inside in table else None
  )
