"""A pipeline folder as DeepFloyd IF is published, with random small models.

Sharded, in half precision beside the whole one, with parts that are of no use
here: what a person has on disk after a download.
"""

import functools
import json
import pathlib
import tempfile

import foreign_unets
import imported_t5
import imported_unets
import numpy as np
import sentencepiece

UNET, TEXT = "diffusion_pytorch_model", "model"
TEXT_CONFIG = dict(
  architectures=["T5EncoderModel"],
  model_type="t5",
  d_model=32,
  d_kv=8,
  d_ff=48,
  num_layers=2,
  num_heads=4,
  vocab_size=128,
  feed_forward_proj="gated-gelu",
  tie_word_embeddings=False,
)
UNET_CONFIG = foreign_unets.STAGE_1 | dict(
  _class_name="UNet2DConditionModel",
  _diffusers_version="0.16.0",
  block_out_channels=(16, 16, 32, 64),
  layers_per_block=1,
  cross_attention_dim=64,
  encoder_hid_dim=32,
  sample_size=16,
)
# The network of configs/if_64.py:tiny.
TINY_CONFIG = UNET_CONFIG | dict(
  block_out_channels=(16, 32, 48, 64), resnet_skip_time_act=False
)
# The same with two levels, which compile in half the time.
TWO_LEVELS = TINY_CONFIG | dict(
  block_out_channels=(16, 64),
  down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
  up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
)
UPSAMPLER_CONFIG = UNET_CONFIG | dict(
  in_channels=6, class_embed_type="timestep", sample_size=32
)
SCHEDULER_CONFIG = dict(
  _class_name="DDPMScheduler",
  beta_schedule="squaredcos_cap_v2",
  clip_sample=True,
  dynamic_thresholding_ratio=0.95,
  num_train_timesteps=1000,
  prediction_type="epsilon",
  sample_max_value=1.5,
  thresholding=True,
  trained_betas=None,
  variance_type="learned_range",
)


def write(folder: pathlib.Path, unet=UNET_CONFIG, variants=(None, "fp16")):
  """Writes a pipeline; returns the folder."""
  parts = dict(
    _class_name="IFPipeline",
    _diffusers_version="0.16.0",
    unet=["diffusers", "UNet2DConditionModel"],
    text_encoder=["transformers", "T5EncoderModel"],
    tokenizer=["transformers", "T5Tokenizer"],
    scheduler=["diffusers", "DDPMScheduler"],
    safety_checker=["deepfloyd_if", "IFSafetyChecker"],
    feature_extractor=[None, None],
    requires_safety_checker=True,
  )
  write_json(folder / "model_index.json", parts)
  write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER_CONFIG)
  write_json(
    folder / "tokenizer" / "tokenizer_config.json", dict(extra_ids=100)
  )
  (folder / "tokenizer" / "spiece.model").write_bytes(spiece())
  write_unet(folder / "unet", unet, variants)
  write_json(folder / "text_encoder" / "config.json", TEXT_CONFIG)
  drawn = foreign_unets.weights(imported_t5.shapes(TEXT_CONFIG))
  for variant in variants:
    shards(folder / "text_encoder", TEXT, drawn, variant)
  return folder


def write_unet(folder: pathlib.Path, config=UNET_CONFIG, variants=(None,)):
  """Writes a U-Net's folder; returns its tensors."""
  kind = dict(_class_name="UNet2DConditionModel")
  write_json(folder / "config.json", kind | config)
  drawn = unet_tensors(config)
  for variant in variants:
    shards(folder, UNET, drawn, variant)
  return drawn


def unet_tensors(config=UNET_CONFIG):
  """Random tensors of a U-Net, by their names."""
  return foreign_unets.weights(imported_unets.shapes(config))


def shards(folder, stem, tensors, variant=None, count=2):
  """Writes tensors in several files with an index."""
  stem = f"{stem}.{variant}" if variant else stem
  names, places = sorted(tensors), {}
  for k in range(count):
    file = f"{stem}-{k + 1:05d}-of-{count:05d}.safetensors"
    held = {name: tensors[name] for name in names[k::count]}
    if variant:
      held = {name: one.astype(np.float16) for name, one in held.items()}
    imported_unets.save(folder / file, held)
    places |= dict.fromkeys(held, file)
  index = f"{stem.removesuffix('.fp16')}.safetensors.index"
  index += f".{variant}.json" if variant else ".json"
  write_json(folder / index, dict(metadata={}, weight_map=places))


def write_json(path: pathlib.Path, said) -> None:
  """Writes a file of fields, and its folder."""
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(json.dumps(said))


@functools.cache
def spiece() -> bytes:
  """A small SentencePiece model with T5's special ids."""
  with tempfile.TemporaryDirectory() as folder:
    text = pathlib.Path(folder) / "text"
    words = "a red ball rolls over green grass while the small dog sleeps"
    text.write_text(f"{words}\n" * 20)
    sentencepiece.SentencePieceTrainer.train(
      input=str(text),
      model_prefix=f"{folder}/spiece",
      vocab_size=60,
      model_type="unigram",
      pad_id=0,
      eos_id=1,
      unk_id=2,
      bos_id=-1,
      hard_vocab_limit=False,
      minloglevel=2,
    )
    return (pathlib.Path(folder) / "spiece.model").read_bytes()
