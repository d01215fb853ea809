"""Attention in chunks is attention."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.nn import softmax_attention


def _inputs(length=12, keys=7):
  rng = np.random.default_rng(0)
  draw = lambda n: jnp.asarray(rng.standard_normal((2, n, 3, 4)), jnp.float32)
  mask = np.ones((2, keys), bool)
  mask[1, 5:] = False
  return draw(length), draw(keys), draw(keys), jnp.asarray(mask)


@pytest.mark.parametrize("chunk", [1, 4, 5, 12, 64])
@pytest.mark.parametrize("is_masked", [True, False])
def test_chunks_change_neither_result_nor_gradient(chunk, is_masked):
  *arrays, mask = _inputs()
  mask = mask if is_masked else None

  def loss(arrays, chunk):
    out = softmax_attention.attend(*arrays, mask, chunk=chunk)
    return jnp.sum(jnp.sin(out)), out

  run = jax.value_and_grad(loss, has_aux=True)
  chex.assert_trees_all_close(
    run(arrays, chunk), run(arrays, 64), rtol=1e-5, atol=1e-6
  )


def test_it_is_the_textbook_formula():
  query, key, value, mask = _inputs()
  logits = jnp.einsum("bnhd,bmhd->bhnm", query, key) / 2.0
  logits = jnp.where(mask[:, None, None], logits, -jnp.inf)
  expected = jnp.einsum("bhnm,bmhd->bnhd", jax.nn.softmax(logits), value)
  got = softmax_attention.attend(query, key, value, mask, chunk=4)
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_all_logits_are_never_there():
  """In the program for the gradient no array has a row for each query."""
  query, key, value, mask = _inputs(length=512, keys=96)
  loss = lambda q, k, v: softmax_attention.attend(q, k, v, mask, chunk=64).sum()
  program = jax.make_jaxpr(jax.grad(loss, argnums=(0, 1, 2)))(query, key, value)
  assert "512,96]" not in str(program)
  assert "64,96]" in str(program)
