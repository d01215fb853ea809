r"""The text-to-image network that `base_128` freezes and inflates.

  lumiere train --config=configs/t2i_128.py --workdir=gs://BUCKET/t2i \
    --config.data.dataset=gs://BUCKET/images \
    --config.data.embeddings=gs://BUCKET/t5_xxl

Variants: `t2i`, `xl` (for `base_128:xl`), `tiny` (for `base_128:tiny`).

Imagen's base column at 128 pixels, 2.2 B parameters, on still pictures or on
single frames of clips, beside a frozen T5-XXL encoder. Whoever has no such
run can inflate published weights instead.

Needs    TPUs: see the table in docs/scale.md, made by `lumiere plan`.
Takes    not yet measured on a TPU; docs/scale.md has the compiler's estimate.
Reaches  not yet measured: no run of this size has been made.
"""

import importlib.util
import pathlib

import ml_collections

VARIANTS = ("t2i", "xl", "tiny")


def get_config(variant: str = "t2i") -> ml_collections.ConfigDict:
  """Returns the recipe; `variant` is one of `VARIANTS`."""
  if variant not in VARIANTS:
    raise ValueError(f"variant is {variant!r}; expected one of {VARIANTS}.")
  config = _base().get_config("base" if variant == "t2i" else variant)
  with config.unlocked():
    del config.model["temporal"]
    config.stage = "t2i"
    config.trainable = "all" if variant == "tiny" else "network"
    # Single frames: eight of a clip share its caption.
    config.data.update(frames="random", num_frames=8)
    # Image networks of this family learn at 1e-4 after 10 k steps.
    config.optimizer.update(learning_rate=1e-4, warmup_steps=10_000)
    config.mesh.frames = 1
    if variant == "tiny":
      config.optimizer.warmup_steps = 10
    else:
      config.num_steps = 2_500_000
      config.data.global_batch = 256
      config.optimizer.decay = "cosine"
  return config.lock()


def _base():
  """The recipe of the base, which must agree with this one."""
  path = pathlib.Path(__file__).with_name("base_128.py")
  spec = importlib.util.spec_from_file_location("base_128", path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module
