"""The step trains what it is told to train, averages it, and nothing else."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lumiere_jax import errors
from lumiere_jax.models import inflate
from lumiere_jax.training import step as steps
from lumiere_jax.types import VideoBatch


def _batch(size=4):
  video = jnp.arange(size * 2, dtype=jnp.float32).reshape(size, 2, 1, 1, 1)
  return VideoBatch(
    video=video, tokens=jnp.zeros((size, 3)), text_mask=jnp.ones((size, 3))
  )


def _loss(params, batch, key):
  """Mean of (w x + u)^2; the key is only there to be logged."""
  error = params["temporal_w"]["w"] * batch.video + params["image"]["u"]
  return jnp.mean(error**2), {"drawn": jax.random.uniform(key)}


def _params():
  return {"temporal_w": {"w": jnp.ones(())}, "image": {"u": jnp.full((), 2.0)}}


def _step(accumulate=1, ema_decay=0.9, optimizer=None):
  optimizer = optimizer or optax.sgd(0.01)
  trained, frozen = inflate.split(_params())
  state = steps.init_state(trained, optimizer, jax.random.key(0))
  step = steps.make_train_step(
    _loss,
    optimizer,
    join=inflate.join,
    ema_decay=ema_decay,
    accumulate=accumulate,
  )
  return jax.jit(step), state, frozen


def test_one_step_by_hand():
  step, state, frozen = _step()
  state, metrics = step(state, frozen, _batch())
  x = np.arange(8.0)
  gradient = np.mean(2 * (x + 2) * x)
  np.testing.assert_allclose(metrics["loss"], np.mean((x + 2) ** 2))
  np.testing.assert_allclose(metrics["norm/gradient"], gradient)
  np.testing.assert_allclose(
    state.params["temporal_w"]["w"], 1 - 0.01 * gradient, rtol=1e-6
  )
  assert int(state.step) == 1


def test_average_follows_more_slowly_and_is_of_the_new_parameters():
  step, state, frozen = _step(ema_decay=0.5)
  new, _ = step(state.replace(step=jnp.array(1000)), frozen, _batch())
  want = 0.5 * state.ema_params["temporal_w"]["w"] + (
    0.5 * new.params["temporal_w"]["w"]
  )
  np.testing.assert_allclose(new.ema_params["temporal_w"]["w"], want, rtol=1e-6)


def test_average_of_a_young_run_is_not_its_initialisation():
  np.testing.assert_allclose(steps.ema_weight(jnp.array(0.0), 0.9999), 0.9)
  np.testing.assert_allclose(
    steps.ema_weight(jnp.array(1e7), 0.9999), 1e-4, rtol=1e-2
  )


def test_no_optimizer_state_for_frozen_parameters():
  _, state, _ = _step(optimizer=optax.adam(1e-3))
  paths = jax.tree_util.tree_flatten_with_path(state.opt_state)[0]
  names = " ".join(jax.tree_util.keystr(path) for path, _ in paths)
  assert "temporal_w" in names
  assert "image" not in names


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulated_gradient_is_the_whole_batchs(parts):
  whole, state, frozen = _step()
  split, _, _ = _step(accumulate=parts)
  want, want_metrics = whole(state, frozen, _batch())
  got, metrics = split(state, frozen, _batch())
  chex.assert_trees_all_close(got.params, want.params, rtol=1e-6)
  np.testing.assert_allclose(metrics["loss"], want_metrics["loss"], rtol=1e-6)


def test_accumulation_takes_at_least_one_part():
  with pytest.raises(errors.ConfigError, match="accumulate is 0"):
    _step(accumulate=0)


def test_noise_depends_on_the_step_and_not_on_how_it_was_reached():
  step, state, frozen = _step()
  first, metrics_0 = step(state, frozen, _batch())
  _, metrics_1 = step(first, frozen, _batch())
  jump = state.replace(step=jnp.array(1, jnp.int32))
  _, jumped = step(jump, frozen, _batch())
  assert metrics_0["drawn"] != metrics_1["drawn"]
  assert metrics_1["drawn"] == jumped["drawn"]
