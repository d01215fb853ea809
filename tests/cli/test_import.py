"""`lumiere import`: what it says, and what it refuses in one sentence."""

import json
import pickle
import zipfile

import foreign_pipelines
import imported_unets
import numpy as np
import pytest

from lumiere_jax.cli import exits
from lumiere_jax.cli import import_
from lumiere_jax.cli import main

UNET = foreign_pipelines.UNET


def _run(source, tmp_path, *more):
  words = ["--source", str(source), "--out", str(tmp_path / "w"), *more]
  exits.run(import_.main, words)


def _unet(tmp_path, **changes):
  folder = tmp_path / "unet"
  config = foreign_pipelines.UNET_CONFIG | changes
  foreign_pipelines.write_json(folder / "config.json", config)
  return folder


def _file(folder, tensors, name=f"{UNET}.safetensors"):
  imported_unets.save(folder / name, tensors)
  return folder / name


def test_what_was_read_is_said(tmp_path, capsys):
  folder = _unet(tmp_path)
  drawn = foreign_pipelines.unet_tensors()
  extra = {f"extra_{k:02d}": np.zeros(1, np.float32) for k in range(12)}
  _file(folder, drawn | extra)
  main.main(["import", "--source", str(folder), "--out", str(tmp_path / "w")])
  said = capsys.readouterr().out.splitlines()
  assert said[0].startswith("network: 405 tensors, 911,750 parameters, from ")
  assert said[1] == (
    "network: widths=(16, 16, 32, 64), blocks=(1, 1, 1, 1), "
    "attention=(1, 2, 3), 16 pixels"
  )
  assert said[2] == "not used: network: extra_00"
  assert said[12] == "not used: 2 more, named in import.json"
  assert said[-1] == f"wrote {tmp_path / 'w'}"
  unused = json.loads((tmp_path / "w" / "import.json").read_text())["unused"]
  assert unused == [f"network: {name}" for name in extra]


def _truncated(tmp_path):
  folder = _unet(tmp_path)
  path = _file(folder, foreign_pipelines.unet_tensors())
  path.write_bytes(path.read_bytes()[:-100])
  return folder


def _integers(tmp_path):
  folder = _unet(tmp_path)
  drawn = foreign_pipelines.unet_tensors()
  drawn["conv_in.weight"] = drawn["conv_in.weight"].astype(np.int8)
  _file(folder, drawn)
  return folder


def _eight_bits(tmp_path):
  folder = _unet(tmp_path)
  said = {"x": dict(dtype="F8_E4M3", shape=[2], data_offsets=[0, 2])}
  header = json.dumps(said).encode()
  data = len(header).to_bytes(8, "little") + header + b"12"
  (folder / f"{UNET}.safetensors").write_bytes(data)
  return folder


def _without_a_shard(tmp_path):
  folder = _unet(tmp_path)
  foreign_pipelines.write_unet(folder)
  (folder / f"{UNET}-00002-of-00002.safetensors").unlink()
  return folder


def _lora(tmp_path):
  folder = tmp_path / "lora"
  folder.mkdir()
  held = {"unet.conv_in.lora_A.weight": np.zeros((1, 1), np.float32)}
  _file(folder, held, "pytorch_lora_weights.safetensors")
  return folder


def _lora_file(tmp_path):
  return _lora(tmp_path) / "pytorch_lora_weights.safetensors"


def _lora_in_a_model(tmp_path):
  folder = _unet(tmp_path)
  _file(folder, {"conv_in.lora_down.weight": np.zeros((1, 1), np.float32)})
  return folder


def _bare_file(tmp_path):
  (tmp_path / "unet").mkdir()
  return _file(tmp_path / "unet", foreign_pipelines.unet_tensors())


def _latents(tmp_path):
  folder = _unet(tmp_path, in_channels=4, out_channels=8)
  _file(folder, foreign_pipelines.unet_tensors())
  return folder


def _latent_pipeline(tmp_path):
  said = dict(
    _class_name="StableDiffusionPipeline",
    unet=["diffusers", "UNet2DConditionModel"],
    vae=["diffusers", "AutoencoderKL"],
  )
  foreign_pipelines.write_json(tmp_path / "sd" / "model_index.json", said)
  return tmp_path / "sd"


def _half_a_pipeline(tmp_path):
  said = dict(unet=["diffusers", "UNet2DConditionModel"])
  foreign_pipelines.write_json(tmp_path / "if" / "model_index.json", said)
  return tmp_path / "if"


def _no_models(tmp_path):
  said = dict(tokenizer=["transformers", "T5Tokenizer"], unet=[None, None])
  foreign_pipelines.write_json(tmp_path / "if" / "model_index.json", said)
  (tmp_path / "if" / "tokenizer").mkdir()
  return tmp_path / "if"


def _pickle(tmp_path):
  folder = _unet(tmp_path)
  _zipped(folder / f"{UNET}.bin", {})
  return folder


def _zipped(path, said):
  with zipfile.ZipFile(path, "w") as file:
    file.writestr("archive/data.pkl", pickle.dumps(said, protocol=2))


def _no_folder(tmp_path):
  return tmp_path / "nowhere"


def _empty(tmp_path):
  (tmp_path / "empty").mkdir()
  return tmp_path / "empty"


def _neither(tmp_path):
  foreign_pipelines.write_json(tmp_path / "x" / "config.json", dict(a=1))
  return tmp_path / "x"


def _other_noise(tmp_path):
  folder = foreign_pipelines.write(tmp_path / "if", variants=(None,))
  said = foreign_pipelines.SCHEDULER_CONFIG | dict(beta_schedule="sigmoid")
  path = folder / "scheduler" / "scheduler_config.json"
  foreign_pipelines.write_json(path, said)
  return folder


REFUSED = {
  _truncated: "is no whole safetensors file",
  _integers: "conv_in.weight holds int8",
  _eight_bits: "is of dtype F8_E4M3",
  _without_a_shard: f"names {UNET}-00002-of-00002.safetensors, one of 2 files",
  _lora: "holds a change of weights, a LoRA",
  _lora_file: "holds a change of weights, a LoRA",
  _lora_in_a_model: "holds a change of weights, a LoRA",
  _bare_file: "is a file, and weights alone do not say what network",
  _latents: "takes 4 channels, those of latents",
  _latent_pipeline: "is a pipeline of latents, StableDiffusionPipeline",
  _half_a_pipeline: "model_index.json names unet and there is no folder",
  _no_models: "is a pipeline with neither unet nor text_encoder",
  _pickle: "is a pickle",
  _no_folder: "there is no folder",
  _empty: "it holds nothing",
  _neither: "has neither _class_name",
  _other_noise: "beta_schedule = 'sigmoid'",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__[1:])
def test_what_is_refused_is_a_sentence(tmp_path, capsys, make):
  with pytest.raises(SystemExit) as left:
    _run(make(tmp_path), tmp_path)
  assert left.value.code == 2
  (said,) = capsys.readouterr().err.splitlines()
  assert said.startswith("error: ")
  assert said.endswith(".")
  assert REFUSED[make] in said
  assert not (tmp_path / "w").exists()


def test_a_pickle_that_is_asked_for_makes_nothing_but_tensors(tmp_path, capsys):
  folder = _unet(tmp_path)
  _zipped(folder / f"{UNET}.bin", {"conv_in.weight": called_when_opened()})
  with pytest.raises(SystemExit):
    _run(folder, tmp_path, "--allow-pickle")
  assert "asks for" in capsys.readouterr().err


def called_when_opened():
  """Something that is made by a call when a pickle is opened."""
  return np.dtype("float32")
