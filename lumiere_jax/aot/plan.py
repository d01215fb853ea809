"""What the TPU compiler says of a recipe on TPUs that are not here.

One `Plan` is one compilation: whether the program fits, where its memory
goes, how fast the compiler believes it to be and what it sends between chips.
None of it is measured on a TPU, and nothing here says that it was.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import math
import time
from typing import Any

import jax

from lumiere_jax import errors
from lumiere_jax.aot import collectives
from lumiere_jax.aot import executions
from lumiere_jax.aot import hlo
from lumiere_jax.aot import memory
from lumiere_jax.aot import seconds
from lumiere_jax.aot import topology
from lumiere_jax.aot import verdict

GIB = 2**30
_NUM_SLOWEST = 12
# How hard the compiler tries; the lower one compiles ten times as fast. It
# chooses poor tiles, which the roofline does not see and `cycles` does.
EFFORTS = {
  "low": (
    {"exec_time_optimization_effort": -1.0, "memory_fitting_effort": -1.0}
    if jax.__version_info__ < (0, 11)
    else {"optimization_level": 9}  # what the same is called there: EFFORT_O0
  ),
  "full": {},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
  """A program that is traced and yet to be compiled.

  Attributes:
    lowered: the traced program.
    classes: name of a class of its arguments -> them, abstract and sharded.
    flops: that its mathematics asks for, all devices together.
    what: said of it in the plan: stage, mesh, clips, front.
    trace_seconds: what tracing took.
  """

  lowered: jax.stages.Lowered
  classes: Mapping[str, Any]
  flops: float
  what: Mapping[str, Any]
  trace_seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What the compiler said; a device is a chip but for tpu7x.

  Attributes:
    what: recipe, stage, mesh, clips and knobs, as given.
    topology: such as "v5e:16x16".
    num_slices: slices of it.
    num_devices: all of them together.
    effort: see `EFFORTS`.
    fits: whether it compiled, and all that it allocates finds room.
    hbm_limit_gib: what one program may use.
    hbm_gib: what it uses, or asked for.
    gib: by class: of arguments those of `Work.classes`, then "temporaries"
      (activations, gathered weights, workspace), "code", "host".
    model_tflops: a device; see `model_flops`.
    executed_tflops: a device; products and convolutions in the optimised
      program, those computed again included.
    roofline_seconds: compiler's estimate of a step; see `seconds`.
    cycle_seconds: likewise, by its own tiles; of little use at low effort.
    executed_share: of the rated peak, by the roofline.
    mfu: likewise, of model FLOPs.
    seconds_by_kind: kind of operation -> {"roofline", "cycles"}.
    slowest: operations other than products that take most by the roofline,
      wherever they are: {"seconds", "kind", "operation"}.
    collectives: "ICI all-gather" -> {"gib", "executions"} a device.
    trace_seconds: time that tracing took here.
    compile_seconds: and compiling.
    largest: op names of the largest allocations, where it does not fit.
  """

  what: Mapping[str, Any]
  topology: str
  num_slices: int
  num_devices: int
  effort: str
  fits: bool
  hbm_limit_gib: float
  hbm_gib: float
  gib: Mapping[str, float] = dataclasses.field(default_factory=dict)
  model_tflops: float = 0.0
  executed_tflops: float = 0.0
  roofline_seconds: float | None = None
  cycle_seconds: float | None = None
  executed_share: float | None = None
  mfu: float | None = None
  seconds_by_kind: Mapping[str, Mapping[str, float]] = dataclasses.field(
    default_factory=dict
  )
  collectives: Mapping[str, Mapping[str, float]] = dataclasses.field(
    default_factory=dict
  )
  slowest: Sequence[Mapping[str, Any]] = ()
  trace_seconds: float = 0.0
  compile_seconds: float = 0.0
  largest: tuple[str, ...] = ()


def make(
  work: Work, where: topology.Topology, effort: str = "low"
) -> tuple[Plan, jax.stages.Compiled | None]:
  """Compiles, and reads what comes out; None where it does not fit.

  Raises:
    ConfigError: an unknown effort.
  """
  errors.require_one_of("effort", effort, tuple(EFFORTS))
  common = dict(
    what=dict(work.what),
    topology=where.name,
    num_slices=where.num_slices,
    num_devices=where.num_devices,
    effort=effort,
    model_tflops=work.flops / where.num_devices / 1e12,
    trace_seconds=work.trace_seconds,
  )
  gib = {name: device_bytes(x) / GIB for name, x in work.classes.items()}
  started = time.monotonic()
  try:
    compiled = work.lowered.compile(compiler_options=EFFORTS[effort])
  except jax.errors.JaxRuntimeError as error:
    refusal = verdict.parse(error)
    if refusal is None or refusal.space != "hbm":
      raise
    refused = Plan(
      fits=False,
      hbm_limit_gib=refusal.limit / GIB,
      hbm_gib=refusal.used / GIB,
      gib=gib,
      compile_seconds=time.monotonic() - started,
      largest=tuple(f"{x.shape} {x.op_name}" for x in refusal.largest[:5]),
      **common,
    )
    return refused, None
  spent = time.monotonic() - started
  made = _read(compiled, where, gib, common | {"compile_seconds": spent})
  return made, compiled if made.fits else None


def _read(compiled, where, gib, common) -> Plan:
  used = memory.of(compiled)
  module = hlo.parse(compiled.as_text())
  counts = executions.count(module)
  rows = seconds.rows(module, counts, where.generation)
  sent = collectives.by_kind(
    collectives.collect(module, counts, where.devices_per_slice)
  )
  flops = sum(row.flops for row in rows)
  has_time = where.generation.has_time_model
  total = sum(row.roofline for row in rows) if has_time else None
  peak = where.generation.peak_flops
  return Plan(
    # The compiler lets pass what fits at each moment; what is allocated is the
    # sum, with the gaps between.
    fits=used.total <= where.generation.hbm_bytes,
    hbm_limit_gib=where.generation.hbm_bytes / GIB,
    hbm_gib=used.total / GIB,
    gib=gib
    | {
      "temporaries": used.temporaries / GIB,
      "code": used.code / GIB,
      "host": used.host_total / GIB,
    },
    executed_tflops=flops / 1e12,
    roofline_seconds=total,
    cycle_seconds=sum(row.cycles for row in rows) if has_time else None,
    executed_share=flops / total / peak if has_time else None,
    mfu=common["model_tflops"] * 1e12 / total / peak if has_time else None,
    seconds_by_kind={
      kind: {ruler: sums[ruler] for ruler in ("roofline", "cycles")}
      for kind, sums in seconds.by_kind(rows).items()
    },
    slowest=_slowest(rows),
    collectives={
      f"{network} {kind}": {
        "gib": sums["nbytes"] / GIB,
        "executions": sums["executions"],
      }
      for (network, kind), sums in sent.items()
    },
    **common,
  )


def _slowest(rows: Sequence[seconds.Row]) -> tuple[Mapping[str, Any], ...]:
  """What keeps the program from doing products alone."""
  others = [row for row in rows if row.kind != "product"]
  found = seconds.by_operation(others).items()
  return tuple(
    {"seconds": spent, "kind": kind, "operation": operation}
    for (kind, operation), spent in [*found][:_NUM_SLOWEST]
  )


def device_bytes(tree) -> int:
  """Bytes of a tree of sharded arrays, abstract or not, on each device."""
  return sum(
    math.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize
    for x in jax.tree.leaves(tree)
    if not jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
  )
