"""A diffusers `UNet2DConditionModel`'s config.json, as sizes of our network.

A field that our network cannot express is refused by name: weights that run
without error and are wrong are worse than none.  What each field does was read
off `diffusers/models/unets/unet_2d_condition.py` (0.36 to 0.42).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lumiere_jax import errors

CLASS = "UNet2DConditionModel"
_KINDS = {  # block -> (whether it attends, how it resizes)
  "ResnetDownsampleBlock2D": (False, "pooled"),
  "SimpleCrossAttnDownBlock2D": (True, "pooled"),
  "DownBlock2D": (False, "strided"),
  "ResnetUpsampleBlock2D": (False, "pooled"),
  "SimpleCrossAttnUpBlock2D": (True, "pooled"),
  "UpBlock2D": (False, "strided"),
}
_MIDDLES = {  # block -> (residual blocks, whether it attends)
  "UNetMidBlock2DSimpleCrossAttn": (2, True),
  "UNetMidBlock2D": (1, False),
  None: (0, False),
}
_ACTIVATIONS = {
  "silu": "silu",
  "swish": "silu",
  "mish": "mish",
  "gelu": "gelu_exact",
  "relu": "relu",
}
_KEY_NORMS = {None: None, "layer_norm": "layer", "group_norm": "group"}
# Field -> what it is where it is left out.
_READ: dict[str, Any] = {
  "in_channels": 4,
  "out_channels": 4,
  "center_input_sample": False,
  "flip_sin_to_cos": True,
  "freq_shift": 0,
  "down_block_types": (*3 * ("CrossAttnDownBlock2D",), "DownBlock2D"),
  "mid_block_type": "UNetMidBlock2DCrossAttn",
  "up_block_types": ("UpBlock2D", *3 * ("CrossAttnUpBlock2D",)),
  "only_cross_attention": False,
  "mid_block_only_cross_attention": None,
  "block_out_channels": (320, 640, 1280, 1280),
  "layers_per_block": 2,
  "mid_block_scale_factor": 1,
  "dropout": 0.0,
  "act_fn": "silu",
  "norm_num_groups": 32,
  "norm_eps": 1e-5,
  "cross_attention_dim": 1280,
  "encoder_hid_dim": None,
  "attention_head_dim": 8,
  "class_embed_type": None,
  "addition_embed_type": None,
  "addition_embed_type_num_heads": 64,
  "resnet_time_scale_shift": "default",
  "resnet_skip_time_act": False,
  "resnet_out_scale_factor": 1.0,
  "time_embedding_dim": None,
  "time_embedding_act_fn": None,
  "timestep_post_act": None,
  "conv_in_kernel": 3,
  "conv_out_kernel": 3,
  "cross_attention_norm": None,
}
# Field -> the values with which it says nothing that we do not do.
_ONLY: dict[str, tuple] = {
  "downsample_padding": (1,),
  "num_class_embeds": (None,),
  "num_attention_heads": (None,),
  "encoder_hid_dim_type": (None, "text_proj"),
  "time_embedding_type": ("positional",),
  "time_cond_proj_dim": (None,),
  "class_embeddings_concat": (False,),
  "attention_type": ("default",),
}
# These are read by blocks of other kinds alone, or by nothing.
_IDLE = {
  *("sample_size", "transformer_layers_per_block", "use_linear_projection"),
  *("reverse_transformer_layers_per_block", "dual_cross_attention"),
  *("upcast_attention", "addition_time_embed_dim"),
  "projection_class_embeddings_input_dim",
}


def unet_fields(config: Mapping[str, Any]) -> dict[str, Any]:
  """Returns fields of `models.spec.UNetSpec`, the variant among them.

  Raises:
    WeightsError: it is of another class, of latents, or has a field that our
      network does not express.
  """
  said = _checked(config)
  levels = len(said["block_out_channels"])
  each = lambda name: _each(said, name, levels)
  down = [
    _kind(said, "down_block_types", name) for name in each("down_block_types")
  ]
  up = [_kind(said, "up_block_types", name) for name in each("up_block_types")][
    ::-1
  ]
  blocks, attends = _lookup(said, "mid_block_type", _MIDDLES)
  _check_mixed(said)
  heads = each("attention_head_dim")
  return dict(
    widths=tuple(said["block_out_channels"]),
    blocks=tuple(each("layers_per_block")),
    attention=tuple(k for k in range(levels) if down[k][0]),
    middle_attention=attends,
    attention_kind="joint",
    head_dim=heads[-1] or said["block_out_channels"][-1],
    groups=said["norm_num_groups"],
    embedding_width=said["time_embedding_dim"]
    or 4 * said["block_out_channels"][0],
    text_width=said["cross_attention_dim"],
    pooled_text=said["addition_embed_type"] == "text",
    resize="pooled",
    resize_first=False,
    skips="block",
    activation=_lookup(said, "act_fn", _ACTIVATIONS),
    out_channels=said["out_channels"],
    low_res=said["in_channels"] == 6,
    dropout=said["dropout"],
    variant=_variant(
      said, down, up, blocks, heads, each("only_cross_attention")
    ),
  )


def text_width(config: Mapping[str, Any]) -> int:
  """Width of the text embeddings that the network is told."""
  said = _READ | dict(config)
  return said["encoder_hid_dim"] or said["cross_attention_dim"]


def _variant(said, down, up, blocks: int, heads: list, only: list) -> dict:
  levels = range(len(down))
  act = lambda name: said[name] and _lookup(said, name, _ACTIVATIONS)
  middle_only = said["mid_block_only_cross_attention"]
  if middle_only is None:
    middle_only = said["only_cross_attention"] is True
  return dict(
    group_epsilon=said["norm_eps"],
    layer_epsilon=1e-5,
    time_activated=not said["resnet_skip_time_act"],
    time_shift=_lookup(
      said,
      "resnet_time_scale_shift",
      {"default": "add", "scale_shift": "scale"},
    ),
    residual_scale=float(said["resnet_out_scale_factor"]),
    middle_scale=float(said["mid_block_scale_factor"]),
    embedding_activation=act("time_embedding_act_fn"),
    time_post_activation=act("timestep_post_act"),
    sines_first=not said["flip_sin_to_cos"],
    frequency_shift=float(said["freq_shift"]),
    noise_level=said["class_embed_type"] == "timestep",
    centre_input=said["center_input_sample"],
    conv_in_kernel=said["conv_in_kernel"],
    conv_out_kernel=said["conv_out_kernel"],
    text_norm="pooled",
    text_project=said["encoder_hid_dim"] is not None,
    key_norm=_lookup(said, "cross_attention_norm", _KEY_NORMS),
    pool_head_dim=text_width(said) // said["addition_embed_type_num_heads"],
    head_dims=_head_dims(said, heads),
    # On the way up theirs are counted from the coarsest, and not turned round.
    up_head_dims=_head_dims(said, heads[::-1]),
    text_only=tuple(k for k in levels if only[k]),
    middle_text_only=middle_only,
    up_attention=tuple(k for k in levels if up[k][0]),
    down_strided=tuple(k for k in levels if down[k][1] == "strided"),
    up_strided=tuple(k for k in levels if up[k][1] == "strided"),
    middle_blocks=blocks,
  )


def _head_dims(said, heads: list) -> tuple[int, ...]:
  """Channels of a head at each level; all of them where that is not said."""
  pairs = zip(heads, said["block_out_channels"], strict=True)
  return tuple(dim or width for dim, width in pairs)


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
  """The fields that are read, all of them; refuses what is not expressed."""
  name = config.get("_class_name", CLASS)
  if name != CLASS:
    raise errors.WeightsError(
      f"config.json is of a {name}, and networks of the class {CLASS} are "
      "read; give the unet folder of a pixel-space pipeline such as DeepFloyd "
      "IF."
    )
  said = _READ | dict(config)
  if said["in_channels"] == 4:  # the reason of whatever else is odd about it
    raise errors.WeightsError(
      "the network takes 4 channels, those of latents, and there is no decoder "
      "of latents here; give a network of pixels, with 3 or 6 channels."
    )
  for field, value in config.items():
    if field in _ONLY:
      if value not in _ONLY[field]:
        raise _unexpressed(field, value, _ONLY[field])
    elif field not in _READ and field not in _IDLE and field[0] != "_":
      says_nothing = value is None or value is False
      if not says_nothing:
        raise _unexpressed(field, value, (None,))
  for field, allowed in (
    ("in_channels", (3, 6)),
    ("out_channels", (3, 6)),
    ("class_embed_type", (None, "timestep")),
    ("addition_embed_type", (None, "text")),
  ):
    if said[field] not in allowed:
      raise _unexpressed(field, said[field], allowed)
  if not isinstance(said["norm_num_groups"], int):
    raise _unexpressed("norm_num_groups", said["norm_num_groups"], (32,))
  widths = said["cross_attention_dim"]
  if isinstance(widths, Sequence):
    if len(set(widths)) != 1:
      raise _unexpressed("cross_attention_dim", widths, (widths[-1],))
    said["cross_attention_dim"] = widths[0]
  return said


def _check_mixed(said: Mapping[str, Any]) -> None:
  """Some of their blocks pass over what others heed."""
  plain = [
    kind
    for field in ("down_block_types", "up_block_types")
    for kind in said[field]
    if kind in ("DownBlock2D", "UpBlock2D")
  ]
  for field, usual in (
    ("resnet_skip_time_act", False),
    ("resnet_out_scale_factor", 1.0),
  ):
    middle = said["mid_block_type"] == "UNetMidBlock2D"
    heedless = [*plain, *(["UNetMidBlock2D"] if middle else [])]
    if field == "resnet_out_scale_factor":
      heedless = plain
    if said[field] != usual and heedless:
      raise errors.WeightsError(
        f"config.json has {field} = {said[field]!r}, which {heedless[0]} "
        "passes over and other blocks heed; such a mixture is not expressed "
        "here."
      )


def _each(said: Mapping[str, Any], field: str, levels: int) -> list:
  """A field's value at each level."""
  value = said[field]
  if isinstance(value, str) or not isinstance(value, Sequence):
    return levels * [value]
  if len(value) != levels:
    raise errors.WeightsError(
      f"config.json has {len(value)} {field} for {levels} levels; copy it "
      "again from where it was made."
    )
  return list(value)


def _kind(said, field: str, name: str) -> tuple[bool, str]:
  return _lookup(said, field, _KINDS, name)


def _lookup(said, field: str, table: Mapping, value=...) -> Any:
  value = said[field] if value is ... else value
  if value not in table:
    raise _unexpressed(field, value, tuple(table))
  return table[value]


def _unexpressed(field: str, value, allowed: Sequence) -> errors.WeightsError:
  choices = ", ".join(map(repr, allowed))
  return errors.WeightsError(
    f"config.json has {field} = {value!r}, which our network does not express; "
    f"it takes {choices}."
  )
