"""Opens torch's `.bin` files by an unpickler that makes nothing but tensors.

A pickle is a program: opening one from somewhere runs what its author wished.
So they are refused unless asked for, and then only the few names that a table
of tensors needs are known; any other is an error before anything is made.
The file is a zip with `data.pkl`, and each storage's bytes as a member that is
not compressed, so that tensors can be read where they lie.
"""

from collections.abc import Callable, Mapping
import dataclasses
import io
import math
import pathlib
import pickle
import struct
from typing import Any
import zipfile

import jax.numpy as jnp
import numpy as np

from lumiere_jax import errors
from lumiere_jax.interop import tensors

_STORAGES = {
  "DoubleStorage": np.float64,
  "FloatStorage": np.float32,
  "HalfStorage": np.float16,
  "BFloat16Storage": jnp.bfloat16,
  "LongStorage": np.int64,
  "IntStorage": np.int32,
  "ShortStorage": np.int16,
  "CharStorage": np.int8,
  "ByteStorage": np.uint8,
  "BoolStorage": np.bool_,
}
_LOCAL_HEADER = 30  # bytes of a member's own header, before its two names


@dataclasses.dataclass(frozen=True)
class _Storage:
  """A storage as the pickle names it: of what, and which member of the zip."""

  dtype: np.dtype
  key: str


@dataclasses.dataclass(frozen=True)
class _View:
  """A tensor as the pickle describes it, in elements of its storage."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


def refusal(path: pathlib.Path) -> errors.WeightsError:
  """Why a pickle is not opened, and what to do."""
  return errors.WeightsError(
    f"{path} is a pickle, which may run what its author wished when it is "
    "opened; take the .safetensors of the same model, or give --allow-pickle "
    "to open it with an unpickler that makes tensors alone."
  )


def header(path: pathlib.Path) -> dict[str, tensors.Tensor]:
  """What a file holds, without reading it.

  Raises:
    WeightsError: it is no zip of torch's, or asks for more than tensors.
  """
  try:
    with zipfile.ZipFile(path) as archive:
      names = archive.namelist()
      inside = next(n for n in names if n.endswith("/data.pkl"))
      views = _Unpickler(io.BytesIO(archive.read(inside)), path).load()
      root = inside.removesuffix("data.pkl")
      return dict(_located(path, archive, root, views))
  except errors.WeightsError:
    raise
  except Exception as error:  # what a pickle can raise has no bounds
    raise errors.WeightsError(
      f"{path} is no file that torch saved as a zip ({type(error).__name__}: "
      f"{error}); take the .safetensors of the same model."
    ) from error


def _located(path, archive: zipfile.ZipFile, root: str, views: Any):
  if not isinstance(views, Mapping):
    raise errors.WeightsError(
      f"{path} holds a {type(views).__name__} and no table of tensors; give "
      "a file of weights."
    )
  for name, view in views.items():
    if not isinstance(view, _View):
      continue  # numbers and text that stand between the tensors
    member = archive.getinfo(f"{root}data/{view.storage.key}")
    begin = _start(path, member) + view.offset * view.storage.dtype.itemsize
    size = math.prod(view.shape)
    end = (view.offset + size) * view.storage.dtype.itemsize
    if view.strides != _row_by_row(view.shape) or end > member.file_size:
      raise errors.WeightsError(
        f"{path}: {name} does not lie in its storage row by row; save the "
        "model again with its tensors contiguous."
      )
    yield (
      str(name),
      tensors.Tensor(
        name=str(name),
        shape=view.shape,
        dtype=view.storage.dtype,
        path=path,
        start=begin,
      ),
    )


def _start(path: pathlib.Path, member: zipfile.ZipInfo) -> int:
  """Where a member's bytes begin; its own header says, not the directory."""
  if member.compress_type != zipfile.ZIP_STORED:
    raise errors.WeightsError(
      f"{path}: {member.filename} is compressed, which torch never writes; "
      "copy the file again from where it was made."
    )
  with path.open("rb") as file:
    file.seek(member.header_offset)
    name, extra = struct.unpack("<HH", file.read(_LOCAL_HEADER)[26:30])
  return member.header_offset + _LOCAL_HEADER + name + extra


def _row_by_row(shape: tuple[int, ...]) -> tuple[int, ...]:
  return tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))


class _Table(dict):
  """An OrderedDict, on which modules hang notes of their own."""


class _Unpickler(pickle.Unpickler):
  """Knows tables, tensors and their storages; nothing else has a name."""

  def __init__(self, file, path: pathlib.Path):
    super().__init__(file)
    self._path = path

  def find_class(self, module: str, name: str) -> Callable:
    if (module, name) == ("collections", "OrderedDict"):
      return _Table
    if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
      return _rebuild
    if (module, name) == ("torch._utils", "_rebuild_parameter"):
      return lambda data, *_: data
    if module == "torch" and name in _STORAGES:
      return np.dtype(_STORAGES[name])
    raise errors.WeightsError(
      f"{self._path} asks for {module}.{name} when it is opened, and tensors "
      "need no such thing; do not trust it, and take the .safetensors of the "
      "same model."
    )

  def persistent_load(self, pid: Any) -> _Storage:
    _, dtype, key, *_ = pid
    return _Storage(dtype, str(key))


def _rebuild(storage, offset, shape, strides, *_) -> _View:
  # Lengths of one axis have any stride.
  shape = tuple(int(n) for n in shape)
  rows = _row_by_row(shape)
  strides = tuple(
    row if length == 1 else int(stride)
    for length, stride, row in zip(shape, strides, rows, strict=True)
  )
  return _View(storage, int(offset), shape, strides)
