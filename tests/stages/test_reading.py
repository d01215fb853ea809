"""A text encoder is taught to say what captions say."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lumiere_jax.data import pipeline
from lumiere_jax.data import reading as captions
from lumiere_jax.stages import reading
from lumiere_jax.stages import stage as stages
from lumiere_jax.toybox import caption
from lumiere_jax.types import CaptionBatch

SIZES = [[len(known) for known in group.values()] for group in caption.GROUPS]


@pytest.fixture(scope="module")
def stage():
  encoder = dict(width=16, num_layers=1, num_heads=2, head_dim=8, mlp_width=32)
  encoder["questions"] = SIZES
  text = dict(tokenizer="bytes", max_length=64, encoder=encoder)
  recipe = dict(stage="text", text=text, model={}, diffusion={})
  return stages.build(recipe)


@pytest.fixture(scope="module")
def batch(stage):
  iterator = pipeline.build(
    captions.NAME,
    batch_size=8,
    seed=0,
    frames="none",
    tokenizer=stage.tokenizer,
  )
  with iterator:
    return jax.tree.map(jnp.asarray, next(iterator))


def test_a_text_stage_reads_and_has_no_pictures(stage):
  assert isinstance(stage, stages.TextStage)
  assert stage.schedule is None
  assert stage.prediction == ""
  assert set(stage.abstract_params()) == {"text"}


def test_the_loss_falls_and_whole_is_at_most_right(stage, batch):
  loss_fn, optimizer = reading.make(stage), optax.adam(1e-2)
  params = stage.init(0)

  @jax.jit
  def step(params, state):
    (loss, logged), grads = jax.value_and_grad(loss_fn, has_aux=True)(
      params, batch, jax.random.key(0)
    )
    updates, state = optimizer.update(grads, state)
    return optax.apply_updates(params, updates), state, loss, logged

  state, losses, rights = optimizer.init(params), [], []
  for _ in range(30):
    params, state, loss, logged = step(params, state)
    losses.append(float(loss))
    rights.append(float(logged["right"]))
    assert 0 <= logged["whole"] <= logged["right"] <= 1
  # At first no value is likelier than another.
  guessed = np.mean(np.log1p(np.concatenate(SIZES)))
  assert losses[0] == pytest.approx(guessed, rel=0.5)
  assert losses[-1] < 0.5 * losses[0]
  assert rights[-1] > rights[0]


class Told:
  """A stage whose logits are given."""

  def __init__(self, logits):
    self.logits = logits

  def read(self, params, tokens, mask):
    return self.logits


def test_what_is_unclear_is_not_asked():
  labels = jnp.array([[0, -1], [2, 0]])
  batch = CaptionBatch(
    tokens=jnp.zeros((2, 1), int), text_mask=jnp.ones((2, 1)), labels=labels
  )
  logits = jnp.log(
    jnp.array(
      [
        [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]],
        [[0.2, 0.6, 0.2], [0.4, 0.3, 0.3]],
      ]
    )
  )
  loss, logged = reading.make(Told(logits))({}, batch, jax.random.key(0))
  want = -np.mean(np.log([0.5, 0.2, 0.4]))
  np.testing.assert_allclose(loss, want, rtol=1e-6)
  np.testing.assert_allclose(logged["right"], 2 / 3)
  np.testing.assert_allclose(logged["whole"], 0.5)


def test_the_loss_is_the_cross_entropy_and_shares_are_of_what_is_read():
  labels = jnp.array([[0, 1], [2, 0]])
  batch = CaptionBatch(
    tokens=jnp.zeros((2, 1), int), text_mask=jnp.ones((2, 1)), labels=labels
  )
  # The first caption is read rightly, and half of the second.
  logits = jnp.log(
    jnp.array(
      [
        [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]],
        [[0.2, 0.2, 0.6], [0.3, 0.4, 0.3]],
      ]
    )
  )
  loss, logged = reading.make(Told(logits))({}, batch, jax.random.key(0))
  want = -np.mean(np.log([0.5, 0.8, 0.6, 0.3]))
  np.testing.assert_allclose(loss, want, rtol=1e-6)
  np.testing.assert_allclose(logged["right"], 0.75)
  np.testing.assert_allclose(logged["whole"], 0.5)
