"""What a text encoder is trained to do before there are pictures."""

import jax
import jax.numpy as jnp
import optax

from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages


def make(stage: stages.TextStage) -> objective.LossFn:
  """Returns the loss: cross-entropy of what captions say, over questions.

  Questions whose label is negative are not asked.  Logged beside it: `right`,
  the share of answers that are, and `whole`, that of captions of which all are.
  """

  def loss_fn(params, batch, key):
    del key
    logits = stage.read(params, batch.tokens, batch.text_mask)
    is_asked = batch.labels >= 0
    loss = optax.softmax_cross_entropy_with_integer_labels(
      logits, jnp.maximum(batch.labels, 0)
    )
    right = jnp.argmax(logits, -1) == batch.labels
    mean = lambda x: jnp.sum(x * is_asked) / jnp.sum(is_asked)
    whole = jnp.all(right | ~is_asked, axis=-1)
    logged = {"right": mean(right), "whole": jnp.mean(whole)}
    return mean(loss), jax.lax.stop_gradient(logged)

  return loss_fn
