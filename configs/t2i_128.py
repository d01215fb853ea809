r"""The text-to-image network that `base_128` freezes and inflates.

  lumiere train --config=configs/t2i_128.py --workdir=BUCKET/t2i \
    --config.data.dataset=BUCKET/images \
    --config.data.embeddings=BUCKET/t5_xxl

Variants: `t2i`, `xl` (for `base_128:xl`), `tiny` (for `base_128:tiny`).

Imagen's base column at 128 pixels, 2.2 B parameters, on still pictures or on
single frames of clips, beside a frozen T5-XXL encoder. Whoever has no such
run can inflate published weights instead.

BUCKET is where a storage bucket is mounted (docs/pods.md).

Needs    by the TPU compiler: v5e:16x16 (8.9 of 15.75 GiB a chip).
Takes    not yet measured on a TPU; the compiler's estimate, which flatters, is
         1.05 s a step on v5e:16x16.
Reaches  not yet measured: no run of this size has been made.
"""

import ml_collections
from ml_collections import config_dict

VARIANTS = ("t2i", "xl", "tiny")

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
  # Image networks of this family learn at 1e-4 after 10 k steps.
  learning_rate=1e-4,
  warmup_steps=10_000,
  decay="cosine",
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


def get_config(variant: str = "t2i") -> ml_collections.ConfigDict:
  """Returns the recipe; `variant` is one of `VARIANTS`."""
  if variant not in VARIANTS:
    raise ValueError(f"variant is {variant!r}; expected one of {VARIANTS}.")
  config = ml_collections.ConfigDict(
    dict(
      stage="t2i",
      seed=0,
      num_steps=2_500_000,
      init_from=config_dict.placeholder(str),
      init_parts=("text", "network"),
      trainable="network",
      data=dict(
        dataset=config_dict.placeholder(str),
        split="train",
        # Single frames: eight of a clip share its caption.
        num_frames=8,
        fps=16,
        resolution=128,
        crop=config_dict.placeholder(int),
        embeddings="cache/t5_xxl",
        max_rejected=0.01,
        frames="random",
        place="random",
        global_batch=256,
        num_workers=8,
        flip=True,
      ),
      text=TEXT,
      model=dict(
        widths=(512, 1024, 1536, 2048),
        blocks=(3, 3, 3, 3),
        attention=(2, 3),
        attention_kind="joint",
        head_dim=64,
        groups=32,
        embedding_width=2048,
        text_width=2048,
        resize="pooled",
        resize_first=False,
        skips="block",
        skip_scale=1.0,
        dtype="bfloat16",
        remat="blocks",
      ),
      diffusion=dict(
        schedule=dict(name="cosine"),
        prediction="noise",
        weight="uniform",
        text_dropout=0.1,
      ),
      optimizer=OPTIMIZER,
      mesh=dict(data=-1, fsdp=16, frames=1),
      every=dict(log=50, checkpoint=1000, preview=0),
      checkpoints=CHECKPOINTS,
      guards=GUARDS,
      sampling=dict(
        num_steps=256,
        guidance_scale=7.0,
        solver="ddpm",
        spacing="time",
        threshold=0.995,
      ),
    )
  )
  {"t2i": lambda config: None, "xl": _xl, "tiny": _tiny}[variant](config)
  return config.lock()


def _xl(config):
  config.model.update(
    widths=(704, 1408, 2112, 2816),
    blocks=(3, 3, 3, 4),
    embedding_width=2816,
    text_width=2816,
  )


def _tiny(config):
  config.num_steps = 20
  config.trainable = "all"
  config.data.update(
    embeddings=config_dict.placeholder(str),
    resolution=32,
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
    blocks=(1, 1, 1, 1),
    head_dim=32,
    groups=8,
    embedding_width=64,
    text_width=64,
  )
  config.mesh.update(data=-1, fsdp=1, frames=1)
  config.optimizer.warmup_steps = 10
  config.every.update(log=5, checkpoint=100)
  config.sampling.update(num_steps=4)
