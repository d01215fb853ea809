"""Ways to compute attention, by what the TPU compiler makes of them.

`lumiere compare attention` compiles forward and backward pass of attention at
the sizes of the full-size recipes, for a TPU that need not be here: all logits
at once, queries a chunk at a time (`nn/softmax_attention.py`), and the Pallas
kernel that JAX ships.  The compiler knows nothing of the inside of a kernel:
its time is reckoned as the better of what its products and its operands allow,
which no kernel reaches.
"""

from collections.abc import Callable, Iterator
import dataclasses
import functools
import json
import pathlib

import jax
from jax.experimental.pallas.ops.tpu import flash_attention
import jax.numpy as jnp
from jax.sharding import SingleDeviceSharding

from lumiere_jax.aot import executions
from lumiere_jax.aot import hlo
from lumiere_jax.aot import memory
from lumiere_jax.aot import plan as plans
from lumiere_jax.aot import seconds
from lumiere_jax.aot import topology
from lumiere_jax.nn import softmax_attention
from lumiere_jax.types import Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
  """An attention: frames, queries, keys, heads and their dimension."""

  frames: int
  queries: int
  keys: int
  heads: int
  dim: int

  @property
  def flops(self) -> int:
    """Of the products, forward (2) and backward (5, logits again)."""
    one_product = 2 * self.queries * self.keys * self.dim
    return 7 * self.frames * self.heads * one_product


SIZES = {
  "base, 32 x 32 and text": Size(
    frames=20, queries=1024, keys=1152, heads=24, dim=64
  ),
  "base, 16 x 16 and text": Size(
    frames=20, queries=256, keys=384, heads=32, dim=64
  ),
  "ssr, 64 x 64": Size(frames=8, queries=4096, keys=4096, heads=8, dim=128),
}


def kernel(query: Array, key: Array, value: Array) -> Array:
  """JAX's Pallas kernel, for arrays as `softmax_attention.attend` has them."""
  heads_first = lambda x: jnp.swapaxes(x, 1, 2)
  out = flash_attention.flash_attention(
    *map(heads_first, (query, key, value)), sm_scale=query.shape[-1] ** -0.5
  )
  return heads_first(out)


WAYS: dict[str, Callable[[Array, Array, Array], Array]] = {
  "all at once": functools.partial(softmax_attention.attend, chunk=None),
  "chunks": softmax_attention.attend,
  "kernel": kernel,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What to compile.

  Attributes:
    topology: one chip of it is used.
    effort: low or full.
  """

  topology: str = "v5e:1x1"
  effort: str = "full"


def run(out: pathlib.Path, plan: Plan) -> None:
  """Compiles all, prints a table and writes `attention.json`."""
  out.mkdir(parents=True, exist_ok=True)
  rows = []
  print("size | way | temporaries MiB | ms by roofline | ms by tiles")
  for row in measure(plan):
    rows.append(row)
    tiles = f"{row['cycles_ms']:.2f}" if row["cycles_ms"] else "-"
    print(
      f"{row['size']} | {row['way']} | {row['temporaries_mib']:.0f} | "
      f"{row['roofline_ms']:.2f} | {tiles}",
      flush=True,
    )
  (out / "attention.json").write_text(json.dumps(rows, indent=1) + "\n")


def measure(plan: Plan) -> Iterator[dict]:
  """A row for each size and way."""
  where = topology.parse(plan.topology)
  device = where.devices()[0]
  for name, size in SIZES.items():
    for way, attend in WAYS.items():
      lowered = lower(attend, size, device)
      compiled = lowered.compile(compiler_options=plans.EFFORTS[plan.effort])
      yield {"size": name, "way": way} | read(compiled, size, where.generation)


def lower(attend, size: Size, device) -> jax.stages.Lowered:
  """Forward and backward pass, in bfloat16."""
  on = SingleDeviceSharding(device)
  shape = lambda length: jax.ShapeDtypeStruct(
    (size.frames, length, size.heads, size.dim), jnp.bfloat16, sharding=on
  )

  def both(query, key, value, cotangent):
    result, backward = jax.vjp(attend, query, key, value)
    return result, backward(cotangent)

  query, key = shape(size.queries), shape(size.keys)
  return jax.jit(both).lower(query, key, key, query)


def read(compiled, size: Size, generation) -> dict[str, float | None]:
  """Memory and estimated time of a compiled attention."""
  module = hlo.parse(compiled.as_text())
  rows = seconds.rows(module, executions.count(module), generation)
  total = sum(row.roofline for row in rows)
  cycles = sum(row.cycles for row in rows)
  if has_kernel := any(row.kind == "kernel" for row in rows):
    total += size.flops / generation.modelled_flops
  return {
    "temporaries_mib": memory.of(compiled).temporaries / 2**20,
    "roofline_ms": 1e3 * total,
    "cycles_ms": None if has_kernel else 1e3 * cycles,
  }
