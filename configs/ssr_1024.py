r"""Spatial super-resolution at the paper's size: 128x128 to 1024x1024.

  lumiere train --config=configs/ssr_1024.py --workdir=gs://BUCKET/ssr \
    --config.data.dataset=gs://BUCKET/clips_1024 \
    --config.data.embeddings=gs://BUCKET/t5_xxl

Variants: `ssr`, and `tiny`, the same network in small.

Imagen's Efficient U-Net, inflated: 128 x (1, 2, 4, 8) channels and
(2, 4, 8, 8) blocks, a temporal convolution after each, about 1 B parameters.
It trains on crops of 256 pixels of 8 frames and samples 80 frames of 1024
pixels in 13 windows of 8 frames that share 2 with each neighbour.

Needs    TPUs: see the table in docs/scale.md, made by `lumiere plan`.
Takes    not yet measured on a TPU; docs/scale.md has the compiler's estimate.
Reaches  not yet measured: no run of this size has been made.
"""

import importlib.util
import pathlib

import ml_collections

VARIANTS = ("ssr", "tiny")


def get_config(variant: str = "ssr") -> ml_collections.ConfigDict:
  """Returns the recipe; `variant` is one of `VARIANTS`."""
  if variant not in VARIANTS:
    raise ValueError(f"variant is {variant!r}; expected one of {VARIANTS}.")
  config = _base().get_config("tiny" if variant == "tiny" else "base")
  with config.unlocked():
    config.stage = "ssr"
    config.trainable = "all" if variant == "tiny" else "network"
    config.init_parts = ("text",)
    config.data.update(resolution=1024, crop=256, num_frames=8)
    config.data.global_batch = 256
    config.model.update(
      widths=(128, 256, 512, 1024),
      blocks=(2, 4, 8, 8),
      attention=(3,),
      attention_kind="cross",
      middle_attention=True,
      head_dim=128,  # 8 heads
      embedding_width=1024,
      text_width=1024,
      resize="strided",
      resize_first=True,
      skips="level",
      skip_scale=2**-0.5,
      temporal=dict(conv_levels="all", attention_blocks=0, layout="rows"),
    )
    config.diffusion.update(
      prediction="v", low_res=128, max_noise_level=1.0, weight="uniform"
    )
    config.optimizer.update(learning_rate=1e-4, warmup_steps=10_000)
    config.mesh.update(fsdp=16, frames=1)
    config.sampling.update(
      num_steps=128,
      guidance_scale=1.0,
      window=8,
      overlap=2,
      windows_per_call=1,
      noise_level=0.1,
    )
    if variant == "tiny":
      _tiny(config)
  return config.lock()


def _tiny(config):
  config.data.update(resolution=64, crop=32, global_batch=2)
  config.model.update(
    widths=(32, 64, 96, 128),
    blocks=(1, 1, 2, 2),
    head_dim=32,
    embedding_width=64,
    text_width=64,
  )
  config.diffusion.low_res = 32
  config.optimizer.warmup_steps = 10
  config.mesh.update(fsdp=1)
  config.sampling.update(num_steps=4)


def _base():
  """The recipe of the base, whose clips are upsampled."""
  path = pathlib.Path(__file__).with_name("base_128.py")
  spec = importlib.util.spec_from_file_location("base_128", path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module
