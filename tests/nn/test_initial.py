"""Parameters are fixed by seed and name, wherever they are born."""

from collections.abc import Callable

from flax import errors as flax_errors
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.nn import initial
from lumiere_jax.parallel import mesh as meshes

SHAPE = (16, 8)


def _boxed(init=initial.FAN_IN, shape=SHAPE, names=None):
  return initial.Named(
    jax.ShapeDtypeStruct(shape, jnp.float32),
    names or (None,) * len(shape),
    init=init,
  )


def _tree():
  return {"a": {"kernel": _boxed()}, "b": {"kernel": _boxed()}}


def test_seed_and_path_fix_the_numbers():
  first, again = (initial.materialize(_tree(), seed=3) for _ in range(2))
  np.testing.assert_array_equal(first["a"]["kernel"], again["a"]["kernel"])


def test_another_path_has_other_numbers():
  drawn = initial.materialize(_tree(), seed=3)
  assert np.abs(drawn["a"]["kernel"] - drawn["b"]["kernel"]).min() > 0


def test_another_seed_has_other_numbers():
  first, other = (initial.materialize(_tree(), seed) for seed in (3, 4))
  assert np.abs(first["a"]["kernel"] - other["a"]["kernel"]).min() > 0


def test_a_neighbour_more_changes_no_numbers():
  # So a network inflated from another differs in its new parameters alone.
  alone = initial.materialize({"a": _tree()["a"]}, seed=3)
  drawn = initial.materialize(_tree(), seed=3)
  np.testing.assert_array_equal(drawn["a"]["kernel"], alone["a"]["kernel"])


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5])
def test_constant_is_everywhere(value):
  init = initial.Initial("constant", value)
  drawn = initial.materialize({"x": _boxed(init)}, seed=0)["x"]
  np.testing.assert_array_equal(drawn, np.full(SHAPE, value, np.float32))


def test_copy_is_the_identity_at_the_centre_frame():
  box = _boxed(initial.COPY_CENTRE_FRAME, (3, 4, 4))
  drawn = initial.materialize({"x": box}, seed=0)["x"]
  np.testing.assert_array_equal(drawn[1], np.eye(4))
  np.testing.assert_array_equal(drawn[[0, 2]], 0.0)


@pytest.mark.parametrize(
  ("init", "shape", "std"),
  [
    # fan in: 3 * 3 * 100 inputs each; 100 inputs each
    (initial.FAN_IN, (3, 3, 100, 50), 900**-0.5),
    (initial.Initial("fan_in", 2.0), (100, 500), (2 / 100) ** 0.5),
    (initial.Initial("normal", 0.02), (100, 500), 0.02),
  ],
  ids=["fan_in", "fan_in_of_scale_2", "normal"],
)
def test_standard_deviation_is_as_named(init, shape, std):
  drawn = initial.materialize({"x": _boxed(init, shape)}, seed=0)["x"]
  assert drawn.dtype == np.float32
  # Of n numbers the deviation is known to std / sqrt(2 n), the mean to
  # std / sqrt(n); four of each.
  assert drawn.std() == pytest.approx(std, rel=4 / (2 * drawn.size) ** 0.5)
  assert abs(drawn.mean()) < 4 * std / drawn.size**0.5


def test_layers_of_flax_start_by_their_name():
  shape = jax.ShapeDtypeStruct((4,), jnp.float32)
  drawn = initial.materialize({"scale": shape, "bias": shape}, seed=0)
  np.testing.assert_array_equal(drawn["scale"], 1.0)
  np.testing.assert_array_equal(drawn["bias"], 0.0)


def test_a_parameter_that_does_not_say_how_it_starts_is_refused():
  shapes = jax.eval_shape(
    nn.Dense(3).init, jax.random.key(0), jnp.zeros((1, 2))
  )
  with pytest.raises(errors.ConfigError, match="params/kernel does not say"):
    initial.materialize(shapes, seed=0)


@pytest.mark.parametrize(
  "spec",
  [P(), P("data"), P("fsdp", "data"), P(None, ("data", "fsdp"))],
  ids=str,
)
def test_parameters_are_born_the_same_on_every_mesh(spec):
  mesh = meshes.make(dict(data=2, fsdp=4))
  sharding = NamedSharding(mesh, spec)
  shardings = jax.tree.map(lambda _: sharding, initial.materialize(_tree(), 3))
  placed = initial.materialize(_tree(), 3, shardings)
  host = initial.materialize(_tree(), 3)
  assert placed["a"]["kernel"].sharding == sharding
  np.testing.assert_array_equal(placed["a"]["kernel"], host["a"]["kernel"])
  np.testing.assert_array_equal(placed["b"]["kernel"], host["b"]["kernel"])


def test_flax_may_initialise_too():
  init = initial.named(initial.FAN_IN, ("embed", "mlp"))
  box = init(jax.random.key(0), (100, 500))
  assert box.names == ("embed", "mlp")
  assert float(box.value.std()) == pytest.approx(0.1, rel=0.02)
  other = init(jax.random.key(1), (100, 500))
  assert float(jnp.abs(box.value - other.value).max()) > 0


def test_scalars_are_counted():
  drawn = initial.materialize(_tree() | {"c": _boxed(shape=(3,))}, seed=0)
  assert initial.count(drawn) == 2 * 16 * 8 + 3


class _Scaled(nn.Module):
  """A parameter as large as x has channels, which tells when it begins."""

  begin: Callable

  @nn.compact
  def __call__(self, x):
    return x * initial.param(self, "scale", self.begin, x.shape[-1:])


def _ones(key, shape):
  return jnp.ones(shape)


def test_a_parameter_that_is_there_is_not_begun_again():
  def refuse(key, shape):
    raise AssertionError("begun again")

  params = {"scale": jnp.arange(3.0)}
  out = _Scaled(refuse).apply({"params": params}, jnp.ones((2, 3)))
  np.testing.assert_array_equal(out, [[0, 1, 2]] * 2)


def test_a_parameter_of_another_shape_is_refused():
  with pytest.raises(flax_errors.ScopeParamShapeError, match="scale"):
    _Scaled(_ones).apply({"params": {"scale": jnp.ones(4)}}, jnp.ones((2, 3)))


def test_a_parameter_that_is_missing_is_told():
  with pytest.raises(flax_errors.ScopeParamNotFoundError, match="scale"):
    _Scaled(_ones).apply({"params": {"other": jnp.ones(3)}}, jnp.ones((2, 3)))


def test_two_parameters_of_one_name_are_refused():
  class Twice(nn.Module):
    @nn.compact
    def __call__(self, x):
      for _ in range(2):
        x = x * initial.param(self, "scale", _ones, x.shape[-1:])
      return x

  with pytest.raises(flax_errors.NameInUseError, match="scale"):
    Twice().init(jax.random.key(0), jnp.ones((2, 3)))
