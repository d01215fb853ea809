"""What each framework is asked to do by `lumiere compare peers`.

One U-Net of the Imagen family, small enough for two cores: four levels of
width x (1, 2, 3, 4), a block each (two on the way up), attention at the two
coarsest, so that time is divided by 8.  A case is a plain dict, since it
crosses to interpreters that have none of our packages.
"""

from collections.abc import Mapping
from typing import Any

OURS = "ours"
LUMIERE = "lumiere-pytorch"
DIFFUSERS = "diffusers"
DEVICES = ("cpu", "gpu")
# Of what is multiplied; weights are float32.
DTYPES = ("float32", "bfloat16")
LEVELS, HEAD, TEXT, TOKENS, GROUPS = 4, 32, 64, 16, 16
ATTENTION_BLOCKS = 4
TITLES = {
  "forward": "STUNet forward",
  "train": "training step, frozen T2I",
  "base": "base sampling step, guided",
  "ssr": "SSR window step",
  "image": "T2I forward",
  "text": "T5 forward",
}
# A U-Net of DeepFloyd IF's block types, and T5 v1.1 small.
IF = dict(
  act_fn="gelu",
  addition_embed_type="text",
  addition_embed_type_num_heads=8,
  attention_head_dim=32,
  block_out_channels=(64, 128, 192, 256),
  cross_attention_dim=256,
  cross_attention_norm="group_norm",
  down_block_types=(
    "ResnetDownsampleBlock2D",
    *3 * ("SimpleCrossAttnDownBlock2D",),
  ),
  encoder_hid_dim=64,
  in_channels=3,
  layers_per_block=1,
  mid_block_type="UNetMidBlock2DSimpleCrossAttn",
  norm_num_groups=32,
  out_channels=6,
  resnet_skip_time_act=True,
  resnet_time_scale_shift="scale_shift",
  up_block_types=(
    *3 * ("SimpleCrossAttnUpBlock2D",),
    "ResnetUpsampleBlock2D",
  ),
)
T5 = dict(
  vocab_size=32128,
  d_model=512,
  d_kv=64,
  d_ff=1024,
  num_layers=8,
  num_heads=6,
)


def sizes(case: Mapping[str, Any]) -> dict[str, Any]:
  """Sizes of the image network of a case, by names that both sides use."""
  width = case["width"]
  return dict(
    widths=tuple(width * factor for factor in range(1, LEVELS + 1)),
    attention=(LEVELS - 2, LEVELS - 1),
    head_dim=HEAD,
    groups=GROUPS,
    embedding_width=4 * width,
    text_width=LEVELS * width,
  )


def clips(
  task: str, frames: int, width: int, size: int = 32, dtype: str = "float32"
) -> dict[str, Any]:
  """A case of clips of `size` x `size` pixels."""
  return dict(task=task, frames=frames, size=size, width=width, dtype=dtype)


def every(
  quick: bool = False, device: str = "cpu", dtype: str = "float32"
) -> list[dict[str, Any]]:
  """All cases, or one of each task on the smallest network.

  On a GPU, which these do not fill, there are larger ones too.
  """
  shapes = [(16, 32)] if quick else [(16, 32), (80, 32), (16, 64), (80, 64)]
  large = device == "gpu" and not quick
  more = [(80, 128, 64)] if large else []
  width = 32 if quick else 64
  found = [
    *(
      clips(task, *shape)
      for task in ("forward", "train")
      for shape in shapes + more
    ),
    *(clips("base", *shape) for shape in [(16, 32), *more]),
    clips("ssr", 8, 32, 64),
    *([clips("ssr", 8, 128, 256)] if large else []),
    dict(task="image", frames=4, size=width),
    *([dict(task="image", frames=64, size=64)] if large else []),
    dict(task="text", frames=4, size=77),
    *([dict(task="text", frames=64, size=77)] if large else []),
  ]
  return [case | {"dtype": dtype} for case in found]


def name(case: Mapping[str, Any]) -> str:
  """What a case is called in files: "forward-16x32x32-w64"."""
  task, frames, size = (case[key] for key in ("task", "frames", "size"))
  if task == "text":
    return f"text-{frames}x{size}"
  width = f"-w{case['width']}" if "width" in case else ""
  return f"{task}-{frames}x{size}x{size}{width}"


def peer(case: Mapping[str, Any]) -> str:
  """Whom our work on a case is compared with."""
  return DIFFUSERS if case["task"] in ("image", "text") else LUMIERE
