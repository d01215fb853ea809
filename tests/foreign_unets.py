"""Configurations of diffusers' U-Nets, scaled down, that parity is shown on."""

import zlib

import numpy as np

SIZE, TOKENS = 16, 5

# What DeepFloyd IF's stages share (`deep-floyd/IF`, by way of diffusers'
# scripts/convert_if.py).
_IF = dict(
  act_fn="gelu",
  addition_embed_type="text",
  addition_embed_type_num_heads=4,
  attention_head_dim=16,
  cross_attention_norm="group_norm",
  encoder_hid_dim=24,
  in_channels=3,
  out_channels=6,
  mid_block_type="UNetMidBlock2DSimpleCrossAttn",
  norm_num_groups=8,
  resnet_skip_time_act=True,
  resnet_time_scale_shift="scale_shift",
)
_R, _S, _D = (
  ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"),
  ("SimpleCrossAttnDownBlock2D", "SimpleCrossAttnUpBlock2D"),
  ("DownBlock2D", "UpBlock2D"),
)


def _blocks(*kinds, up=None):
  """Types of each level's blocks, finest first."""
  up = up or kinds
  return dict(
    down_block_types=tuple(down for down, _ in kinds),
    up_block_types=tuple(way for _, way in reversed(up)),
  )


def _sizes(*widths, layers=1, cross=None):
  return dict(
    block_out_channels=widths,
    layers_per_block=layers,
    cross_attention_dim=cross or widths[-1],
  )


STAGE_1 = _IF | _blocks(_R, _S, _S, _S) | _sizes(16, 32, 48, 64, layers=3)
STAGE_2 = (
  _IF
  | _blocks(_R, _R, _R, _S, _S)
  | _sizes(16, 16, 32, 32, 64, layers=(2, 2, 3, 5, 5))
  | dict(in_channels=6, class_embed_type="timestep")
)
# What scripts/convert_if.py makes of each stage's own fields; stage II's
# embedding is as wide as its widest level.
PUBLISHED_1 = dict(resnet_skip_time_act=False)
PUBLISHED_2 = dict(
  only_cross_attention=True,
  time_embedding_act_fn="gelu",
  resnet_out_scale_factor=1 / 0.7071,
  mid_block_scale_factor=1 / 0.7071,
)
_SMALL = _IF | _blocks(_R, _S) | _sizes(16, 32)

CONFIGS = {
  "if_1": STAGE_1,
  "if_2": STAGE_2,
  "if_1_published": STAGE_1 | PUBLISHED_1,
  "if_2_published": STAGE_2 | PUBLISHED_2 | dict(time_embedding_dim=72),
  "three_channels": _SMALL | dict(out_channels=3),
  "heads_per_level": _SMALL
  | _blocks(_S, _S)
  | dict(attention_head_dim=(8, 16)),
  "no_key_norm": _SMALL | dict(cross_attention_norm=None),
  "layer_key_norm": _SMALL
  | _blocks(_S, _S)
  | _sizes(32, 32)
  | dict(cross_attention_norm="layer_norm"),
  "time_activated": _SMALL | dict(resnet_skip_time_act=False, act_fn="silu"),
  "time_added": _SMALL | dict(resnet_time_scale_shift="default"),
  "no_pooled_text": _SMALL | dict(addition_embed_type=None),
  "text_as_it_is": _SMALL | dict(encoder_hid_dim=None),
  "low_res_untold": _SMALL | dict(in_channels=6),
  "told_noise": _SMALL | dict(class_embed_type="timestep"),
  "odd_layers": _SMALL
  | _blocks(_R, _S, _S)
  | _sizes(16, 32, 64, layers=(1, 3, 2)),
  "text_only": _SMALL | dict(only_cross_attention=True),
  "text_only_below": _SMALL
  | _blocks(_S, _S)
  | dict(only_cross_attention=(True, False)),
  "middle_text_only": _SMALL | dict(mid_block_only_cross_attention=True),
  "plain_blocks": _SMALL | _blocks(_D, _S) | dict(resnet_skip_time_act=False),
  "plain_up": _SMALL
  | _blocks(_S, _R, up=(_D, _S))
  | dict(resnet_skip_time_act=False),
  "one_middle_block": _SMALL
  | dict(mid_block_type="UNetMidBlock2D", resnet_skip_time_act=False),
  "no_middle": _SMALL | dict(mid_block_type=None),
  "divided_sums": _SMALL
  | dict(resnet_out_scale_factor=1.4, mid_block_scale_factor=2.0),
  "sines_first": _SMALL | dict(flip_sin_to_cos=False, freq_shift=1),
  "activated_embedding": _SMALL
  | dict(time_embedding_act_fn="silu", timestep_post_act="mish"),
  "mish": _SMALL | dict(act_fn="mish", norm_eps=1e-3),
  "relu": _SMALL | dict(act_fn="relu", time_embedding_dim=40),
  "kernels": _SMALL | dict(conv_in_kernel=5, conv_out_kernel=1),
  "centred": _SMALL | dict(center_input_sample=True),
  "two_groups": _SMALL | dict(norm_num_groups=2),
}
_FULL_1 = STAGE_1 | dict(
  addition_embed_type_num_heads=64,
  attention_head_dim=64,
  encoder_hid_dim=4096,
  norm_num_groups=32,
)
_FULL_2 = STAGE_2 | {
  key: _FULL_1[key]
  for key in (
    *("addition_embed_type_num_heads", "attention_head_dim"),
    *("encoder_hid_dim", "norm_num_groups"),
  )
}


def _of(width, *factors):
  widths = tuple(width * factor for factor in factors)
  return dict(block_out_channels=widths, cross_attention_dim=widths[-1])


# As published; stage II of both sizes has five levels.
FULL = {
  "IF-I-XL": _FULL_1 | _of(704, 1, 2, 3, 4),
  "IF-I-L": _FULL_1 | _of(320, 1, 2, 3, 4),
  "IF-I-M": _FULL_1 | _of(192, 1, 2, 3, 4),
  "IF-II-L": _FULL_2 | _of(320, 1, 2, 3, 4, 4),
  "IF-II-M": _FULL_2 | _of(128, 1, 2, 4, 6, 8),
}
# The group norm of text has 32 groups, whatever else is scaled down.
for _config in CONFIGS.values():
  if _config["cross_attention_norm"] == "group_norm":
    _config["cross_attention_dim"] = 64 if _config["encoder_hid_dim"] else 32


def inputs(config) -> dict[str, np.ndarray]:
  """Noise, times and text by a seed; images channels first, as theirs."""
  rng = np.random.default_rng(7)
  width = config["encoder_hid_dim"] or config["cross_attention_dim"]
  draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
  return dict(
    noisy=draw(2, config["in_channels"], SIZE, SIZE),
    timestep=np.array([7, 911]),
    text=draw(2, TOKENS, width),
    noise_level=np.array([250, 0]),
  )


def weights(shapes) -> dict[str, np.ndarray]:
  """Random tensors by their names alone, so that anybody draws the same."""
  return {name: _weight(name, shape) for name, shape in shapes.items()}


def _weight(name: str, shape) -> np.ndarray:
  rng = np.random.default_rng(zlib.crc32(name.encode()))
  drawn = rng.standard_normal(shape).astype(np.float32)
  if len(shape) > 1:
    # The scale that PyTorch starts its layers with.
    return drawn / np.float32(3 * np.prod(shape[1:])) ** 0.5
  return 0.1 * drawn + np.float32(name.endswith(".weight"))
