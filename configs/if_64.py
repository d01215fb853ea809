r"""DeepFloyd IF's first stage, inflated: 80 frames of 64x64 in one pass.

  lumiere import --source IF-I-XL-v1.0 --out OUT/if_1
  lumiere embed --weights OUT/if_1 --dataset BUCKET/clips --out BUCKET/if_text
  lumiere train --config=configs/if_64.py:xl --workdir=BUCKET/base \
    --config.data.dataset=BUCKET/clips --config.data.embeddings=BUCKET/if_text \
    --config.init_from=OUT/if_1 --config.text.spiece=OUT/if_1/spiece.model

Variants: `xl` (4.30 B parameters from IF), `l` (0.94 B), `m` (0.37 B), and
`tiny`, the same network in small, for a laptop and for tests.

The image network is DeepFloyd IF's, as `lumiere import` reads it from the
folder that was published (docs/interop.md); its licence is yours to accept, and
none of its weights come with us. It is frozen: only what inflation adds is
trained, by its own noise, thousand steps of squared cosine, on what it
predicts. Its learned variance stays what it was. Text is that of a frozen
T5-XXL, made ahead by `lumiere embed`, and what stands for no text is the empty
caption, as it was for IF.

BUCKET is where a storage bucket is mounted (docs/pods.md).

Needs    64 chips of v5p (`:xl`, --config.data.global_batch=16): 10.9 of 95.7
         GiB of each, by the compiler's account, so that v5e has room too;
         T5-XXL, ahead, 9.2 GiB of one chip (docs/scale.md). Run there: not yet.
Takes    not yet measured on a TPU.
Reaches  not yet measured: no run of this size has been made.
"""

import ml_collections
from ml_collections import config_dict

VARIANTS = ("m", "l", "xl", "tiny")

_WIDTHS = {"m": 192, "l": 320, "xl": 704, "tiny": 16}
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


def get_config(variant: str = "xl") -> ml_collections.ConfigDict:
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
        resolution=64,
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
      ),
      optimizer=OPTIMIZER,
      mesh=dict(data=-1, fsdp=16, frames=4),
      every=dict(log=50, checkpoint=1000, preview=0),
      checkpoints=CHECKPOINTS,
      guards=GUARDS,
      # As IF's own pipeline samples.
      sampling=dict(
        num_steps=100,
        guidance_scale=7.0,
        solver="ddpm",
        spacing="leading",
        threshold=0.95,
        maximum=1.5,
      ),
    )
  )
  if variant == "tiny":
    _tiny(config)
  return config.lock()


def _model(width):
  """IF's first stage; the fields are those that `lumiere import` writes."""
  widths = tuple(width * factor for factor in (1, 2, 3, 4))
  return dict(
    widths=widths,
    blocks=(3, 3, 3, 3),
    attention=(1, 2, 3),
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
      time_activated=True,
      time_shift="scale",
      residual_scale=1.0,
      middle_scale=1.0,
      embedding_activation=config_dict.placeholder(str),
      text_norm="pooled",
      key_norm="group",
      pool_head_dim=64,
      text_only=(),
      middle_text_only=False,
    ),
    dtype="bfloat16",
    remat="blocks",
    temporal=dict(
      conv_levels="fine",
      attention_blocks=4,
      factors=(2, 2, 2),
      layout="rows",
    ),
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
    blocks=(1, 1, 1, 1),
    head_dim=16,
    groups=8,
    dtype="float32",
    remat="none",
  )
  config.model.variant.pool_head_dim = 8
  config.model.temporal.attention_blocks = 1
  config.mesh.update(data=-1, fsdp=1, frames=1)
  config.every.update(log=5, checkpoint=100)
  config.sampling.update(num_steps=4)
