"""One safetensors file, whose tensors are read when they are wanted.

The format (huggingface.co/docs/safetensors): eight bytes that say how long the
header is, the header as JSON, and the bytes of all tensors, little end first.
The library of that name reads whole files, or no bfloat16 into numpy; a file of
10 GB is to pass through the memory of its largest tensor.
"""

from collections.abc import Mapping
import dataclasses
import json
import math
import os
import pathlib

import jax.numpy as jnp
import numpy as np

from lumiere_jax import errors

DTYPES = {
  "F64": np.dtype(np.float64),
  "F32": np.dtype(np.float32),
  "F16": np.dtype(np.float16),
  "BF16": np.dtype(jnp.bfloat16),
  "I64": np.dtype(np.int64),
  "I32": np.dtype(np.int32),
  "I16": np.dtype(np.int16),
  "I8": np.dtype(np.int8),
  "U8": np.dtype(np.uint8),
  "BOOL": np.dtype(np.bool_),
}
# As the reference implementation bounds it.
_LONGEST_HEADER = 100_000_000
_METADATA = "__metadata__"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tensor:
  """Where a tensor is.

  Attributes:
    name: as the file calls it.
    shape: its axes' lengths.
    dtype: of its numbers.
    path: file that holds it.
    start: of its first byte in the file.
  """

  name: str
  shape: tuple[int, ...]
  dtype: np.dtype
  path: pathlib.Path
  start: int

  @property
  def num_bytes(self) -> int:
    """How much memory `read` takes."""
    return math.prod(self.shape) * self.dtype.itemsize

  def read(self) -> np.ndarray:
    """Its numbers, as they are stored.

    Raises:
      WeightsError: the file has become shorter since it was opened.
    """
    with self.path.open("rb") as file:
      file.seek(self.start)
      data = np.fromfile(file, self.dtype, math.prod(self.shape))
    if data.size != math.prod(self.shape):
      raise _broken(self.path, f"{self.name} is cut short")
    return data.reshape(self.shape)


def header(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict[str, str]]:
  """What a file holds, without reading it: its tensors and its metadata.

  Raises:
    WeightsError: it is not there, cut short, or no safetensors file.
  """
  path = pathlib.Path(path)
  size, said, start = _read_header(path)
  metadata = said.pop(_METADATA, {})
  found = {name: _tensor(path, name, it, start) for name, it in said.items()}
  end = max((t.start + t.num_bytes for t in found.values()), default=start)
  if end > size:
    raise _broken(path, f"it says that it has {end} bytes and has {size}")
  return found, metadata


def _read_header(path: pathlib.Path) -> tuple[int, dict, int]:
  try:
    size = path.stat().st_size
    with path.open("rb") as file:
      length = int.from_bytes(file.read(8), "little")
      if size < 8 or length > min(_LONGEST_HEADER, size - 8):
        raise _broken(path, f"its header does not fit into its {size} bytes")
      said = json.loads(file.read(length))
  except OSError as error:
    raise errors.WeightsError(
      f"{path} cannot be read ({error.strerror}); give a .safetensors file."
    ) from error
  except ValueError as error:
    raise _broken(path, "its header is no JSON") from error
  if not isinstance(said, dict):
    raise _broken(path, "its header lists no tensors")
  return size, said, 8 + length


def _tensor(path: pathlib.Path, name: str, it: Mapping, start: int) -> Tensor:
  try:
    kind, shape, (low, high) = it["dtype"], it["shape"], it["data_offsets"]
    shape = tuple(int(n) for n in shape)
    if min(shape, default=0) < 0 or not 0 <= low <= high:
      raise ValueError
  except (KeyError, TypeError, ValueError) as error:
    raise _broken(path, f"it does not say what {name} is") from error
  if kind not in DTYPES:
    raise errors.WeightsError(
      f"{path}: {name} is of dtype {kind}, which is not read here; convert it "
      "to F32, F16 or BF16."
    )
  dtype = DTYPES[kind]
  if high - low != math.prod(shape) * dtype.itemsize:
    raise _broken(path, f"{name} has {high - low} bytes for {kind} {shape}")
  return Tensor(
    name=name, shape=shape, dtype=dtype, path=path, start=start + low
  )


def _broken(path: pathlib.Path, why: str) -> errors.WeightsError:
  return errors.WeightsError(
    f"{path} is no whole safetensors file: {why}; copy it again from where it "
    "was made."
  )
