"""What a plan reads out of a compiler, real or not."""

import pathlib

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
import pytest

from lumiere_jax import errors
from lumiere_jax.aot import plan as plans
from lumiere_jax.aot import topology
from lumiere_jax.parallel import mesh as meshes

WHERE = topology.parse("v5e:2x4")
REFUSALS = pathlib.Path(__file__).parents[1] / "golden" / "refusals"


class _Refuses:
  """A traced program that does not compile."""

  def __init__(self, text):
    self._text = text

  def compile(self, compiler_options):
    assert compiler_options == plans.EFFORTS["low"]
    raise jax.errors.JaxRuntimeError(self._text)


def _work(lowered):
  mesh = meshes.make({"data": 2, "fsdp": 4})
  weight = jax.ShapeDtypeStruct(
    (1024, 2**18), jnp.float32, sharding=NamedSharding(mesh, P(None, "fsdp"))
  )
  return plans.Work(
    lowered=lowered,
    classes={"trained": {"w": weight}, "batch": None},
    flops=8e12,
    what={"stage": "base"},
    trace_seconds=1.0,
  )


def test_a_refusal_is_a_plan():
  text = (REFUSALS / "hbm.txt").read_text()
  made, compiled = plans.make(_work(_Refuses(text)), WHERE)
  assert compiled is None
  assert not made.fits
  assert made.hbm_gib > made.hbm_limit_gib > 1
  assert made.gib == {"trained": 0.25, "batch": 0.0}
  assert made.model_tflops == 1.0


@pytest.mark.parametrize("text", ["vmem.txt", None])
def test_other_failures_are_not_ours(text):
  text = (REFUSALS / text).read_text() if text else "internal: a bug"
  with pytest.raises(jax.errors.JaxRuntimeError):
    plans.make(_work(_Refuses(text)), WHERE)


def test_unknown_effort_is_refused():
  with pytest.raises(errors.ConfigError, match="effort is 'lowest'"):
    plans.make(_work(None), WHERE, "lowest")


def test_bytes_are_those_of_one_device():
  mesh = meshes.make({"data": 2, "fsdp": 4})
  on = lambda shape, dtype, *spec: jax.ShapeDtypeStruct(
    shape, dtype, sharding=NamedSharding(mesh, P(*spec))
  )
  tree = {
    "whole": on((3, 5), jnp.float32),
    "cut": on((8, 4), jnp.bfloat16, ("data", "fsdp")),
    "key": jax.random.key(0),
  }
  assert plans.device_bytes(tree) == 3 * 5 * 4 + 4 * 2
