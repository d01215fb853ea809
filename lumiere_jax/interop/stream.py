"""Writes a safetensors file tensor by tensor.

The library writes what is in memory as a whole; here each tensor is made when
its turn comes, and forgotten after it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import json
import math
import os

import numpy as np

from lumiere_jax import errors
from lumiere_jax.interop import tensors
from lumiere_jax.video import atomic

_NAMES = {dtype: name for name, dtype in tensors.DTYPES.items()}
_ALIGNED, _PIECE = 8, 2**20


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
      for piece in _pieces(_made(promise), promise.dtype):
        file.write(piece)
        del piece  # or the last one keeps the tensor while the next is made
      if on_tensor:
        on_tensor(k + 1, len(promises))


def _made(promise: Promise) -> np.ndarray:
  array = np.asarray(promise.make())
  if array.shape != promise.shape:
    raise errors.ShapeError(
      f"{promise.name} is {array.shape} and was to be {promise.shape}."
    )
  return array


def _pieces(array: np.ndarray, dtype: np.dtype) -> Iterator[memoryview]:
  """Its bytes in order, a megabyte at a time.

  What is to be written may be a view with its axes in another order, or of
  another dtype: a copy of the whole would take its room once more.
  """
  if array.nbytes <= _PIECE or array.ndim == 0:
    array = np.asarray(array, dtype, order="C")
    yield memoryview(array.reshape(-1).view(np.uint8))
    return
  rows = _PIECE * len(array) // array.nbytes
  if rows == 0:
    for part in array:
      yield from _pieces(part, dtype)
  for start in range(0, len(array) if rows else 0, max(rows, 1)):
    yield from _pieces(array[start : start + rows], dtype)


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
