"""diffusers' U-Nets as ours, against answers of theirs that were kept."""

import json

import foreign_unets
import golden_peers
import imported_unets
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.interop import diffusers_unet
from lumiere_jax.interop import shelves


@pytest.mark.parametrize("name", foreign_unets.CONFIGS)
def test_outputs_are_theirs(tmp_path, name):
  config = foreign_unets.CONFIGS[name]
  drawn = foreign_unets.weights(imported_unets.shapes(config))
  imported_unets.save(tmp_path / "x.safetensors", drawn)
  shelf = shelves.open_(tmp_path / "x.safetensors")
  got = imported_unets.run(
    config,
    imported_unets.params(config, shelf),
    foreign_unets.inputs(config),
  )
  want = golden_peers.load("unets")[name]
  assert golden_peers.relative(golden_peers.thin(got), want) <= 1e-4
  assert shelf.unused == ()


SMALL = foreign_unets.CONFIGS["three_channels"]
REFUSED = {
  "latents": (dict(in_channels=4), "those of latents"),
  "kandinsky": (
    dict(
      in_channels=4,
      addition_embed_type="text_image",
      encoder_hid_dim_type="text_image_proj",
    ),
    "those of latents",
  ),
  "class": (dict(_class_name="UNet3DConditionModel"), "UNet3DCondition"),
  "block": (
    dict(down_block_types=("DownBlock2D", "AttnDownBlock2D")),
    "AttnDownBlock2D",
  ),
  "middle": (dict(mid_block_type="UNetMidBlock2DCrossAttn"), "mid_block_type"),
  "unheard_of": (dict(magic=3), "magic = 3"),
  "labels": (dict(num_class_embeds=10), "num_class_embeds = 10"),
  "class_embedding": (dict(class_embed_type="identity"), "'identity'"),
  "image_text": (dict(addition_embed_type="text_image"), "'text_image'"),
  "padding": (dict(downsample_padding=0), "downsample_padding = 0"),
  "activation": (dict(act_fn="tanh"), "act_fn = 'tanh'"),
  "groups": (dict(norm_num_groups=None), "norm_num_groups"),
  "text_widths": (dict(cross_attention_dim=(32, 64)), "cross_attention_dim"),
  "levels": (dict(layers_per_block=(1, 2, 3)), "3 layers_per_block"),
  "mixture": (
    dict(down_block_types=("DownBlock2D", "SimpleCrossAttnDownBlock2D")),
    "passes over",
  ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_expressed_is_refused(name):
  changed, words = REFUSED[name]
  with pytest.raises(errors.WeightsError, match=words):
    diffusers_unet.spec(SMALL | changed)


def test_fields_that_say_nothing_are_passed_over():
  idle = dict(sample_size=64, _diffusers_version="0.40.0", magic=None)
  assert diffusers_unet.spec(SMALL | idle) == diffusers_unet.spec(SMALL)


def test_read_config(tmp_path):
  with pytest.raises(errors.WeightsError, match="cannot be read"):
    diffusers_unet.read_config(tmp_path)
  path = tmp_path / "config.json"
  path.write_text("{")
  with pytest.raises(errors.WeightsError, match="no JSON"):
    diffusers_unet.read_config(tmp_path)
  path.write_text("[1]")
  with pytest.raises(errors.WeightsError, match="lists no fields"):
    diffusers_unet.read_config(tmp_path)
  path.write_text(json.dumps(SMALL))
  read = diffusers_unet.read_config(tmp_path)
  assert diffusers_unet.spec(read) == diffusers_unet.spec(SMALL)


def shelf_of(tmp_path, change):
  drawn = foreign_unets.weights(imported_unets.shapes(SMALL))
  change(drawn)
  imported_unets.save(tmp_path / "x.safetensors", drawn)
  return shelves.open_(tmp_path / "x.safetensors")


def test_weights_of_another_network_are_refused(tmp_path):
  name = "conv_in.weight"
  for change, words in (
    (lambda drawn: drawn.pop(name), "no tensor conv_in.weight for"),
    (
      lambda drawn: drawn.update({name: drawn[name][..., :1]}),
      "config.json makes it",
    ),
    (
      lambda drawn: drawn.update({name: drawn[name].astype(np.int8)}),
      "quantised",
    ),
  ):
    with pytest.raises(errors.WeightsError, match=words):
      diffusers_unet.match(SMALL, shelf_of(tmp_path, change))


def test_tensors_that_are_not_used_are_named(tmp_path):
  extra = lambda drawn: drawn.update(extra=np.zeros(3, np.float32))
  shelf = shelf_of(tmp_path, extra)
  for match in diffusers_unet.match(SMALL, shelf):
    match.read()
  assert shelf.unused == ("extra",)
