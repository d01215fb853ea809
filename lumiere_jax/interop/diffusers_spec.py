"""Our image network as a diffusers `UNet2DConditionModel`'s config.json.

What undoes `diffusers_config`.  Whatever that would not read back the same is
refused by name, so that no file is written that says something else.
"""

from typing import Any

from lumiere_jax import errors
from lumiere_jax.interop import diffusers_config
from lumiere_jax.models import sameness
from lumiere_jax.models import spec as specs

_ACTIVATIONS = {
  "gelu_exact": "gelu",
  "silu": "silu",
  "mish": "mish",
  "relu": "relu",
}
_KEY_NORMS = {None: None, "layer": "layer_norm", "group": "group_norm"}
_MIDDLES = {
  (2, True): "UNetMidBlock2DSimpleCrossAttn",
  (1, False): "UNetMidBlock2D",
  (0, False): None,
}
# (whether a level attends, how it resizes) -> block.
_DOWN = {
  (False, "pooled"): "ResnetDownsampleBlock2D",
  (True, "pooled"): "SimpleCrossAttnDownBlock2D",
  (False, "strided"): "DownBlock2D",
}
_UP = {
  (False, "pooled"): "ResnetUpsampleBlock2D",
  (True, "pooled"): "SimpleCrossAttnUpBlock2D",
  (False, "strided"): "UpBlock2D",
}


def config(spec: specs.UNetSpec, text_width: int, side: int) -> dict[str, Any]:
  """Returns the fields of config.json.

  Args:
    spec: of the image network.
    text_width: of the text embeddings that it is told.
    side: of its pictures, in pixels.

  Raises:
    WeightsError: diffusers has no such network.
  """
  spec = sameness.explicit(spec, text_width)
  found = _fields(spec, text_width) | {"sample_size": side}
  read = specs.UNetSpec(**diffusers_config.unet_fields(found))
  _require_same(spec, sameness.explicit(read, text_width))
  return found


def _fields(spec: specs.UNetSpec, text_width: int) -> dict[str, Any]:
  """The config of a network whose spec is explicit."""
  variant, levels = spec.variant, range(spec.num_levels)
  down = [
    _look("attention with resize='strided'", _DOWN, _kind(spec, k, "down"))
    for k in levels
  ]
  up = [
    _look("attention with resize='strided'", _UP, _kind(spec, k, "up"))
    for k in levels
  ]
  middle = variant.middle_blocks, spec.middle_attention
  act = lambda name: name and _look("activation", _ACTIVATIONS, name)
  only = [k in variant.text_only for k in levels]
  return {
    "_class_name": diffusers_config.CLASS,
    "in_channels": 6 if spec.low_res else 3,
    "out_channels": spec.out_channels,
    "center_input_sample": variant.centre_input,
    "flip_sin_to_cos": not variant.sines_first,
    "freq_shift": variant.frequency_shift,
    "down_block_types": down,
    "mid_block_type": _look("middle_blocks", _MIDDLES, middle),
    "up_block_types": up[::-1],
    "only_cross_attention": only[0] if len({*only}) == 1 else only,
    "mid_block_only_cross_attention": variant.middle_text_only,
    "block_out_channels": list(spec.widths),
    "layers_per_block": list(spec.blocks),
    "mid_block_scale_factor": variant.middle_scale,
    "dropout": spec.dropout,
    "act_fn": act(spec.activation),
    "norm_num_groups": spec.groups,
    "norm_eps": variant.group_epsilon,
    "cross_attention_dim": spec.text_width,
    "encoder_hid_dim": text_width if variant.text_project else None,
    "encoder_hid_dim_type": "text_proj" if variant.text_project else None,
    "attention_head_dim": list(variant.head_dims),
    "class_embed_type": "timestep" if variant.noise_level else None,
    "addition_embed_type": "text" if spec.pooled_text else None,
    "addition_embed_type_num_heads": text_width
    // (variant.pool_head_dim or text_width),
    "resnet_time_scale_shift": {"add": "default", "scale": "scale_shift"}[
      variant.time_shift
    ],
    "resnet_skip_time_act": not variant.time_activated,
    "resnet_out_scale_factor": variant.residual_scale,
    "time_embedding_dim": spec.embedding_width,
    "time_embedding_act_fn": act(variant.embedding_activation),
    "timestep_post_act": act(variant.time_post_activation),
    "conv_in_kernel": variant.conv_in_kernel,
    "conv_out_kernel": variant.conv_out_kernel,
    "cross_attention_norm": _look("key_norm", _KEY_NORMS, variant.key_norm),
  }


def _kind(spec: specs.UNetSpec, level: int, way: str) -> tuple[bool, str]:
  return spec.attends(level, way), spec.resize_at(level, way)


def _look(what: str, table, value) -> Any:
  if value not in table:
    raise _unexpressed(what, value)
  return table[value]


def _require_same(ours: specs.UNetSpec, read: specs.UNetSpec) -> None:
  """Refuses a network of which diffusers would make another."""
  for name, (value, _) in sameness.differences(ours, read).items():
    raise _unexpressed(name.removeprefix("variant."), value)


def _unexpressed(field: str, value) -> errors.WeightsError:
  return errors.WeightsError(
    f"the network has {field} = {value!r}, and diffusers has no such network; "
    "what was inflated from imported weights can be written in its format, and "
    "any network as safetensors of our names."
  )
