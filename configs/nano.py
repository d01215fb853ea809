r"""Text to video that a laptop trains and runs: the weights to be shipped.

  lumiere train --config=configs/nano.py:text --workdir=out/nano/text
  lumiere toybox --out cache/stills --num-clips 12000 --num-frames 8
  lumiere embed --weights out/nano/text --dataset cache/stills --out cache/words
  lumiere train --config=configs/nano.py:t2i --workdir=out/nano/t2i \
    --config.data.dataset=cache/stills --config.data.embeddings=cache/words \
    --config.init_from=out/nano/text
  lumiere toybox --out cache/toys --num-clips 8000
  lumiere embed --weights out/nano/text --dataset cache/toys --out cache/words
  lumiere train --config=configs/nano.py:base --workdir=out/nano/base \
    --config.data.dataset=cache/toys --config.data.embeddings=cache/words \
    --config.init_from=out/nano/t2i

80 frames of 32x32 at 16 a second, upsampled to 128x128, of a captioned world
that is rendered here.  The paper's order: a text encoder that is then frozen,
an image network, its inflation of which the temporal parts alone are trained,
and super-resolution (`:ssr`, on clips of 128 pixels).  Then what is told more:
`:conditional` goes on from `:base` and learns to be given pixels, as `:ssr` is
from the start; and `:style` learns how a picture is drawn,

  lumiere train --config=configs/nano.py:style --workdir=out/style \
    --config.init_from=nano/base --config.style.image=drawing.png \
    --config.style.caption="a cat as a drawing"

which `lumiere stylize --style out/style` then mixes in; `:style_clips` does so
through the base, where a picture stands still. `:t2i_again` trains the image
network of what `:conditional` made further, and `:conditional` goes on from
both, `--config.init_from=out/nano/t2i,out/nano/conditional`, of which the first
counts. `:t2i,gpu` and so on are for one accelerator; `launch/nano.sh [--device
gpu]` runs all of it; there `:conditional` learns from pairs of clips that
differ in one word, `toybox:32?split=twins` with `data.together=2`.

Needs    2 CPU cores, 4 GiB; or one accelerator, of which `:t2i,gpu` took 5 GiB
         and `:conditional,gpu` 13 to 17 (the others not yet measured).
Takes    on an H100, of what ships: 6,000 steps of `:t2i,gpu` 150 s, 8,200 of
         `:conditional,gpu` 260 s, 10,200 of `:t2i_again,gpu` 365 s, 17,500 more
         of `:conditional,gpu` 560 s, 2,000 of `:ssr,gpu` beside others, 6,000
         of `:judge,gpu` 90 s; on an H200 10,500 more of `:conditional,gpu` 280
         s; and one to three minutes of compiling each. On two CPU cores 1,100
         of `:conditional`, an hour; on one, 2,205 more of `:ssr` 82 minutes,
         2,400 80 and 2,600 96, 2,500 more of `:judge` 85, 220 of `:style_clips`
         19. All of it on two CPU cores some 9 hours, reckoned from seconds a
         step, which are in docs/model_card.md with the scores.
Reaches  of 256 prompts, what shipped: shape 86 %, colour 90 %, ground 99 %,
         sky 99 %, action 90 %, camera 69 %, by a judge that is itself right of
         93, 96, 100, 100, 99 and 98 % of as many real clips.
"""

import ml_collections
from ml_collections import config_dict

