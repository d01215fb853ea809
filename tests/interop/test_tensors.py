"""One safetensors file: read where it lies, written tensor by tensor."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.flax
import safetensors.numpy

from lumiere_jax import errors
from lumiere_jax.interop import stream
from lumiere_jax.interop import tensors

HELD = {
  "a": np.arange(6, dtype=np.float32).reshape(2, 3),
  "b.half": np.array([1.5, -2.0], np.float16),
  "c": np.array(7, np.int64),
  "empty": np.zeros((0, 4), np.float32),
}


@pytest.fixture
def file(tmp_path):
  path = tmp_path / "model.safetensors"
  safetensors.numpy.save_file(HELD, path, {"format": "pt"})
  return path


def test_tensors_are_what_the_library_wrote(file):
  found, metadata = tensors.header(file)
  assert found.keys() == HELD.keys()
  assert metadata == {"format": "pt"}
  for name, array in HELD.items():
    assert found[name].shape == array.shape
    got = found[name].read()
    np.testing.assert_array_equal(got, array)
    assert got.dtype == array.dtype
    assert found[name].num_bytes == array.nbytes


def test_bfloat16_is_read(tmp_path):
  path = tmp_path / "a.safetensors"
  safetensors.flax.save_file({"x": jnp.array([1.0, 3.0], jnp.bfloat16)}, path)
  got = tensors.header(path)[0]["x"].read()
  assert got.dtype == jnp.bfloat16
  np.testing.assert_array_equal(got.astype(np.float32), [1, 3])


def test_the_library_reads_what_is_streamed(tmp_path):
  out = tmp_path / "made" / "out.safetensors"
  told = []
  promises = [
    stream.Promise(
      name=name, shape=array.shape, dtype=array.dtype, make=lambda a=array: a
    )
    for name, array in HELD.items()
  ]
  promises.append(
    stream.Promise(
      name="rounded",
      shape=(2,),
      dtype=np.dtype(jnp.bfloat16),
      make=lambda: np.array([1.0, 1.0 + 2**-12], np.float32),
    )
  )
  stream.write(out, promises, {"by": "us"}, lambda *n: told.append(n))
  got = safetensors.flax.load_file(out)
  for name, array in HELD.items():
    np.testing.assert_array_equal(got[name], array)
  np.testing.assert_array_equal(got["rounded"].astype(jnp.float32), [1, 1])
  with safetensors.safe_open(out, "np") as opened:
    assert opened.metadata() == {"by": "us"}
  assert told == [(k, 5) for k in range(1, 6)]


def test_a_broken_promise_leaves_nothing(tmp_path):
  out = tmp_path / "out.safetensors"
  wrong = stream.Promise(
    name="a", shape=(2,), dtype=np.dtype(np.float32), make=lambda: np.ones(3)
  )
  with pytest.raises(errors.ShapeError, match=r"a is \(3,\) and was to be"):
    stream.write(out, [wrong])
  assert list(tmp_path.iterdir()) == []


def _write(path, header, data=b""):
  text = header if isinstance(header, bytes) else json.dumps(header).encode()
  path.write_bytes(len(text).to_bytes(8, "little") + text + data)


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
  ("header", "data", "message"),
  [
    ({"a": ONE}, bytes(7), "it says that it has"),
    ({"a": ONE | {"shape": [3]}}, bytes(8), "a has 8 bytes for F32"),
    ({"a": ONE | {"dtype": "F8_E4M3"}}, bytes(8), "dtype F8_E4M3, which"),
    ({"a": ONE | {"shape": [-2]}}, bytes(8), "does not say what a is"),
    ({"a": {"dtype": "F32"}}, bytes(8), "does not say what a is"),
    ({"a": 3}, bytes(8), "does not say what a is"),
    ([1], b"", "lists no tensors"),
    (b"{not json", b"", "header is no JSON"),
    (b"\xff\xfe", b"", "header is no JSON"),
  ],
)
def test_what_is_no_such_file_is_refused(tmp_path, header, data, message):
  path = tmp_path / "a.safetensors"
  _write(path, header, data)
  with pytest.raises(errors.WeightsError, match=message):
    tensors.header(path)


def test_a_file_cut_anywhere_is_refused(file):
  whole = file.read_bytes()
  for length in range(len(whole)):
    file.write_bytes(whole[:length])
    with pytest.raises(errors.WeightsError, match="no whole safetensors file"):
      tensors.header(file)


def test_a_file_that_is_not_there_is_refused(tmp_path):
  with pytest.raises(errors.WeightsError, match="No such file"):
    tensors.header(tmp_path / "a.safetensors")


def test_a_file_that_shrinks_meanwhile_is_noticed(file):
  found = tensors.header(file)[0]
  last = max(found.values(), key=lambda one: one.start + one.num_bytes)
  file.write_bytes(file.read_bytes()[:-1])
  with pytest.raises(errors.WeightsError, match="is cut short"):
    last.read()


@pytest.mark.parametrize(
  "shape", [(3, 3, 40, 70), (5000,), (2, 900), (1, 1, 4000), (0, 4), ()]
)
def test_large_tensors_are_written_in_pieces(tmp_path, monkeypatch, shape):
  monkeypatch.setattr(stream, "_PIECE", 1000)
  array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
  turned = np.moveaxis(array, 0, -1) if array.ndim > 1 else array
  for k, (one, dtype) in enumerate(
    [(array, np.float32), (turned, np.float32), (turned, np.float16)]
  ):
    path = tmp_path / f"{k}.safetensors"
    promise = stream.Promise(
      name="x", shape=one.shape, dtype=np.dtype(dtype), make=lambda one=one: one
    )
    stream.write(path, [promise])
    found = safetensors.numpy.load_file(path)["x"]
    np.testing.assert_array_equal(found, one.astype(dtype))
