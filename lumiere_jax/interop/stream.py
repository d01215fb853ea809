"""Writes a safetensors file tensor by tensor.

The library writes what is in memory as a whole; here each tensor is made when
its turn comes, and forgotten after it.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import json
import math
import os

import numpy as np

from lumiere_jax import errors
from lumiere_jax.interop import tensors
from lumiere_jax.video import atomic

_NAMES = {dtype: name for name, dtype in tensors.DTYPES.items()}
_ALIGNED = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Promise:
  """A tensor that is to be written.

  Attributes:
    name: what to call it.
    shape: its axes' lengths.
    dtype: of its numbers; one of `tensors.DTYPES`.
    make: () -> the array, of that shape; it is rounded to `dtype`.
  """

  name: str
  shape: tuple[int, ...]
  dtype: np.dtype
  make: Callable[[], np.ndarray]

  @property
  def num_bytes(self) -> int:
    """How long it is in the file."""
    return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def write(
  out: str | os.PathLike,
  promises: Sequence[Promise],
  metadata: Mapping[str, str] | None = None,
  on_tensor: Callable[[int, int], None] | None = None,
) -> None:
  """Writes a whole file, or none.

  Args:
    out: where; what stands there is replaced at the end.
    promises: tensors, in the order in which they are made and written.
    metadata: text by name, for the header.
    on_tensor: called with how many are written and how many there are.

  Raises:
    OutputError: it could not be written.
    ShapeError: what was made is not of the shape that was promised.
  """
  with atomic.replacing(out) as path, path.open("wb") as file:
    file.write(_header(promises, metadata or {}))
    for k, promise in enumerate(promises):
      file.write(_kept(promise))
      if on_tensor:
        on_tensor(k + 1, len(promises))


def _kept(promise: Promise) -> memoryview:
  array = np.asarray(promise.make())
  if array.shape != promise.shape:
    raise errors.ShapeError(
      f"{promise.name} is {array.shape} and was to be {promise.shape}."
    )
  array = np.asarray(array, promise.dtype, order="C")  # one copy at most
  return memoryview(array.reshape(-1).view(np.uint8))


def _header(promises: Sequence[Promise], metadata: Mapping[str, str]) -> bytes:
  said, end = {"__metadata__": dict(metadata)} if metadata else {}, 0
  for promise in promises:
    start, end = end, end + promise.num_bytes
    said[promise.name] = {
      "dtype": _NAMES[np.dtype(promise.dtype)],
      "shape": list(promise.shape),
      "data_offsets": [start, end],
    }
  text = json.dumps(said, separators=(",", ":")).encode()
  text += b" " * (-len(text) % _ALIGNED)
  return len(text).to_bytes(8, "little") + text
