"""Programs with numbers that fit in a head, compiled for TPUs that are absent.

`python tests/toy_programs.py` writes their optimised text to tests/golden/hlo;
tests read that, and those marked `compile` compile them anew.
"""

import pathlib
import re

import jax
from jax.experimental import pallas
import jax.numpy as jnp
from jax.sharding import AxisType
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
import numpy as np

from lumiere_jax.aot import topology

GOLDEN = pathlib.Path(__file__).parent / "golden" / "hlo"


def compiled(name: str) -> jax.stages.Compiled:
  where, shape, axes, function, arguments = PROGRAMS[name]
  mesh = jax.sharding.Mesh(
    np.array(topology.parse(*where).devices()).reshape(shape),
    axes,
    axis_types=(AxisType.Auto,) * len(axes),
  )
  specs = [spec for _, _, spec in arguments]
  mapped = jax.shard_map(
    function, mesh=mesh, in_specs=tuple(specs), out_specs=P(), check_vma=False
  )
  return (
    jax.jit(mapped)
    .lower(
      *(
        jax.ShapeDtypeStruct(
          size, dtype, sharding=NamedSharding(mesh, spec or P())
        )
        for size, dtype, spec in arguments
      )
    )
    .compile()
  )


def text(name: str) -> str:
  return (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def once(x, w):
  return x @ w


def scan(x, w):
  return jax.lax.scan(lambda x, w: (x @ w, None), x, w)[0]


def nested(x, w):
  return jax.lax.fori_loop(0, 3, lambda _, x: scan(x, w), x)


def until(x, w):
  return jax.lax.while_loop(lambda x: x[0, 0] < 1, lambda x: x @ w, x)


def same(x, w):
  return jax.lax.conv_general_dilated(
    x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
  )


def gather(x):
  return jax.lax.psum(jax.lax.all_gather(x, "fsdp").sum(), ("data", "fsdp"))


def slices(x):
  return jax.lax.psum(x, ("data", "fsdp"))


def kernel(x, w):
  def multiply(x_ref, w_ref, out_ref):
    out_ref[...] = x_ref[...] @ w_ref[...]

  return pallas.pallas_call(
    multiply,
    out_shape=jax.ShapeDtypeStruct(x.shape, x.dtype),
    cost_estimate=pallas.CostEstimate(
      flops=2 * 512**3, transcendentals=0, bytes_accessed=3 * 512**2 * 4
    ),
  )(x, w)


def _square(size):
  return ((size, size), jnp.bfloat16, P())


_ONE = (("v5e:1x1",), (1,), ("data",))
_EIGHT = (("v5e:2x4",), (2, 4), ("data", "fsdp"))
_TWO_SLICES = (("v5e:2x2", 2), (2, 4), ("data", "fsdp"))
_STACK = ((7, 512, 512), jnp.bfloat16, P())
PROGRAMS = {
  "once": (*_ONE, once, [_square(512)] * 2),
  "scan": (*_ONE, scan, [_square(512), _STACK]),
  "nested": (*_ONE, nested, [_square(512), _STACK]),
  "until": (*_ONE, until, [_square(512)] * 2),
  "same": (
    *_ONE,
    same,
    [
      ((2, 8, 8, 128), jnp.bfloat16, P()),
      ((3, 3, 128, 128), jnp.bfloat16, P()),
    ],
  ),
  "gather": (*_EIGHT, gather, [((1024, 128), jnp.float32, P("fsdp"))]),
  "slices": (*_TWO_SLICES, slices, [((1024, 128), jnp.float32, P())]),
  "kernel": (*_ONE, kernel, [((512, 512), jnp.float32, P())] * 2),
}


def main() -> None:
  for name in PROGRAMS:
    written = compiled(name).as_text()
    written = re.sub(r'"/[^"]*/([\w.]+\.py)"', r'"\1"', written)
    (GOLDEN / f"{name}.txt").write_text(written, encoding="utf-8")


if __name__ == "__main__":
  main()
