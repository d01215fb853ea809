"""What crosses the wires between chips (ICI) and between slices (DCN).

Bytes are those that each device sends in a ring of n devices, which is also
the least that any algorithm sends:

  all-gather          (n - 1) x operand
  reduce-scatter      (n - 1) / n x operand
  all-reduce          2 (n - 1) / n x operand
  all-to-all          (n - 1) / n x operand
  collective-permute  operand

A program for several slices is compiled for one of them: traffic between
slices is `send`s through the host, with the slices in their attributes. In
other programs a group with devices of two slices goes over DCN.

Asynchronous forms count once: `-start` and not `-done`, and of a collective cut
into steps of other fusions the first piece.
"""

import collections
from collections.abc import Iterable
import dataclasses
import math
import re

import numpy as np

from lumiere_jax.aot import executions
from lumiere_jax.aot import hlo

KINDS = (
  "all-gather",
  "all-reduce",
  "reduce-scatter",
  "all-to-all",
  "collective-permute",
)
OPCODES = {
  name for kind in KINDS for name in (kind, f"{kind}-start", f"{kind}-done")
} | {"ragged-all-to-all"}
_IOTA = re.compile(r"\[([\d,]+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?")
_GROUPS = re.compile(
  r"replica_groups=(\{\{.*?\}\}|\{\}|\[[\d,]+\]<=\[[\d,]+\](?:T\([\d,]+\))?)"
)
_PAIRS = re.compile(r"source_target_pairs=(\{\{.*?\}\}|\{\})")
_BETWEEN_SLICES = re.compile(r'_xla_megascale_transfer_type="(\w+)"')
_SLICES = re.compile(r'_xla_megascale_target="?\{([^}]*)\}')
_MEGASCALE = {"one-to-one": "collective-permute"}


@dataclasses.dataclass(frozen=True)
class Collective:
  """One collective instruction.

  Attributes:
    name: of the instruction.
    kind: one of `KINDS`.
    group_size: devices, or slices, that take part together.
    nbytes: sent by each device in one execution, see the module.
    payload: bytes of the operand on one device.
    executions: how often it runs.
    over_dcn: whether it goes between slices.
    op_name: path of names from the JAX program.
  """

  name: str
  kind: str
  group_size: int
  nbytes: float
  payload: int
  executions: float
  over_dcn: bool
  op_name: str

  @property
  def total_bytes(self) -> float:
    """Sent by each device in all executions."""
    return self.nbytes * self.executions


def collect(
  module: hlo.Module,
  counts: executions.Executions,
  devices_per_slice: int | None = None,
) -> list[Collective]:
  """All collectives of the program, those inside fusions included.

  Args:
    module: the program.
    counts: how often its computations run.
    devices_per_slice: needed where one program spans slices; by default all
      of its devices are in one.
  """
  devices_per_slice = devices_per_slice or module.num_partitions
  found = []
  for name, times in counts.counts.items():
    computation = module.computations[name]
    for one in computation:
      if _BETWEEN_SLICES.search(one.attributes) and one.opcode == "send":
        found.append(_between_slices(computation, one, times))
      elif one.opcode.removesuffix("-start") in KINDS and _is_first(
        counts, name, one
      ):
        found.append(
          _within(module, counts, computation, one, times, devices_per_slice)
        )
  return found


def by_kind(found: Iterable[Collective]) -> dict[tuple[str, str], dict]:
  """("ICI" or "DCN", kind) to {"nbytes", "executions"} of each device."""
  sums = collections.defaultdict(collections.Counter)
  for one in found:
    sums["DCN" if one.over_dcn else "ICI", one.kind].update(
      nbytes=one.total_bytes, executions=one.executions
    )
  return {key: dict(value) for key, value in sorted(sums.items())}


def expand(groups: str, num_devices: int) -> np.ndarray:
  """Replica groups as printed -> [G, n] device numbers.

  Args:
    groups: "{{0,1},{2,3}}", "[2,2]<=[2,2]T(1,0)", or "{}" for all in one.
    num_devices: used for the last form.
  """
  if found := _IOTA.fullmatch(groups):
    shape, source, order = (
      [int(one) for one in text.split(",")] if text else None
      for text in found.groups()
    )
    ids = np.arange(math.prod(source)).reshape(source)
    return ids.transpose(order).reshape(shape)
  rows = re.findall(r"\{([\d,]+)\}", groups)
  if not rows:
    return np.arange(num_devices)[None]
  return np.array([[int(one) for one in row.split(",")] for row in rows])


def ring_bytes(kind: str, size: int, payload: float) -> float:
  """Bytes that each of `size` devices sends, see the module."""
  factor = {
    "all-gather": size - 1,
    "all-reduce": 2 * (size - 1) / size,
    "reduce-scatter": (size - 1) / size,
    "all-to-all": (size - 1) / size,
    "collective-permute": 1,
  }[kind]
  return payload * factor


def _is_first(counts, name: str, one: hlo.Instruction) -> bool:
  if "async_collective_fusion_config" not in one.attributes:
    return True
  _, owner = counts.owners.get(name, (None, None))
  return owner is None or owner.name.startswith("async-collective-start")


def _payload(computation: hlo.Computation, one: hlo.Instruction) -> int:
  return sum(
    computation.instructions[operand].nbytes for operand in one.operands
  )


def _within(
  module, counts, computation, one, times, devices_per_slice
) -> Collective:
  kind = one.opcode.removesuffix("-start")
  if kind == "collective-permute":
    groups = expand(_PAIRS.search(one.attributes)[1], module.num_partitions)
    size = module.num_partitions
  else:
    found = _GROUPS.search(one.attributes)
    groups = expand(found[1] if found else "{}", module.num_partitions)
    size = groups.shape[1]
  if kind == "all-reduce" and _is_scattered(counts, computation):
    kind = "reduce-scatter"
  slices = groups // devices_per_slice
  payload = _payload(computation, one)
  return Collective(
    name=one.name,
    kind=kind,
    group_size=size,
    nbytes=ring_bytes(kind, size, payload),
    payload=payload,
    executions=times,
    over_dcn=bool((slices != slices[:, :1]).any()),
    op_name=one.op_name,
  )


def _is_scattered(counts, computation: hlo.Computation) -> bool:
  # The compiler's reduce-scatter: an all-reduce of which a slice is kept.
  return computation.name in counts.fused and computation.root.opcode in (
    "dynamic-slice",
    "slice",
  )


def _between_slices(computation, one: hlo.Instruction, times) -> Collective:
  found = _BETWEEN_SLICES.search(one.attributes)[1].lower().replace("_", "-")
  kind = _MEGASCALE.get(found, found)
  target = _SLICES.search(one.attributes)
  # One to one is printed as pairs.
  size = max(2, len(target[1].split(",")) if target else 0)
  payload = computation.operand(one, 0).nbytes
  return Collective(
    name=one.name,
    kind=kind,
    group_size=size,
    nbytes=ring_bytes(kind, size, payload),
    payload=payload,
    executions=times,
    over_dcn=True,
    op_name=one.op_name or _rendezvous(one),
  )


def _rendezvous(one: hlo.Instruction) -> str:
  found = re.search(r'rendezvous="([^"]*)"', one.attributes)
  return found[1] if found else ""
