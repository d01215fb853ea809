"""Optimizers by name: schedules by hand, refusals with a way out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.training import optimizer


def test_warm_up_rises_then_stays():
  rate = optimizer.schedule(1.0, 4, "constant", None)
  got = [float(rate(k)) for k in (0, 2, 4, 100)]
  np.testing.assert_allclose(got, [0.2, 0.6, 1.0, 1.0], rtol=1e-6)


def test_cosine_ends_at_zero():
  rate = optimizer.schedule(1.0, 0, "cosine", 10)
  got = [float(rate(k)) for k in (0, 5, 10)]
  np.testing.assert_allclose(got, [1.0, 0.5, 0.0], atol=1e-6)


@pytest.mark.parametrize("name", optimizer.NAMES)
def test_every_optimizer_descends(name):
  update = optimizer.build(name=name, learning_rate=0.1)
  params = {"w": jnp.ones((4, 4))}
  state = update.init(params)
  updates, _ = update.update({"w": jnp.ones((4, 4))}, state, params)
  assert float(updates["w"].max()) < 0


def test_large_gradients_are_scaled_to_the_norm():
  update = optimizer.build(learning_rate=1.0, clip_norm=1e-3, b1=0.0, b2=0.0)
  params = {"w": jnp.zeros(2)}
  state = update.init(params)
  _, state = update.update({"w": jnp.array([30.0, 40.0])}, state, params)
  second_moment = state[1][0].nu["w"]
  np.testing.assert_allclose(jnp.sqrt(second_moment), [6e-4, 8e-4], rtol=1e-5)


@pytest.mark.parametrize(
  ("options", "message"),
  [
    (dict(name="adam"), "Did you mean 'adamw'"),
    (dict(decay="cosin"), "Did you mean 'cosine'"),
    (dict(decay="cosine"), "cosine decay needs num_steps above the 0"),
  ],
)
def test_contradictions_are_refused(options, message):
  with pytest.raises(errors.ConfigError, match=message):
    optimizer.build(**options)


def test_muon_steps_in_every_direction_of_a_kernel_alike():
  update = optimizer.build(name="muon", learning_rate=1.0, clip_norm=None)
  params = {"kernel": jnp.zeros((3, 3, 4, 8)), "bias": jnp.zeros(8)}
  # One direction a hundred times as steep as the others.
  slope = jax.random.normal(jax.random.key(0), (36, 8)) * jnp.array(
    [100.0, *7 * [1.0]]
  )
  grads = {"kernel": slope.reshape(3, 3, 4, 8), "bias": jnp.ones(8)}
  updates, _ = update.update(grads, update.init(params), params)
  sizes = jnp.linalg.svd(updates["kernel"].reshape(36, 8))[1]
  assert sizes.max() / sizes.min() < 2
  rms = jnp.sqrt(jnp.mean(updates["kernel"] ** 2))
  np.testing.assert_allclose(rms, 0.2, rtol=0.25)  # as Adam's
  assert float(updates["bias"].max()) < 0
