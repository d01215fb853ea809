"""Layers with a bias are Flax's own, gradients too."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.nn import bias
from lumiere_jax.nn import pixel_sums

PADS = ((1, 1), (1, 1))


def _draw(*shape):
  return jax.random.normal(jax.random.key(sum(shape)), shape)


@pytest.mark.parametrize(
  ("ours", "theirs", "shape"),
  [
    (bias.Dense(5), nn.Dense(5), (2, 3, 4)),
    (bias.Dense(5), nn.Dense(5), (50, 40, 4)),
    (bias.Dense(5, use_bias=False), nn.Dense(5, use_bias=False), (3, 4)),
    (
      bias.Conv(5, (3, 3), padding=PADS),
      nn.Conv(5, (3, 3), padding=PADS),
      (2, 6, 8, 4),
    ),
    (
      bias.Conv(5, (3, 3), (2, 2), PADS),
      nn.Conv(5, (3, 3), strides=2, padding=PADS),
      (2, 6, 8, 4),
    ),
  ],
)
def test_values_gradients_and_names_are_those_of_flax(ours, theirs, shape):
  x = _draw(*shape)
  params = jax.tree.map(
    lambda one: _draw(*one.shape), theirs.init(jax.random.key(0), x)
  )
  told = lambda network: jax.value_and_grad(
    lambda params, x: jnp.sum(network.apply(params, x) ** 3), (0, 1)
  )(params, x)
  chex.assert_trees_all_close(told(ours), told(theirs), rtol=2e-5, atol=1e-4)


@pytest.mark.parametrize("count", [1000, 8192])
def test_bfloat16_stays_bfloat16_and_its_sum_is_not_rounded_on_the_way(count):
  x, offset = jnp.ones((count, 2), jnp.bfloat16), jnp.zeros(2, jnp.bfloat16)
  _, pull = jax.vjp(bias.add, x, offset)
  of_x, of_bias = pull(jnp.ones_like(x))
  assert of_x.dtype == of_bias.dtype == jnp.bfloat16
  np.testing.assert_array_equal(of_bias, [count, count])


def test_what_is_settled_is_the_same_number():
  rows = _draw(7, 5) * jnp.logspace(-20, 20, 5)
  settled = jax.jit(pixel_sums.settled)(rows, jnp.zeros((7, 64, 64, 5)))
  np.testing.assert_array_equal(settled, rows)
