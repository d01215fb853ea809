r"""Lumiere's base model at the paper's size: 80 frames of 128x128 in one pass.

  lumiere train --config=configs/base_128.py --workdir=BUCKET/base \
    --config.data.dataset=BUCKET/clips \
    --config.data.embeddings=BUCKET/t5_xxl --config.init_from=OUT/t2i

Variants: `base` (2.68 B parameters, 2.25 B of them frozen), `xl` (5.52 B, near
the 5.5 B that one source gives), `conditional`, which goes on from a run of
`base` (`--config.init_from=OUT/base`) and learns to be given pixels, for image
to video, inpainting and the like, and `tiny`, the same network as `base` in
small, for a laptop and for tests.

The image network is Imagen's base column at 128 pixels: 512 x (1, 2, 3, 4)
channels, three blocks a level, attention where a frame has 32 and 16 pixels.
It is frozen; only what inflation adds is trained. Text comes as embeddings of
a frozen T5-XXL, made ahead by `lumiere embed`.

BUCKET is where a storage bucket is mounted (docs/pods.md).

Needs    by the TPU compiler: v5e:16x16 (13.7 of 15.75 GiB a chip), v6e:16x16,
         or v5p:4x4x4 and larger (18.7 of 95.7); `xl` on v5p:8x8x8.
Takes    not yet measured on a TPU; the compiler's estimate, which flatters, is
         1.9 s for 64 clips on v5e:16x16, 0.83 s for 16 on v5p:4x4x4.
Reaches  not yet measured: no run of this size has been made.
"""

import ml_collections
from ml_collections import config_dict

VARIANTS = ("base", "xl", "conditional", "tiny")

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
  learning_rate=1e-5,
  warmup_steps=1000,
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


def get_config(variant: str = "base") -> ml_collections.ConfigDict:
  """Returns the recipe; `variant` is one of `VARIANTS`."""
  if variant not in VARIANTS:
    raise ValueError(f"variant is {variant!r}; expected one of {VARIANTS}.")
  config = ml_collections.ConfigDict(
    dict(
      stage="base",
      seed=0,
      num_steps=200_000,
      init_from=config_dict.placeholder(str),
      init_parts=("text", "network"),
      trainable="temporal",
      data=dict(
        dataset=config_dict.placeholder(str),
        split="train",
        num_frames=80,
        fps=16,
        resolution=128,
        crop=config_dict.placeholder(int),
        embeddings="cache/t5_xxl",
        max_rejected=0.01,
        frames="clip",
        place="random",
        global_batch=64,
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
        # All of a clip's activations would be 75 GB.
        remat="blocks",
        temporal=dict(
          conv_levels="fine",
          attention_blocks=4,
          factors=(2, 2, 2),
          layout="rows",
        ),
      ),
      diffusion=dict(
        schedule=dict(name="cosine"),
        prediction="noise",
        weight="uniform",
        text_dropout=0.1,
      ),
      optimizer=OPTIMIZER,
      # Four chips share a clip, all of those share the weights.
      mesh=dict(data=-1, fsdp=16, frames=4),
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
  _CHANGES[variant](config)
  return config.lock()


def _conditional(config):
  config.num_steps = 50_000
  config.trainable = "conditional"
  config.model.given = True
  # How often each kind of mask is drawn; the paper does not say.
  config.diffusion.given = dict(
    nothing=0.2,
    everything=0.02,
    first=0.22,
    last=0.06,
    keyframes=0.1,
    start=0.1,
    box=0.12,
    strokes=0.06,
    inside=0.07,
    region=0.05,
  )


def _xl(config):
  config.model.update(
    widths=(704, 1408, 2112, 2816),
    blocks=(3, 3, 3, 4),
    embedding_width=2816,
    text_width=2816,
  )


def _tiny(config):
  config.num_steps = 20
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
  config.model.temporal.attention_blocks = 1
  config.mesh.update(data=-1, fsdp=1, frames=1)
  config.every.update(log=5, checkpoint=100)
  config.sampling.update(num_steps=4)


_CHANGES = {
  "base": lambda config: None,
  "xl": _xl,
  "conditional": _conditional,
  "tiny": _tiny,
}
