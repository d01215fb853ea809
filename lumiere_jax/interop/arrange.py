"""Axes of kernels: ours end with what comes out, PyTorch's begin with it."""

from collections.abc import Sequence

import numpy as np


def from_torch(array: np.ndarray, ndim: int) -> np.ndarray:
  """A PyTorch parameter as ours, a view.

  Args:
    array: [out, in, ...] of a layer with a kernel, or one of any other kind.
    ndim: of ours; a table of one row is a vector here.
  """
  if ndim < 2:
    return array.reshape(-1)
  return np.moveaxis(array, (0, 1), (-1, -2))


def to_torch(array: np.ndarray) -> np.ndarray:
  """Undoes `from_torch`, but for tables of one row."""
  if array.ndim < 2:
    return array
  return np.moveaxis(array, (-1, -2), (0, 1))


def torch_shape(shape: Sequence[int]) -> tuple[int, ...]:
  """The shape of `to_torch`."""
  if len(shape) < 2:
    return tuple(shape)
  *rest, inner, outer = shape
  return (outer, inner, *rest)
