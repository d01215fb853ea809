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
# A logit of what is not so.
_NEVER = -1e4
_cross_entropy = optax.softmax_cross_entropy_with_integer_labels


def make(stage: stages.JudgeStage) -> objective.LossFn:
  """Returns the loss: cross-entropy of every question, added up.

  Of places, of shape and colour there; of kinds, of whether they are there, and
  of material and size where they are.  Logged beside it: the share of clips
  whose things are all found and no others (`things`), of things whose material
  and size are right, and of clips whose action, camera, ground and sky are.
  """

  def loss_fn(params, batch, key):
    del key
    answers = stage.judge(params, objective.to_float(batch.video))
    told = truth.split(batch.labels)
    present = told["present"].astype(jnp.float32)
    found = optax.sigmoid_binary_cross_entropy(answers["present"], present)
    loss = _PRESENT_WEIGHT * jnp.mean(found)
    loss += sum(_at_places(answers, batch.places))
    logged = {"things": ((answers["present"] > 0) == (present > 0)).all(-1)}
    for name in truth.OF_KINDS:
      value = jnp.maximum(told[name] - 1, 0)
      each = _cross_entropy(answers[name], value) * present
      loss += jnp.sum(each) / jnp.sum(present)
      right = (jnp.argmax(answers[name], -1) == value) * present
      logged[name] = jnp.sum(right) / jnp.sum(present)
    # Of the things that are there one acts.
    answers["actor"] = jnp.where(present > 0, answers["actor"], _NEVER)
    for name in ("actor", *stage.network.of_scenes):
      loss += jnp.mean(_cross_entropy(answers[name], told[name]))
      logged[name] = jnp.argmax(answers[name], -1) == told[name]
    shares = {name: jnp.mean(value) for name, value in logged.items()}
    return loss, jax.lax.stop_gradient(shares)

  return loss_fn


def _at_places(answers, places: Array) -> tuple[Array, Array]:
  """Losses of the shape, or none, at places, and of the colour of what is."""
  colors = answers["color at"].shape[-1]
  kind = jnp.maximum(places - 1, 0)
  is_known, is_thing = places != truth.UNSURE, places > truth.NOTHING
  shape = jnp.where(is_thing, 1 + kind // colors, 0)
  return (
    # Most places show nothing: what shows something counts as much.
    _mean(_cross_entropy(answers["shape at"], shape), is_thing)
    + _mean(_cross_entropy(answers["shape at"], shape), is_known & ~is_thing),
    _mean(_cross_entropy(answers["color at"], kind % colors), is_thing),
  )


def _mean(values: Array, where: Array) -> Array:
  return jnp.sum(values * where) / jnp.maximum(jnp.sum(where), 1)


def predict(stage: stages.JudgeStage, params, video: Array):
  """What the judge says of clips [B, T, S, S, 3] uint8; see `models.judge`."""
  return stage.judge(params, objective.to_float(video))
