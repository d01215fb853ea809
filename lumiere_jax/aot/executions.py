"""How often each computation of a program runs.

`cost_analysis()` counts the body of a loop once, however often it turns, so
what it says of a scanned network is wrong by the number of layers. Here a body
counts as often as its loop turns. TPU programs do not carry that number; it is
derived, as people would, from the condition (`i < 12`), the first value of `i`
and the step of the body. Of a conditional the branch with the most FLOPs
counts, as in `cost_analysis()`.
"""

import dataclasses
import re

from lumiere_jax.aot import flops
from lumiere_jax.aot import hlo

_SAME = ("copy", "bitcast", "convert", "reshape", "copy-start", "copy-done")
_KNOWN = re.compile(r'"?known_trip_count"?:\{"n":"?(\d+)"?\}')


@dataclasses.dataclass
class Executions:
  """Counts for one run of the program.

  Attributes:
    counts: executions of each computation that runs, by name.
    fused: computations inside fusions; their instructions are not scheduled.
    owners: for those, the fusion that calls them, as (computation name,
      instruction); of several, one.
    unknown: names of loops whose turns could not be derived, counted once.
  """

  counts: dict[str, float]
  fused: set[str]
  owners: dict[str, tuple[str, hlo.Instruction]]
  unknown: list[str]


def count(module: hlo.Module) -> Executions:
  """Walks the program from its entry down."""
  found = Executions({module.entry.name: 1.0}, set(), {}, [])
  # Callees are printed before their callers.
  for computation in reversed(module.computations.values()):
    times = found.counts.get(computation.name, 0.0)
    if not times:
      continue
    for one in computation:
      for how, name in _executed(module, one):
        turns = _turns(found, module, computation, one, how)
        found.counts[name] = found.counts.get(name, 0.0) + times * turns
        if one.opcode == "fusion" or computation.name in found.fused:
          found.fused.add(name)
          found.owners[name] = (computation.name, one)
        elif one.opcode == "while" and how == "body":
          found.owners[name] = (computation.name, one)
  return found


def _executed(
  module: hlo.Module, one: hlo.Instruction
) -> list[tuple[str, str]]:
  if one.opcode == "conditional":
    return [max(one.called, key=lambda pair: flops.total(module, pair[1]))]
  if one.opcode in ("fusion", "while", "call", "async-start", "custom-call"):
    return [pair for pair in one.called if pair[1] in module.computations]
  return []


def _turns(found, module, computation, one, how) -> float:
  if one.opcode != "while":
    return 1.0
  turns = trip_count(module, computation, one, found.owners)
  if turns is None:
    if how == "body":
      found.unknown.append(one.name)
    return 1.0
  return turns if how == "body" else turns + 1.0


def trip_count(
  module: hlo.Module,
  computation: hlo.Computation,
  loop: hlo.Instruction,
  owners: dict[str, tuple[str, hlo.Instruction]] | None = None,
) -> int | None:
  """How often a `while` turns; None if that depends on data.

  Args:
    module: the program.
    computation: where the loop is.
    loop: the instruction.
    owners: loops that call computations, for limits that come from outside.
  """
  if known := _KNOWN.search(loop.attributes):
    return int(known[1])
  called = dict(loop.called)
  body = module.computations[called["body"]]
  test = _comparison(module, module.computations[called["condition"]])
  if test is None:
    return None
  moving, limit, direction = test
  if not _step(module, body, moving[0]):
    moving, limit, direction = limit, moving, _FLIPPED.get(direction, direction)
  step = _step(module, body, moving[0])
  if not step or _step(module, body, limit[0]) not in (0, None):
    return None
  outer = _Scope(module, computation, owners or {})
  first = outer.start(loop, moving)
  last = outer.start(loop, limit)
  if first is None or last is None:
    return None
  return _turns_until(first, step, last, direction)


