"""What a judge of clips is trained to say: the truth of the toybox."""

import jax
import jax.numpy as jnp
import optax

from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages
from lumiere_jax.toybox import truth
from lumiere_jax.types import Array

# Of seventy kinds one to three are there.
_PRESENT_WEIGHT = 10.0


def make(stage: stages.JudgeStage) -> objective.LossFn:
  """Returns the loss: cross-entropy of every question, added up.

  Logged beside it: the share of clips whose things are all found and no others
  (`things`), of things whose material and size are right, and of clips whose
  action, camera, ground and sky are.
  """
  cross_entropy = optax.softmax_cross_entropy_with_integer_labels

  def loss_fn(params, batch, key):
    del key
    answers = stage.judge(params, objective.to_float(batch.video))
    told = truth.split(batch.labels)
    present = told["present"].astype(jnp.float32)
    found = optax.sigmoid_binary_cross_entropy(answers["present"], present)
    loss = _PRESENT_WEIGHT * jnp.mean(found)
    logged = {"things": ((answers["present"] > 0) == (present > 0)).all(-1)}
    for name in truth.OF_KINDS:
      value = jnp.maximum(told[name] - 1, 0)
      each = cross_entropy(answers[name], value) * present
      loss += jnp.sum(each) / jnp.sum(present)
      right = (jnp.argmax(answers[name], -1) == value) * present
      logged[name] = jnp.sum(right) / jnp.sum(present)
    for name in ("actor", *stage.network.of_scenes):
      loss += jnp.mean(cross_entropy(answers[name], told[name]))
      logged[name] = jnp.argmax(answers[name], -1) == told[name]
    shares = {name: jnp.mean(value) for name, value in logged.items()}
    return loss, jax.lax.stop_gradient(shares)

  return loss_fn


def predict(stage: stages.JudgeStage, params, video: Array):
  """What the judge says of clips [B, T, S, S, 3] uint8; see `models.judge`."""
  return stage.judge(params, objective.to_float(video))
