"""FLOPs that convolutions, dots and our own kernels execute.

On TPU every matrix product has become a `convolution` when the compiler is
done, batch axes as spatial ones among them; a multiply-add is 2 FLOPs, and
those with padding are not counted (as XLA's own HloCostAnalysis does).
Elementwise arithmetic is left out: under 2 % of a network's. A Pallas kernel
executes what its `cost_estimate` says, nothing if it says nothing.
"""

import functools
import math
import re

import numpy as np

from lumiere_jax.aot import hlo

_KERNEL = re.compile(r'"cost_estimate":\{"flops":"?(\d+)')
_PAIR = re.compile(r"(-?\d+)_(-?\d+)")


def of(computation: hlo.Computation, one: hlo.Instruction) -> float:
  """FLOPs of one instruction itself; of a fusion, see `inside`."""
  if one.opcode == "convolution":
    return _convolution(computation, one)
  if one.opcode == "dot":
    return _dot(computation, one)
  if one.opcode == "custom-call":
    found = _KERNEL.search(one.attributes)
    return float(found[1]) if found else 0.0
  return 0.0


def inside(
  module: hlo.Module, computation: hlo.Computation, one: hlo.Instruction
) -> float:
  """FLOPs of one instruction with all that it fuses."""
  own = of(computation, one)
  if one.opcode == "fusion":
    own += sum(total(module, name) for _, name in one.called)
  return own


def total(module: hlo.Module, name: str) -> float:
  """FLOPs of a computation with all that it calls, loops counted once."""
  computation = module.computations[name]
  found = 0.0
  for one in computation:
    found += of(computation, one)
    if one.opcode in ("fusion", "call", "while", "conditional", "async-start"):
      found += sum(
        total(module, callee)
        for _, callee in one.called
        if callee in module.computations
      )
  return found


def _dot(computation: hlo.Computation, one: hlo.Instruction) -> float:
  left = computation.operand(one, 0).shape.dims
  axes = one.attribute("lhs_contracting_dims")
  summed = math.prod(left[int(axis)] for axis in axes.split(",") if axis)
  return 2.0 * one.shape.size * summed


def _convolution(computation: hlo.Computation, one: hlo.Instruction) -> float:
  left = computation.operand(one, 0).shape.dims
  right = computation.operand(one, 1).shape.dims
  labels = re.split(r"_|->", one.attribute("dim_labels"))
  size = [
    dict(zip(label, dims, strict=True))
    for label, dims in zip(labels, (left, right, one.shape.dims), strict=True)
  ]
  window = _window(one.attribute("window"))
  spatial = sorted(label for label in size[2] if label.isdigit())
  positions = math.prod(
    _positions(
      size[0][axis],
      size[1][axis],
      size[2][axis],
      *(window[key][int(axis)] for key in _WINDOW) if window else (1, 0, 1, 1),
    )
    for axis in spatial
  )
  groups = int(one.attribute("feature_group_count") or 1)
  batches = int(one.attribute("batch_group_count") or 1)
  return (
    2.0
    * (size[0]["f"] // groups)
    * size[2]["f"]
    * (size[0]["b"] // batches)
    * positions
  )


_WINDOW = ("stride", "pad", "lhs_dilate", "rhs_dilate")


def _window(text: str) -> dict[str, list[int]]:
  """Numbers for each spatial axis; of the padding, the low one."""
  if not text:
    return {}
  parts = dict(part.split("=") for part in text.split())
  rank = len(parts["size"].split("x"))
  found = {key: [1] * rank for key in _WINDOW} | {"pad": [0] * rank}
  for key in set(_WINDOW) & set(parts):
    found[key] = [
      int(_PAIR.match(one)[1]) if key == "pad" else int(one)
      for one in parts[key].split("x")
    ]
  return found


@functools.cache
def _positions(
  size: int,
  taps: int,
  outputs: int,
  stride: int,
  pad: int,
  lhs_dilate: int,
  rhs_dilate: int,
) -> int:
  """Pairs of an output and a tap that meet an element, not padding or gaps."""
  reach = (size - 1) * lhs_dilate + 1
  starts = np.arange(outputs) * stride - pad
  found = 0
  for tap in range(taps):
    at = starts + tap * rhs_dilate
    found += int(np.sum((at >= 0) & (at < reach) & (at % lhs_dilate == 0)))
  return found