def _turns_until(first: int, step: int, limit: int, how: str) -> int | None:
  distance = (limit - first) * (1 if step > 0 else -1)
  if how == "NE":
    return distance // abs(step) if distance % step == 0 else None
  if how == "EQ" or (how in ("LT", "LE")) != (step > 0):
    return None
  if how in ("LE", "GE"):  # the limit itself still passes
    return max(0, distance // abs(step) + 1)
  return max(0, -(-distance // abs(step)))


# A scalar: (element of the loop's state or None, what is added to it).
_Value = tuple[int | None, int]
_FLIPPED = {"LT": "GT", "GT": "LT", "LE": "GE", "GE": "LE"}


def _comparison(
  module: hlo.Module, condition: hlo.Computation
) -> tuple[_Value, _Value, str] | None:
  scope, test = _Scope(module, condition, {}).origin(condition.root)
  if test.opcode != "compare":
    return None
  left, right = (scope.value(name) for name in test.operands)
  if left is None or right is None:
    return None
  return left, right, test.attribute("direction")


def _step(
  module: hlo.Module, body: hlo.Computation, index: int | None
) -> int | None:
  """What a turn adds to an element; None if it is no element, or unclear."""
  if index is None:
    return None
  scope, root = _Scope(module, body, {}).origin(body.root)
  if root.opcode != "tuple":
    return None
  value = scope.value(root.operands[index])
  return value[1] if value and value[0] == index else None


@dataclasses.dataclass
class _Scope:
  """A computation, and what its parameters stand for."""

  module: hlo.Module
  computation: hlo.Computation
  owners: dict[str, tuple[str, hlo.Instruction]]
  caller: tuple["_Scope", hlo.Instruction] | None = None

  def origin(self, one: hlo.Instruction) -> tuple["_Scope", hlo.Instruction]:
    """Follows copies, and fusions into the instruction that they compute."""
    while True:
      if one.opcode in (*_SAME, "opt-barrier") and one.operands:
        one = self.computation.operand(one, 0)
      elif one.opcode == "fusion":
        inner = self.module.computations[one.called[0][1]]
        scope = _Scope(self.module, inner, {}, (self, one))
        return scope.origin(inner.root)
      elif one.opcode == "parameter" and self.caller:
        scope, call = self.caller
        inside = scope.computation.operand(call, int(one.operand_text))
        return scope.origin(inside)
      else:
        return self, one

  def value(self, name: str) -> _Value | None:
    """A scalar integer in terms of the state of the loop; None if unclear."""
    if name not in self.computation.instructions:
      return None
    scope, one = self.origin(self.computation.instructions[name])
    if one.opcode == "constant":
      text = one.operand_text.strip()
      return (None, int(text)) if re.fullmatch(r"-?\d+", text) else None
    if one.opcode == "get-tuple-element":
      return scope._element_of(one)
    if one.opcode in ("add", "subtract"):
      left, right = (scope.value(operand) for operand in one.operands)
      if left is None or right is None:
        return None
      if one.opcode == "subtract":
        right = (right[0], -right[1]) if right[0] is None else None
      if right is None or (left[0] is not None and right[0] is not None):
        return None
      index = left[0] if left[0] is not None else right[0]
      return index, left[1] + right[1]
    return None

  def _element_of(self, one: hlo.Instruction) -> _Value | None:
    index = int(one.attribute("index"))
    scope, whole = self.origin(self.computation.operand(one, 0))
    if whole.opcode == "parameter":
      return index, 0
    if whole.opcode == "tuple":
      return scope.value(whole.operands[index])
    if whole.opcode == "while":
      body = scope.module.computations[dict(whole.called)["body"]]
      if _step(scope.module, body, index) == 0:
        start = scope.computation.operand(whole, 0)
        if start.opcode == "tuple":
          return scope.value(start.operands[index])
    return None

  def start(self, loop: hlo.Instruction, value: _Value) -> int | None:
    """The number that a value of a loop's state has before its first turn."""
    index, offset = value
    if index is None:
      return offset
    scope, state = self.origin(self.computation.operand(loop, 0))
    if state.opcode != "tuple":
      return None
    found = scope.value(state.operands[index])
    if found is None or found[0] is None:
      return found[1] + offset if found else None
    # It comes from around: from the state of a loop that never changes it.
    name, owner = self.owners.get(self.computation.name, (None, None))
    if name is None or owner.opcode != "while":
      return None
    if _step(self.module, self.computation, found[0]) != 0:
      return None
    around = _Scope(self.module, self.module.computations[name], self.owners)
    return around.start(owner, (found[0], found[1] + offset))
