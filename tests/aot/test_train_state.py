"""Where the train state lives: every moment beside its parameter."""

import jax
import jax.numpy as jnp
import pytest

from lumiere_jax.aot import train_step
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.training import optimizer as optimizers


@pytest.mark.parametrize("name", optimizers.NAMES)
def test_moments_live_where_their_parameters_do(name):
  mesh = meshes.make({"data": 1, "fsdp": 1, "frames": 1}, jax.devices()[:1])
  cut = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("fsdp"))
  trained = {
    key: jax.ShapeDtypeStruct(shape, jnp.float32, sharding=cut)
    for key, shape in (("kernel", (3, 3, 4, 160)), ("bias", (8,)))
  }
  optimizer = optimizers.build(name=name)
  state = train_step.abstract_state(trained, optimizer, mesh)
  shapes = {leaf.shape for leaf in trained.values()}
  for leaf in jax.tree.leaves(state.opt_state):
    assert (leaf.sharding == cut) == (leaf.shape in shapes), leaf
  # A real state fits it.
  zeros = jax.tree.map(lambda x: jnp.zeros(x.shape), trained)
  real = jax.eval_shape(optimizer.init, zeros)
  assert jax.tree.structure(real) == jax.tree.structure(state.opt_state)
