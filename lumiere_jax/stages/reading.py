"""What a text encoder is trained to do before there are pictures."""

import jax
import jax.numpy as jnp
import optax

from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages


def make(stage: stages.TextStage) -> objective.LossFn:
  """Returns the loss: cross-entropy of what captions say, over attributes.

  Logged beside it: `right`, the share of attributes read rightly, and `whole`,
  that of captions of which all are.
  """

  def loss_fn(params, batch, key):
    del key
    logits = stage.read(params, batch.tokens, batch.text_mask)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels)
    right = jnp.argmax(logits, -1) == batch.labels
    logged = {"right": right.mean(), "whole": right.all(-1).mean()}
    return jnp.mean(loss), jax.lax.stop_gradient(logged)

  return loss_fn
