r"""DeepFloyd IF's second stage, inflated: 64x64 to 256x256, frame by window.

  lumiere import --source IF-II-L-v1.0 --text IF-I-XL-v1.0 --out OUT/if_2
  lumiere train --config=configs/if_ssr_256.py:l --workdir=BUCKET/ssr \
    --config.data.dataset=BUCKET/clips --config.data.embeddings=BUCKET/if_text \
    --config.init_from=OUT/if_2 --config.text.spiece=OUT/if_2/spiece.model

Variants: `l`, `m`, and `tiny`, the same network in small.

The image network is DeepFloyd IF's upsampler, frozen, with a temporal
convolution after each block; it sees 8 frames at a time, and 80 are sampled in
13 windows that share 2 with each neighbour. `lumiere import` prints the sizes
of what it read: where they are not those of a variant, give them as fields
(--config.model.widths=...); weights of another network are refused, not bent.
The rest is as in `configs/if_64.py`.

Needs    256 chips of v5e (`:l`, --config.data.global_batch=256): 13.5 of 15.75
         GiB of each, by the compiler's account (docs/scale.md). Run there: not
         yet.
Takes    not yet measured on a TPU.
Reaches  not yet measured: no run of this size has been made.
"""

import ml_collections
from ml_collections import config_dict

VARIANTS = ("m", "l", "tiny")

_WIDTHS = {
  "m": (128, 256, 512, 768, 1024),
  "l": (320, 640, 960, 1280, 1280),
  "tiny": (16, 16, 32, 32, 64),
}
# T5-XXL as IF was told its words: 77 tokens, those behind the text too.
TEXT = dict(
  tokenizer="sentencepiece",
  max_length=77,
  spiece=config_dict.placeholder(str),
  padding="seen",
  null="empty",
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


def get_config(variant: str = "l") -> ml_collections.ConfigDict:
  """Returns the recipe; `variant` is one of `VARIANTS`."""
  if variant not in VARIANTS:
    raise ValueError(f"variant is {variant!r}; expected one of {VARIANTS}.")
  config = ml_collections.ConfigDict(
    dict(
      stage="ssr",
      seed=0,
      num_steps=200_000,
      init_from=config_dict.placeholder(str),
      init_parts=("text", "network"),
      trainable="temporal",
      data=dict(
        dataset=config_dict.placeholder(str),
        split="train",
        num_frames=8,
        fps=16,
        resolution=256,
        crop=config_dict.placeholder(int),
        embeddings="cache/if_text",
        max_rejected=0.01,
        frames="clip",
        place="random",
        global_batch=64,
        num_workers=8,
        flip=True,
      ),
      text=TEXT,
      model=_model(_WIDTHS[variant]),
      diffusion=dict(
        schedule=dict(name="squared_cosine"),
        prediction="noise",
        weight="uniform",
        text_dropout=0.1,
        low_res=64,
        max_noise_level=1.0,
        noise_enlarged=True,
      ),
      optimizer=OPTIMIZER,
      mesh=dict(data=-1, fsdp=16, frames=1),
      every=dict(log=50, checkpoint=1000, preview=0),
      checkpoints=CHECKPOINTS,
      guards=GUARDS,
      # As IF's own pipeline samples, but in windows.
      sampling=dict(
        num_steps=50,
        guidance_scale=4.0,
        solver="ddpm",
        spacing="leading",
        threshold=0.95,
        maximum=1.0,
        window=8,
        overlap=2,
        windows_per_call=1,
        noise_level=0.25,
        noise_enlarged=True,
      ),
    )
  )
  if variant == "tiny":
    _tiny(config)
  return config.lock()


def _model(widths):
  """IF's second stage; the fields are those that `lumiere import` writes."""
  return dict(
    widths=widths,
    blocks=(2, 2, 3, 5, 5),
    attention=(3, 4),
    attention_kind="joint",
    middle_attention=True,
    head_dim=64,
    groups=32,
    embedding_width=widths[-1],
    text_width=widths[-1],
    pooled_text=True,
    resize="pooled",
    resize_first=False,
    skips="block",
    skip_scale=1.0,
    activation="gelu_exact",
    out_channels=6,
    variant=dict(
      layer_epsilon=1e-5,
      time_activated=False,
      time_shift="scale",
      residual_scale=1 / 0.7071,
      middle_scale=1 / 0.7071,
      embedding_activation="gelu_exact",
      text_norm="pooled",
      key_norm="group",
      pool_head_dim=64,
      text_only=(0, 1, 2, 3, 4),
      middle_text_only=True,
    ),
    dtype="bfloat16",
    remat="blocks",
    temporal=dict(conv_levels="all", attention_blocks=0, layout="rows"),
  )


def _tiny(config):
  config.num_steps = 20
  config.data.update(
    embeddings=config_dict.placeholder(str),
    resolution=32,
    global_batch=2,
    num_workers=0,
  )
  config.text.update(tokenizer="bytes", max_length=32)
  config.text.encoder.update(
    width=32,
    num_layers=2,
    num_heads=4,
    head_dim=8,
    mlp_width=48,
    dtype="float32",
  )
  config.model.update(
    blocks=(1, 1, 1, 1, 1),
    head_dim=16,
    groups=8,
    dtype="float32",
    remat="none",
  )
  config.model.variant.pool_head_dim = 8
  config.diffusion.low_res = 16
  config.optimizer.warmup_steps = 10
  config.mesh.update(data=-1, fsdp=1, frames=1)
  config.every.update(log=5, checkpoint=100)
  config.sampling.update(num_steps=4)
