r"""The whole path on a laptop: 80 frames of 32x32, upsampled to 64x64.

  lumiere train --config=configs/tiny.py:t2i --workdir=out/tiny/t2i \
    --config.data.dataset=cache/clips
  lumiere train --config=configs/tiny.py:base --workdir=out/tiny/base \
    --config.data.dataset=cache/clips --config.init_from=out/tiny/t2i
  lumiere train --config=configs/tiny.py:ssr --workdir=out/tiny/ssr \
    --config.data.dataset=cache/clips --config.init_from=out/tiny/t2i
  lumiere sample --weights out/tiny --prompt "..." --out out/tiny/clip.mp4

Needs    2 CPU cores, 3 GiB.
Takes    40 steps a stage, 4 minutes in all on 2 cores, mostly compiling.
Reaches  nothing to look at: it shows that every part works.  The same
         networks, trained for longer on one clip, remember it:
         `launch/overfit.sh`.
"""

import ml_collections
from ml_collections import config_dict

VARIANTS = ("t2i", "base", "ssr")

TEXT = dict(
  tokenizer="bytes",
  max_length=128,
  spiece=None,
  encoder=dict(width=64, num_layers=2, num_heads=4, head_dim=16, mlp_width=128),
)
OPTIMIZER = dict(
  name="adamw",
  learning_rate=1e-3,
  warmup_steps=10,
  decay="constant",
  clip_norm=1.0,
  weight_decay=0.0,
  ema_decay=0.999,
  accumulate=1,
)
# Seconds that a step waits for a save; failed saves before giving up.
CHECKPOINTS = dict(
  keep_newest=2,
  keep_every=0,
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
  hang_exit=False,
)


def get_config(stage: str = "base") -> ml_collections.ConfigDict:
  """Returns the recipe of a stage: one of `VARIANTS`."""
  if stage not in VARIANTS:
    raise ValueError(f"stage is {stage!r}; expected one of {VARIANTS}.")
  config = ml_collections.ConfigDict(
    dict(
      stage=stage,
      seed=0,
      num_steps=40,
      # Run whose weights to start from, and which parts of them.
      init_from=config_dict.placeholder(str),
      init_parts=("text", "network"),
      trainable="all",
      data=dict(
        dataset=config_dict.placeholder(str),
        split="train",
        num_frames=80,
        fps=16,
        resolution=32,
        crop=config_dict.placeholder(int),
        # Folder of `lumiere embed`, where the text encoder is frozen.
        embeddings=config_dict.placeholder(str),
        # Share of the clips that may turn out to be unreadable.
        max_rejected=0.1,
        frames="clip",
        place="random",
        global_batch=1,
        num_workers=0,
        flip=True,
      ),
      text=TEXT,
      model=dict(
        widths=(32, 64, 96),
        blocks=(1, 1, 1),
        attention=(2,),
        head_dim=32,
        groups=8,
        embedding_width=128,
        text_width=64,
        # As in the Efficient U-Net: no block runs at full resolution, which
        # is where a CPU would spend its time.
        resize="strided",
        resize_first=True,
        skips="level",
        skip_scale=2**-0.5,
        dtype="float32",
        remat="none",
      ),
      diffusion=dict(
        schedule=dict(name="cosine"),
        # A network of this size paints better than it predicts noise.
        prediction="clean",
        weight="uniform",
        text_dropout=0.1,
      ),
      optimizer=OPTIMIZER,
      mesh=dict(data=-1, fsdp=1, frames=1),
      every=dict(log=10, checkpoint=100, preview=0),
      checkpoints=CHECKPOINTS,
      guards=GUARDS,
      # Two steps: this network paints well from much noise, and copies noise
      # where there is little (docs/outputs.md has the figures).
      sampling=dict(
        num_steps=2,
        guidance_scale=3.0,
        solver="ddim",
        spacing="time",
        threshold=0.995,
      ),
    )
  )
  {"t2i": _t2i, "base": _base, "ssr": _ssr}[stage](config)
  return config.lock()


def _t2i(config):
  # Single frames: a step is cheap, and frames of one clip share its caption.
  config.data.update(frames="random", num_frames=8, global_batch=2)


def _base(config):
  config.trainable = "temporal"
  config.model.temporal = dict(
    conv_levels="fine", attention_blocks=2, factors=(2, 2, 2), layout="rows"
  )


def _ssr(config):
  config.init_parts = ("text",)
  config.data.update(resolution=64, crop=32, num_frames=8, global_batch=2)
  config.diffusion.update(low_res=32, max_noise_level=0.5)
  config.model.update(
    widths=(32, 48, 64),
    blocks=(1, 1, 2),
    temporal=dict(conv_levels="all", attention_blocks=0, layout="rows"),
  )
  config.sampling.update(
    num_steps=8, guidance_scale=1.0, window=8, overlap=2, noise_level=0.1
  )