STAGES = (
  *("text", "t2i", "base", "ssr", "conditional", "t2i_again", "style"),
  *("style_clips", "judge", "judge128"),
)
# Where clips stay with an accelerator: all of a dataset, or, of `toybox:32`,
# which is rendered there, so many, of which each is drawn so often.
KEPT = dict(keep="device", pool=4096, reuse=16)
# Four frames a time of the 80 that are rendered: drawn 16 times, clips were
# made more slowly than images were learned.
IMAGES = KEPT | dict(num_frames=4, reuse=64)
# What one accelerator changes: more at once, for longer, and clips that stay in
# its memory, since it takes 10,000 a second. On an H100 a step then takes 22 ms
# (t2i, of clips that were rendered before), 29 to 33 (conditional), 20 (ssr).
ACCELERATOR = dict(
  text=dict(global_batch=64, num_steps=2_000),
  t2i=dict(global_batch=256, num_steps=20_000, **IMAGES),
  t2i_again=dict(global_batch=128, num_steps=18_000, **IMAGES),
  base=dict(global_batch=32, num_steps=8_000, **KEPT),
  conditional=dict(global_batch=32, num_steps=16_000, **KEPT),
  # 2 GiB of frames at 128 pixels.
  ssr=dict(
    global_batch=64, num_steps=8_000, **KEPT | dict(pool=512, reuse=256)
  ),
  judge=dict(global_batch=64, num_steps=6_000, **KEPT | dict(reuse=64)),
  judge128=dict(global_batch=64, num_steps=6_000, **KEPT | dict(reuse=64)),
)
VARIANTS = (*STAGES, *(f"{stage},gpu" for stage in ACCELERATOR))
# How often each kind of mask is drawn where pixels are given.
GIVEN = dict(
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

TEXT = dict(
  tokenizer="bytes",
  max_length=192,
  spiece=None,
  encoder=dict(
    width=128,
    num_layers=2,
    num_heads=4,
    head_dim=32,
    mlp_width=256,
    neighbours=(1, 1),
    slopes=(0.0, 0.05, 0.15, 0.4),
    # Whether there is one of the seven shapes, of what colour, material and
    # size; who acts; action, camera, ground and sky.
    questions=((1, 10, 2, 3),) * 7 + ((7,), (11,), (7,), (6,), (4,)),
    # Of prompts with a pair that no training caption has, such as a green
    # ring, 98 % are then read whole; by answers of each shape's own, 40 %.
    shared=True,
  ),
)
OPTIMIZER = dict(
  name="adamw",
  learning_rate=1e-3,
  warmup_steps=200,
  decay="cosine",
  clip_norm=1.0,
  weight_decay=0.0,
  ema_decay=0.999,
  accumulate=1,
)
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
  stage, _, device = stage.partition(",")
  config = ml_collections.ConfigDict(
    dict(
      stage=stage,
      seed=0,
      num_steps=1,
      init_from=config_dict.placeholder(str),
      init_parts=("text", "network"),
      trainable="network",
      data=dict(
        dataset=config_dict.placeholder(str),
        split="train",
        num_frames=80,
        fps=16,
        resolution=32,
        crop=config_dict.placeholder(int),
        embeddings=config_dict.placeholder(str),
        max_rejected=0.1,
        frames="first",
        place="centre",
        global_batch=4,
        num_workers=0,
        keep="none",
        # Left and right mean something in these captions.
        flip=False,
        # With 2, clips are drawn in pairs that share time and noise, such as
        # those of the split `twins`.
        together=1,
      ),
      text=TEXT,
      model=dict(
        widths=(64, 128, 192),
        # Full resolution runs no block, and is most of the pixels.
        stem_width=16,
        blocks=(2, 2, 2),
        attention=(1, 2),
        head_dim=32,
        groups=16,
        embedding_width=256,
        text_width=128,
        resize="strided",
        resize_first=True,
        skips="level",
        skip_scale=2**-0.5,
        dtype="float32",
        remat="none",
        given=False,
      ),
      diffusion=dict(
        schedule=dict(name="cosine"),
        prediction="v",
        # Of velocities: it counts high noise, where a prompt decides, and low,
        # where what is left of it flickers, as much as what lies between.
        weight="uniform",
        text_dropout=0.1,
      ),
      optimizer=OPTIMIZER,
      mesh=dict(data=-1, fsdp=1, frames=1),
      every=dict(log=50, checkpoint=500, preview=0),
      checkpoints=CHECKPOINTS,
      guards=GUARDS,
      sampling=dict(
        num_steps=24,
        guidance_scale=3.0,
        solver="ddim",
        spacing="time",
        threshold=0.995,
      ),
    )
  )
  _STAGES[stage](config)
  if device:
    _on_accelerator(config, **ACCELERATOR[stage])
  return config.lock()


def _on_accelerator(config, num_steps, **data):
  config.num_steps = num_steps
  config.data.update(data)
  if config.data.keep == "device":
    config.data.num_workers = 8  # which decode everything, once
  if config.model:
    config.model.dtype = "bfloat16"


def _text(config):
  config.num_steps = 1500
  config.trainable = "all"
  config.data.update(dataset="toybox:captions", frames="none", global_batch=32)
  config.model = {}


def _t2i(config):
  config.num_steps = 8_000
  config.init_parts = ("text",)
  config.data.update(frames="random", num_frames=2, global_batch=24)
  config.every.preview = 2000


def _base(config):
  config.num_steps = 2_000
  # Frames begin alike, or what should stand still wobbles: were all noise of a
  # frame its own, a frozen image network would paint each another picture.
  config.diffusion.shared_noise = config.sampling.shared_noise = 0.8
  # And of what is left nothing may be broad, which a young network takes for
  # the light: it flickered three times as much.
  config.diffusion.shared_patch = config.sampling.shared_patch = 16
  # With such noise a clip shows which way things go at the faintest signal, so
  # that words about it are needed near t = 1 alone, where sampling begins: with
  # even times, of which one in 25 is above 0.96, "left" and "right" were never
  # learned. Three in ten are; with more, errors at low noise grew.
  config.diffusion.time_shift = 3.0
  config.diffusion.noise_alone = 0.2
  config.trainable = "temporal"
  config.every.preview = 1000
  config.model.temporal = dict(
    conv_levels="fine",
    attention_blocks=3,
    factors=(2, 2, 2),
    layout="rows",
    told=True,
    placed=True,
    head=True,
  )


def _conditional(config):
  _base(config)
  config.stage = "base"
  config.num_steps = 2_500
  config.trainable = "conditional"
  config.model.given = True
  # Four in ten are given nothing: it ships as the base, too.
  config.diffusion.given = GIVEN | dict(nothing=0.5)
  # What it is given it comes near, and no more: a box that it painted anew had
  # a frame, and after a first frame came a jump. What that shows is now handed
  # on for some ten frames.
  config.sampling.meet_given = 400.0


def _ssr(config):
  config.num_steps = 3_000
  config.init_parts = ("text",)
  config.data.update(
    resolution=128, crop=64, frames="clip", place="random", num_frames=8
  )
  config.diffusion.update(
    low_res=32,
    max_noise_level=0.3,
    given=GIVEN | dict(nothing=0.8),
    # The clean clip itself: no block runs at full resolution, and a velocity
    # that is learned for minutes leaves noise there, where this leaves blur.
    prediction="clean",
  )
  # What is made up must stay as it is while nothing moves: with noise of its
  # own in each frame, real clips that moved by 2.0 levels a frame came back
  # with 4.7.
  config.diffusion.shared_noise = config.sampling.shared_noise = 1.0
  # Few steps paint, of which the first sees nothing but noise.
  config.diffusion.noise_alone = 0.2
  config.model.update(
    given=True,
    # A network that is learned for minutes painted what it is told worse than
    # plain enlargement keeps it.
    low_res_skip=True,
    widths=(32, 48, 64),
    blocks=(1, 1, 2),
    attention=(),
    groups=8,
    temporal=dict(
      conv_levels="all", attention_blocks=0, layout="rows", head=True
    ),
  )
  config.sampling.update(
    num_steps=2,
    guidance_scale=1.0,
    window=8,
    overlap=2,
    noise_level=0.02,
    keep_low_res=True,
    # Softer along time: texture that a camera passes would lag behind it.
    meet_given=4.0,
  )


def _t2i_again(config):
  """The image network of what `:conditional` made, trained further."""
  _t2i(config)
  config.stage = "t2i"
  config.init_parts = ("text", "network")
  # As the network is that it goes on from, and given nothing.
  config.model.given = True
  config.diffusion.given = dict(nothing=1.0)


def _style(config):
  """A thin change of the image network, from one picture or a few."""
  _t2i_again(config)
  config.num_steps = 600
  config.trainable = "style"
  config.style = dict(
    # A picture, several with commas between, or a folder; or give data.dataset.
    image=config_dict.placeholder(str),
    # What they show, style included; or a text file beside each.
    caption=config_dict.placeholder(str),
    rank=4,
  )
  config.every.preview = 0
  config.optimizer.update(learning_rate=2e-3, warmup_steps=50, ema_decay=0.98)


def _style_clips(config):
  """The same through the base, lest what inflation added hide the style."""
  _style(config)
  _conditional(config)
  config.update(num_steps=400, trainable="style")
  config.diffusion.given = dict(nothing=1.0)
  config.data.update(frames="first", num_frames=80, global_batch=2)


def _judge(config):
  config.stage = "judge"
  config.num_steps = 4_000
  config.trainable = "all"
  config.optimizer.weight_decay = 0.05
  # Every other frame.
  config.data.update(fps=8, num_frames=40, global_batch=16, truth=True)
  config.model = dict(
    shapes=7,
    colors=10,
    of_kinds=dict(material=2, size=3),
    of_scenes=dict(action=11, camera=7, ground=6, sky=4),
    frames=40,
    stem=2,
  )


def _judge128(config):
  _judge(config)
  config.num_steps = 3_000
  config.data.resolution = 64
  config.model.stem = 4


_STAGES = {
  "text": _text,
  "t2i": _t2i,
  "base": _base,
  "ssr": _ssr,
  "conditional": _conditional,
  "t2i_again": _t2i_again,
  "style": _style,
  "style_clips": _style_clips,
  "judge": _judge,
  "judge128": _judge128,
}
