"""Folders of weights: one file, several with an index, variants, refusals."""

import io
import json
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest
import safetensors.numpy

from lumiere_jax import errors
from lumiere_jax.interop import shelves

A, B = np.arange(4, dtype=np.float32), np.ones((2, 2), np.float16)
STEM = "diffusion_pytorch_model"


def _save(path, **held):
  safetensors.numpy.save_file(held, path)


def _index(folder, name, files):
  places = {key: file for file, held in files.items() for key in held}
  (folder / name).write_text(json.dumps({"weight_map": places}))
  for file, held in files.items():
    _save(folder / file, **held)


def test_a_folder_with_one_file(tmp_path):
  _save(tmp_path / f"{STEM}.safetensors", a=A, b=B)
  shelf = shelves.open_(tmp_path)
  assert sorted(shelf) == ["a", "b"]
  assert shelf.unused == ("a", "b")
  np.testing.assert_array_equal(shelf["a"].read(), A)
  assert shelf.unused == ("b",)
  assert "b" in shelf
  assert shelf.unused == ("b",)  # to ask whether it is there is no use
  assert shelf.largest == A.nbytes


@pytest.mark.parametrize(
  ("variant", "name"),
  [
    (None, f"{STEM}.safetensors.index.json"),
    ("fp16", f"{STEM}.safetensors.index.fp16.json"),
    ("fp16", f"{STEM}.fp16.safetensors.index.json"),
    (None, "model.safetensors.index.json"),
  ],
)
def test_several_files_with_an_index(tmp_path, variant, name):
  files = {"x-1-of-2.safetensors": {"a": A}, "x-2-of-2.safetensors": {"b": B}}
  _index(tmp_path, name, files)
  for path in (tmp_path, tmp_path / name):
    shelf = shelves.open_(path, variant=variant)
    np.testing.assert_array_equal(shelf["a"].read(), A)
    np.testing.assert_array_equal(shelf["b"].read(), B)


def test_the_plain_variant_comes_first_and_the_only_one_is_taken(tmp_path):
  _save(tmp_path / "model.fp16.safetensors", a=A.astype(np.float16))
  assert shelves.open_(tmp_path)["a"].dtype == np.float16
  _save(tmp_path / "model.safetensors", a=A)
  assert shelves.open_(tmp_path)["a"].dtype == np.float32
  assert shelves.open_(tmp_path, variant="fp16")["a"].dtype == np.float16
  with pytest.raises(errors.WeightsError, match="of the variant 'bf16'"):
    shelves.open_(tmp_path, variant="bf16")


def test_a_missing_file_is_named(tmp_path):
  files = {"x-1.safetensors": {"a": A}, "x-2.safetensors": {"b": B}}
  _index(tmp_path, "model.safetensors.index.json", files)
  (tmp_path / "x-2.safetensors").unlink()
  with pytest.raises(errors.WeightsError, match=r"names x-2\.safetensors, one"):
    shelves.open_(tmp_path)
  _save(tmp_path / "x-2.safetensors", c=B)
  with pytest.raises(errors.WeightsError, match="says that b is in x-2"):
    shelves.open_(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}'])
def test_an_index_of_nothing_is_refused(tmp_path, text):
  (tmp_path / "model.safetensors.index.json").write_text(text)
  with pytest.raises(errors.WeightsError, match="does not say in which file"):
    shelves.open_(tmp_path)


def test_a_lora_is_no_weights(tmp_path):
  name = "unet.attn.to_q.lora_A.weight"
  safetensors.numpy.save_file({name: A}, tmp_path / "model.safetensors")
  with pytest.raises(errors.WeightsError, match=r"a LoRA \(unet"):
    shelves.open_(tmp_path)


def test_a_folder_without_weights_says_what_is_there(tmp_path):
  (tmp_path / "notes.txt").touch()
  with pytest.raises(errors.WeightsError, match=r"there is notes\.txt"):
    shelves.open_(tmp_path)
  with pytest.raises(errors.WeightsError, match="cannot be read"):
    shelves.open_(tmp_path / "no.safetensors")
  with pytest.raises(errors.WeightsError, match="there is no"):
    shelves.open_(tmp_path / "no.bin")


