"""Bytes that each scheduled instruction reads and writes.

Counted as `cost_analysis()["bytes accessed"]` does: operands and results once
each, wherever they live; of an operand of which only slices are taken the
slices, and of a buffer updated in place the update. Padding of tiles counts;
reading something twice does not.
"""

from lumiere_jax.aot import flops
from lumiere_jax.aot import hlo

# What takes no time: names for values, and calls whose insides are counted.
FREE = {
  "parameter",
  "constant",
  "get-tuple-element",
  "tuple",
  "bitcast",
  "after-all",
  "partition-id",
  "replica-id",
  "opt-barrier",
  "while",
  "conditional",
  "call",
  "domain",
  "async-start",
  "async-update",
  "async-done",
  "add-dependency",
}
_SLICES = ("slice", "dynamic-slice", "gather")


def of(
  module: hlo.Module, computation: hlo.Computation, one: hlo.Instruction
) -> float:
  """Bytes read and written by one execution."""
  if one.opcode in FREE:
    return 0.0
  if one.opcode.endswith("-done"):
    # The model charges the two halves of a copy a whole one each.
    is_copy = one.opcode == "copy-done"
    return of(module, computation, computation.operand(one, 0)) * is_copy
  if one.opcode == "fusion":
    return _fusion(module, computation, one)
  if one.opcode in _SLICES:
    return 2.0 * one.padded_bytes
  if one.opcode == "dynamic-update-slice":
    return 2.0 * computation.operand(one, 1).padded_bytes
  if one.opcode.endswith("-start"):
    return 2.0 * _started(computation, one)
  if one.opcode == "custom-call" and not flops.of(computation, one):
    return 0.0  # the compiler's own: bitcasts and buffers
  return float(one.padded_bytes + sum(_operand_bytes(computation, one)))


def _started(computation: hlo.Computation, one: hlo.Instruction) -> int:
  """Bytes that an asynchronous operation brings from one place to another."""
  if one.opcode in ("slice-start", "dynamic-slice-start"):
    return one.shapes[-2].padded_bytes
  if one.opcode == "dynamic-update-slice-start":
    return computation.operand(one, 1).padded_bytes
  return sum(_operand_bytes(computation, one))


def _operand_bytes(
  computation: hlo.Computation, one: hlo.Instruction
) -> list[int]:
  return [
    computation.instructions[name].padded_bytes
    for name in one.operands
    if name in computation.instructions
  ]


def _fusion(
  module: hlo.Module, computation: hlo.Computation, one: hlo.Instruction
) -> float:
  inner = module.computations[one.called[0][1]]
  read = sum(
    _read(module, inner, parameter) for parameter in inner.parameters.values()
  )
  return read + sum(_written(inner, root) for root in _roots(inner))


def _roots(inner: hlo.Computation) -> list[hlo.Instruction]:
  if inner.root.opcode != "tuple":
    return [inner.root]
  return [inner.instructions[name] for name in inner.root.operands]


def _written(inner: hlo.Computation, root: hlo.Instruction) -> float:
  while root.opcode in ("bitcast", "copy") and root.operands:
    root = inner.operand(root, 0)
  if root.opcode == "dynamic-update-slice":
    return float(inner.operand(root, 1).padded_bytes)
  if root.opcode == "parameter":
    return 0.0
  return float(root.padded_bytes)


def _read(
  module: hlo.Module, inner: hlo.Computation, value: hlo.Instruction
) -> float:
  """Bytes of a parameter that its users look at."""
  whole = float(value.padded_bytes)
  if value.is_root:  # handed on as it is
    return whole
  found = 0.0
  for user in inner.users[value.name]:
    if user.opcode in _SLICES and user.operands[0] == value.name:
      found += user.padded_bytes
    elif (
      user.opcode == "dynamic-update-slice" and user.operands[0] == value.name
    ):
      found += inner.operand(user, 1).padded_bytes
    elif user.opcode == "bitcast":
      found += _read(module, inner, user)
    elif user.opcode == "fusion":
      nested = module.computations[user.called[0][1]]
      found += sum(
        _read(module, nested, nested.parameters[index])
        for index, name in enumerate(user.operands)
        if name == value.name
      )
    elif user.opcode == "tuple":
      continue
    else:
      return whole
  return min(found, whole)
