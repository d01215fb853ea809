"""FLOPs counted by hand."""

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import pytest

from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import model_flops


def _abstract(*shape):
  return jax.ShapeDtypeStruct(shape, jnp.float32)


def _convolve(x, kernel, **options):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    options.pop("strides", (1, 1)),
    options.pop("padding", "SAME"),
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
    **options,
  )


MATRICES = (_abstract(3, 5), _abstract(5, 7))
IMAGE, KERNEL = _abstract(2, 8, 8, 4), _abstract(3, 3, 4, 6)
PRODUCT = 2 * 3 * 5 * 7
CONVOLUTION = 2 * 2 * 8 * 8 * 6 * 9 * 4


@pytest.mark.parametrize(
  ("fun", "arguments", "flops"),
  [
    (jnp.matmul, MATRICES, PRODUCT),
    (jax.jit(jnp.matmul), MATRICES, PRODUCT),
    (
      lambda a, b: jnp.einsum("bij,bjk->bik", a, b),
      (_abstract(4, 3, 5), _abstract(4, 5, 7)),
      4 * PRODUCT,
    ),
    (_convolve, (IMAGE, KERNEL), CONVOLUTION),
    (
      lambda x, k: _convolve(x, k, strides=(2, 2)),
      (IMAGE, KERNEL),
      CONVOLUTION / 4,
    ),
    (
      lambda x, k: _convolve(x, k, feature_group_count=2),
      (IMAGE, _abstract(3, 3, 2, 6)),
      CONVOLUTION / 2,
    ),
    (lambda x: x * 2 + 1, (IMAGE,), 0),
  ],
  ids=["matmul", "jit", "batched", "conv", "strided", "grouped", "elementwise"],
)
def test_products_and_convolutions_count(fun, arguments, flops):
  assert model_flops.count(fun, *arguments) == flops


def test_loops_count_each_turn():
  def loop(x, w):
    return jax.lax.scan(lambda x, _: (x @ w, None), x, length=6)[0]

  square = (_abstract(3, 5), _abstract(5, 5))
  assert model_flops.count(loop, *square) == 6 * 2 * 3 * 5 * 5


def test_a_gradient_is_three_times_forward_less_what_nobody_asked_for():
  loss = lambda x, w: jnp.sum((x @ w) ** 2)
  both = jax.grad(loss, argnums=(0, 1))
  one = jax.grad(loss, argnums=1)
  assert model_flops.count(both, *MATRICES) == 3 * PRODUCT
  assert model_flops.count(one, *MATRICES) == 2 * PRODUCT


def test_what_is_computed_again_is_counted_so_callers_switch_it_off():
  layer = lambda x, w: jnp.sin(x @ w) @ w.T
  loss = lambda f: jax.grad(lambda x, w: jnp.sum(jnp.sin(f(x, w))), argnums=1)
  plain = model_flops.count(loss(layer), *MATRICES)
  again = model_flops.count(loss(jax.checkpoint(layer)), *MATRICES)
  assert again > plain


def test_each_device_counts():
  mesh = meshes.make({"data": 4}, jax.devices()[:4])
  spread = jax.shard_map(
    jnp.matmul,
    mesh=mesh,
    in_specs=(P("data"), P()),
    out_specs=P("data"),
    check_vma=False,
  )
  arguments = _abstract(12, 5), _abstract(5, 7)
  assert model_flops.count(spread, *arguments) == 4 * PRODUCT