class _Kind:
  """Stands for a class that pickles call by its module and name."""

  def __init__(self, module, name):
    self.__module__, self.__qualname__, self.__name__ = module, name, name

  def __reduce__(self):
    return self.__name__

  def __call__(self, *args):
    raise AssertionError("made while writing")


class _Made:
  def __init__(self, maker, *args):
    self.parts = maker, args

  def __reduce__(self):
    return self.parts


class _Held:
  def __init__(self, kind, key):
    self.pid = ("storage", kind, key, "cpu", 0)


class _Pickler(pickle.Pickler):
  def persistent_id(self, obj):
    return obj.pid if isinstance(obj, _Held) else None


@pytest.fixture
def torch_names(monkeypatch):
  """Modules of torch's names, so that pickles can be written without it."""
  torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
  torch.FloatStorage = _Kind("torch", "FloatStorage")
  torch.HalfStorage = _Kind("torch", "HalfStorage")
  utils._rebuild_tensor_v2 = _Kind("torch._utils", "_rebuild_tensor_v2")
  monkeypatch.setitem(sys.modules, "torch", torch)
  monkeypatch.setitem(sys.modules, "torch._utils", utils)
  return torch, utils


def _bin(path, table, storages, compress=zipfile.ZIP_STORED):
  data = io.BytesIO()
  _Pickler(data, protocol=2).dump(table)
  with zipfile.ZipFile(path, "w", compress) as archive:
    archive.writestr("archive/data.pkl", data.getvalue())
    for key, array in storages.items():
      archive.writestr(f"archive/data/{key}", array.tobytes())


def _tables(torch, utils):
  view = lambda kind, key, *where: _Made(
    utils._rebuild_tensor_v2, _Held(kind, key), *where, False, {}
  )
  return {
    "a": view(torch.FloatStorage, "0", 1, (3,), (1,)),
    "b": view(torch.HalfStorage, "1", 0, (2, 2), (2, 1)),
    "note": "text between the tensors",
  }


def test_a_pickle_is_refused_unless_asked_for(tmp_path, torch_names):
  path = tmp_path / "pytorch_model.bin"
  _bin(path, _tables(*torch_names), {"0": A, "1": B})
  for where in (path, tmp_path):
    with pytest.raises(errors.WeightsError, match="--allow-pickle"):
      shelves.open_(where)
    shelf = shelves.open_(where, allow_pickle=True)
    assert sorted(shelf) == ["a", "b"]
    np.testing.assert_array_equal(shelf["a"].read(), A[1:])
    np.testing.assert_array_equal(shelf["b"].read(), B)


def test_a_pickle_that_runs_something_is_refused(tmp_path):
  path = tmp_path / "model.bin"
  witness = tmp_path / "witness"
  _bin(path, {"a": _Made(io.open, str(witness), "w")}, {})
  with pytest.raises(errors.WeightsError, match=r"asks for .*open when it is"):
    shelves.open_(path, allow_pickle=True)
  assert not witness.exists()


@pytest.mark.parametrize(
  ("where", "message"),
  [
    ((0, (2, 2), (1, 2)), "does not lie in its storage row by row"),
    ((2, (3,), (1,)), "does not lie in its storage row by row"),
  ],
  ids=["transposed", "beyond its end"],
)
def test_a_tensor_that_lies_otherwise_is_refused(
  tmp_path, torch_names, where, message
):
  torch, utils = torch_names
  view = _Made(
    utils._rebuild_tensor_v2, _Held(torch.FloatStorage, "0"), *where, False, {}
  )
  _bin(tmp_path / "a.bin", {"a": view}, {"0": A})
  with pytest.raises(errors.WeightsError, match=message):
    shelves.open_(tmp_path / "a.bin", allow_pickle=True)


def test_other_files_of_that_name_are_refused(tmp_path, torch_names):
  path = tmp_path / "a.bin"
  path.write_bytes(b"no zip")
  with pytest.raises(errors.WeightsError, match="no file that torch saved"):
    shelves.open_(path, allow_pickle=True)
  _bin(path, [1, 2], {})
  with pytest.raises(errors.WeightsError, match="holds a list and no table"):
    shelves.open_(path, allow_pickle=True)
  _bin(path, _tables(*torch_names), {"0": A, "1": B}, zipfile.ZIP_DEFLATED)
  with pytest.raises(errors.WeightsError, match="is compressed"):
    shelves.open_(path, allow_pickle=True)
