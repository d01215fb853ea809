"""Weights that are cut come together, and their gradients are summed."""

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
import numpy as np
import pytest

from lumiere_jax.parallel import gather
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import pjit

SPECS = {"a": {"kernel": P(None, "fsdp"), "bias": P(None)}, "b": P("fsdp")}


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_gathering_and_its_gradient(dtype):
  mesh = meshes.make({"fsdp": 4}, jax.devices()[:4])
  rng = np.random.default_rng(0)
  draw = lambda *shape: jnp.asarray(rng.standard_normal(shape), jnp.float32)
  params = {"a": {"kernel": draw(3, 8), "bias": draw(8)}, "b": draw(4)}
  x = draw(4, 3)
  bring = gather.gatherer(SPECS, dtype)

  def local(params, x):
    a = bring(("a",), params["a"])
    assert a["kernel"].shape == (3, 8)
    assert a["kernel"].dtype == dtype
    assert a["bias"].dtype == jnp.float32
    b = bring((), params)["b"]
    out = x @ a["kernel"].astype(jnp.float32) + a["bias"]
    return out * b.astype(jnp.float32).sum()

  spread = jax.shard_map(
    local,
    mesh=mesh,
    in_specs=(SPECS, P("fsdp")),
    out_specs=P("fsdp"),
    check_vma=False,
  )
  rounded = lambda p: p.astype(dtype).astype(jnp.float32)

  def alone(params, x):
    out = x @ rounded(params["a"]["kernel"]) + params["a"]["bias"]
    return out * rounded(params["b"]).sum()

  loss = lambda f: lambda params: jnp.sum(jnp.sin(f(params, x)))
  got = jax.jit(jax.value_and_grad(loss(spread)))(params)
  want = jax.value_and_grad(loss(alone))(params)
  tolerance = 1e-5 if dtype == jnp.float32 else 2e-2
  for one, other in zip(
    jax.tree.leaves(got), jax.tree.leaves(want), strict=True
  ):
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_pjit_puts_results_where_it_is_told():
  mesh = meshes.make({"data": 4}, jax.devices()[:4])
  program = pjit.pjit(lambda x: (x, x + 1), mesh, out_specs=(P("data"), P()))
  cut, whole = program(jnp.arange(8.0))
  assert cut.sharding.shard_shape((8,)) == (2,)
  assert whole.sharding == NamedSharding(mesh, P())
