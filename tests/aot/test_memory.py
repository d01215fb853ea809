import jax
import jax.numpy as jnp
import pytest

from lumiere_jax.aot import memory
from lumiere_jax.aot import topology
from lumiere_jax.aot import verdict

SQUARE = 512 * 512 * 2


def compiled(function, *shapes, name="v5e:1x1", **options):
  (device,) = topology.parse(name).devices()
  sharding = jax.sharding.SingleDeviceSharding(device)
  arguments = [
    jax.ShapeDtypeStruct(shape, jnp.bfloat16, sharding=sharding)
    for shape in shapes
  ]
  return jax.jit(function, **options).lower(*arguments).compile()


def test_totals_leave_out_what_is_aliased():
  found = memory.Memory(
    arguments=10,
    outputs=8,
    aliased=7,
    temporaries=5,
    code=1,
    host_arguments=4,
    host_outputs=4,
    host_aliased=3,
    host_temporaries=2,
  )
  assert found.total == 10 + 8 - 7 + 5 + 1
  assert found.host_total == 4 + 4 - 3 + 2


@pytest.mark.compile
@pytest.mark.parametrize("donated", [(), (0,)], ids=["kept", "donated"])
def test_memory_of_a_program_is_its_arguments_and_results(donated):
  pytest.importorskip("libtpu")
  program = compiled(lambda x: x * 2 + 1, (512, 512), donate_argnums=donated)
  found = memory.of(program)
  assert (found.arguments, found.outputs) == (SQUARE, SQUARE)
  assert found.aliased == SQUARE * len(donated)


@pytest.mark.compile
@pytest.mark.parametrize("name", ["v5e:1x1", "v5p:1x1x1", "v6e:1x1"])
def test_the_compiler_refuses_what_is_larger_than_we_say(name):
  pytest.importorskip("libtpu")
  limit = topology.parse(name).generation.hbm_bytes
  rows = limit // 2 // 1024
  with pytest.raises(jax.errors.JaxRuntimeError) as caught:
    compiled(jnp.sort, (rows, 1024), name=name)
  found = verdict.parse(caught.value)
  assert found.space == "hbm"
  assert found.limit == pytest.approx(limit, abs=2**30 // 100)
  assert found.used > limit
