r"""Spatial super-resolution at the paper's size: 128x128 to 1024x1024.

  lumiere train --config=configs/ssr_1024.py --workdir=BUCKET/ssr \
    --config.data.dataset=BUCKET/clips_1024 \
    --config.data.embeddings=BUCKET/t5_xxl

Variants: `ssr`, and `tiny`, the same network in small.

Imagen's Efficient U-Net, inflated: 128 x (1, 2, 4, 8) channels and
(2, 4, 8, 8) blocks, a temporal convolution after each, 0.90 B parameters.
It trains on crops of 256 pixels of 8 frames and samples 80 frames of 1024
pixels in 13 windows of 8 frames that share 2 with each neighbour.

BUCKET is where a storage bucket is mounted (docs/pods.md).

Needs    by the TPU compiler: v5e:16x16 (6.1 of 15.75 GiB a chip) to train, one
         host of v5e:2x4 (sharded) or v6e:2x4 (pmapped) to sample.
Takes    not yet measured on a TPU; the compiler's estimate, which flatters, is
         0.21 s for 256 crops on v5e:16x16.
Reaches  not yet measured: no run of this size has been made.
"""

import ml_collections
from ml_collections import config_dict

VARIANTS = ("ssr", "tiny")

# T5-XXL, whose embeddings are made ahead.
TEXT = dict(
  tokenizer="sentencepiece",
  max_length=128,
  spiece=config_dict.placeholder(str),
  encoder=dict(
    width=4096,
    num_layers=24,
    num_heads=64,
    head_dim=64,
    mlp_width=10_240,
    dtype="bfloat16",
  ),
)
OPTIMIZER = dict(
  name="adafactor",
  learning_rate=1e-4,
  warmup_steps=10_000,
  decay="constant",
  clip_norm=1.0,
  weight_decay=0.0,
  ema_decay=0.9999,
  accumulate=1,
)
# Seconds that a step waits for a save; failed saves before giving up.
CHECKPOINTS = dict(
  keep_newest=2,
  keep_every=20_000,
  keep_best=0,
  budget=60.0,
  attempts=5,
  backoff=1.0,
)
GUARDS = dict(
  max_skipped=20,
  spike=10.0,
  max_rollbacks=3,
  hang_seconds=1800.0,
  hang_exit=True,
)


def get_config(variant: str = "ssr") -> ml_collections.ConfigDict:
  """Returns the recipe; `variant` is one of `VARIANTS`."""
  if variant not in VARIANTS:
    raise ValueError(f"variant is {variant!r}; expected one of {VARIANTS}.")
  config = ml_collections.ConfigDict(
    dict(
      stage="ssr",
      seed=0,
      num_steps=200_000,
      init_from=config_dict.placeholder(str),
      init_parts=("text",),
      trainable="network",
      data=dict(
        dataset=config_dict.placeholder(str),
        split="train",
        num_frames=8,
        fps=16,
        resolution=1024,
        crop=256,
        embeddings="cache/t5_xxl",
        max_rejected=0.01,
        frames="clip",
        place="random",
        global_batch=256,
        num_workers=8,
        flip=True,
      ),
      text=TEXT,
      model=dict(
        widths=(128, 256, 512, 1024),
        blocks=(2, 4, 8, 8),
        attention=(3,),
        attention_kind="cross",
        middle_attention=True,
        head_dim=128,  # 8 heads
        groups=32,
        embedding_width=1024,
        text_width=1024,
        resize="strided",
        resize_first=True,
        skips="level",
        skip_scale=2**-0.5,
        dtype="bfloat16",
        remat="blocks",
        scan=True,  # eight blocks a level, of which seven are alike
        temporal=dict(conv_levels="all", attention_blocks=0, layout="rows"),
      ),
      diffusion=dict(
        schedule=dict(name="cosine"),
        prediction="v",
        weight="uniform",
        text_dropout=0.1,
        low_res=128,
        max_noise_level=1.0,
      ),
      optimizer=OPTIMIZER,
      mesh=dict(data=-1, fsdp=16, frames=1),
      every=dict(log=50, checkpoint=1000, preview=0),
      checkpoints=CHECKPOINTS,
      guards=GUARDS,
      sampling=dict(
        num_steps=128,
        guidance_scale=1.0,
        solver="ddpm",
        spacing="time",
        threshold=0.995,
        window=8,
        overlap=2,
        windows_per_call=1,
        noise_level=0.1,
      ),
    )
  )
  if variant == "tiny":
    _tiny(config)
  return config.lock()


def _tiny(config):
  config.num_steps = 20
  config.trainable = "all"
  config.data.update(
    embeddings=config_dict.placeholder(str),
    resolution=64,
    crop=32,
    global_batch=2,
    num_workers=0,
  )
  config.text = dict(
    tokenizer="bytes",
    max_length=32,
    spiece=config_dict.placeholder(str),
    encoder=dict(
      width=64, num_layers=1, num_heads=2, head_dim=16, mlp_width=64
    ),
  )
  config.model.update(
    widths=(32, 64, 96, 128),
    blocks=(1, 1, 2, 2),
    head_dim=32,
    groups=8,
    embedding_width=64,
    text_width=64,
  )
  config.diffusion.low_res = 32
  config.optimizer.warmup_steps = 10
  config.mesh.update(data=-1, fsdp=1, frames=1)
  config.every.update(log=5, checkpoint=100)
  config.sampling.update(num_steps=4)
