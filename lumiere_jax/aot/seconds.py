"""Where the time of a program goes, as the TPU compiler estimates it.

Two rulers, both the compiler's, and neither is a clock:

  roofline  max(FLOPs / modelled FLOP/s, bytes / modelled bandwidth) of each
            scheduled instruction: the rule behind
            `cost_analysis()["optimal_seconds"]`. On programs without loops
            the sum agrees with it (0.1 % for products and copies, a few % in
            general). Of a program with loops that figure holds one turn of
            each, and it subtracts 1 for every instruction that the model does
            not know, so it may be negative: use this sum instead.
  cycles    `estimated_cycles` that the compiler wrote beside each fusion when
            it chose its tiles, over the rated clock: it knows how well a tile
            fills the matrix units and how long the vector units take. Where
            it wrote none, asynchronous copies and collectives take nothing
            (they are meant to be hidden) and the rest its roofline.

Every count is multiplied by how often the instruction runs. Collectives are
charged their HBM traffic by `roofline`; what they take on the wire is in
`collectives`.
"""

import collections
from collections.abc import Iterable
import dataclasses
import re

from lumiere_jax.aot import collectives
from lumiere_jax.aot import executions
from lumiere_jax.aot import flops
from lumiere_jax.aot import hlo
from lumiere_jax.aot import topology
from lumiere_jax.aot import traffic

KINDS = (
  "product",
  "elementwise",
  "copy",
  "collective",
  "kernel",
  "host",
  "other",
)
_MOVES = {
  "copy",
  "transpose",
  "reshape",
  "slice",
  "dynamic-slice",
  "dynamic-update-slice",
  "concatenate",
  "pad",
  "reverse",
  "copy-start",
  "copy-done",
  "slice-start",
  "slice-done",
  "dynamic-slice-start",
  "dynamic-slice-done",
  "dynamic-update-slice-start",
  "dynamic-update-slice-done",
}
_NOTHING = {
  "parameter",
  "constant",
  "bitcast",
  "tuple",
  "get-tuple-element",
  "broadcast",
  "iota",
}
_ODD = {"sort", "rng", "rng-bit-generator", "scatter", "gather", "custom-call"}
_SUFFIX = re.compile(r"-(start|done)$")


@dataclasses.dataclass(frozen=True)
class Row:
  """One scheduled instruction.

  Attributes:
    name: of the instruction.
    kind: one of `KINDS`.
    executions: how often it runs.
    flops: of all executions together.
    nbytes: read and written, of all together.
    roofline: seconds, of all together.
    cycles: seconds, of all together.
    op_name: path of names from the JAX program.
    source: "file:line".
    shape: of the result, as printed.
  """

  name: str
  kind: str
  executions: float
  flops: float
  nbytes: float
  roofline: float
  cycles: float
  op_name: str
  source: str
  shape: str


def rows(
  module: hlo.Module,
  counts: executions.Executions,
  generation: topology.Generation,
) -> list[Row]:
  """All scheduled instructions that take any time, in program order."""
  found = []
  for name, times in counts.counts.items():
    if name in counts.fused:
      continue
    computation = module.computations[name]
    for one in computation:
      if one.opcode in traffic.FREE:
        continue
      row = _row(module, computation, one, times, generation)
      if row.roofline or row.cycles:
        found.append(row)
  return found


def by_kind(found: Iterable[Row]) -> dict[str, dict[str, float]]:
  """Kind to sums of "roofline", "cycles", "flops" and "nbytes"."""
  sums = {kind: collections.Counter() for kind in KINDS}
  for row in found:
    sums[row.kind].update(
      roofline=row.roofline,
      cycles=row.cycles,
      flops=row.flops,
      nbytes=row.nbytes,
    )
  return {kind: dict(sums[kind]) for kind in KINDS if sums[kind]}


def by_operation(found: Iterable[Row]) -> dict[tuple[str, str], float]:
  """Roofline seconds of each kind and JAX primitive, the longest first.

  What the compiler fused has the name of one of its parts: "reduce_sum" is
  mostly the statistics of norms with whatever was computed on the way.
  """
  spent: dict[tuple[str, str], float] = collections.defaultdict(float)
  for row in found:
    spent[row.kind, row.op_name.split("/")[-1] or "none"] += row.roofline
  return dict(sorted(spent.items(), key=lambda entry: -entry[1]))


def _row(module, computation, one, times, generation) -> Row:
  work = flops.inside(module, computation, one)
  nbytes = traffic.of(module, computation, one)
  roofline = max(
    work / generation.modelled_flops, nbytes / generation.modelled_bandwidth
  )
  kind = kind_of(module, one)
  hidden = kind in ("collective", "host") or _SUFFIX.search(one.opcode)
  cycles = 0.0 if hidden else roofline
  if one.cycles is not None and generation.clock:
    cycles = one.cycles / generation.clock
  return Row(
    name=one.name,
    kind=kind,
    executions=times,
    flops=work * times,
    nbytes=nbytes * times,
    roofline=roofline * times,
    cycles=cycles * times,
    op_name=one.op_name,
    source=module.source(one),
    shape=one.shape_text,
  )


def kind_of(module: hlo.Module, one: hlo.Instruction) -> str:
  """Which of `KINDS` an instruction is of.

  product      convolutions and dots, with all that is fused to them
  elementwise  arithmetic and reductions without a product
  copy         moves, changes of layout, slices
  collective   between devices, or between slices
  kernel       Pallas
  host         to or from the host's memory
  other        sorts, random bits, scatters, gathers, the compiler's own calls
  """
  opcodes = _opcodes(module, one)
  if opcodes & {"convolution", "dot"}:
    return "product"
  if opcodes & collectives.OPCODES or one.opcode.startswith(("send", "recv")):
    return "collective"
  if one.opcode == "custom-call" and "tpu_custom_call" in one.attributes:
    return "kernel"
  if any(shape.space == hlo.HOST_SPACE for shape in one.shapes):
    return "host"
  if opcodes & _ODD:
    return "other"
  return "copy" if opcodes <= _MOVES | _NOTHING else "elementwise"


def _opcodes(module: hlo.Module, one: hlo.Instruction) -> set[str]:
  if one.opcode != "fusion":
    return {one.opcode}
  return {
    opcode
    for _, name in one.called
    for inner in module.computations[name]
    for opcode in _opcodes(module, inner)
  }
