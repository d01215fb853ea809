"""What a judge of clips is trained to say: the truth of the toybox."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import optax

from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import variety
from lumiere_jax.toybox import truth
from lumiere_jax.toybox import words
from lumiere_jax.types import Array

# Of seventy kinds one to three are there.
_PRESENT_WEIGHT = 10.0
# A logit of what is not so.
_NEVER = -1e4
_cross_entropy = optax.softmax_cross_entropy_with_integer_labels


def make(stage: stages.JudgeStage) -> objective.LossFn:
  """Returns the loss: cross-entropy of every question, added up.

  Of places, of what is there; of kinds, of whether they are there, and of
  material and size where they are; of the scene.  Clips are varied first, and
  in false colours nothing is asked that colours tell.  Logged beside it: the
  share of clips whose things are all found and no others (`things`), of things
  whose material and size are right, and of clips whose action, camera, ground
  and sky are.
  """

  def loss_fn(params, batch, key):
    shown = variety.vary(
      key, objective.to_float(batch.video), batch.labels, batch.places
    )
    answers = stage.judge(params, shown.video)
    losses = [
      *_of_places(answers, shown),
      *_of_kinds(answers, shown),
      *_of_scenes(answers, shown, stage.network.of_scenes),
    ]
    return sum(losses), jax.lax.stop_gradient(_shares(answers, shown))

  return loss_fn


def _of_places(answers, shown: variety.Varied) -> Iterator[Array]:
  """Of the shape, or none, at places, and of what else is said of things."""
  places, colors = shown.places, answers["color at"].shape[-1]
  kind = jnp.maximum(places - 1, 0)
  is_known, is_thing = places != truth.UNSURE, places > truth.NOTHING
  shape = jnp.where(is_thing, 1 + kind // colors, 0)
  each = _cross_entropy(answers["shape at"], shape)
  # Most places show nothing: what shows something counts as much.
  yield _mean(each, is_thing)
  yield _mean(each, is_known & ~is_thing)
  has_colors = shown.has_colors[:, None, None, None]
  each = _cross_entropy(answers["color at"], kind % colors)
  yield _mean(each, is_thing * has_colors)
  flat = kind.reshape(len(kind), -1)
  for name in truth.OF_KINDS:
    value = jnp.take_along_axis(shown.told[name], flat, axis=1)
    value = jnp.maximum(value.reshape(kind.shape) - 1, 0)
    yield _mean(_cross_entropy(answers[f"{name} at"], value), is_thing)
  acts = kind == shown.told["actor"][:, None, None, None]
  yield _mean(
    optax.sigmoid_binary_cross_entropy(answers["actor at"], acts), is_thing
  )


def _of_kinds(answers, shown: variety.Varied) -> Iterator[Array]:
  """Of all kinds, of whether they are there; of those that are, the rest."""
  told, has_colors = shown.told, shown.has_colors[:, None]
  present = told["present"].astype(jnp.float32)
  each = optax.sigmoid_binary_cross_entropy(answers["present"], present)
  yield _PRESENT_WEIGHT * _mean(each, jnp.broadcast_to(has_colors, each.shape))
  for name in truth.OF_KINDS:
    value = jnp.maximum(told[name] - 1, 0)
    yield _mean(_cross_entropy(answers[name], value), present * has_colors)
  # Of the things that are there one acts.
  actor = jnp.where(present > 0, answers["actor"], _NEVER)
  yield _mean(_cross_entropy(actor, told["actor"]), shown.has_colors)


def _of_scenes(answers, shown: variety.Varied, names) -> Iterator[Array]:
  for name in names:
    told_by_colors = name in ("ground", "sky")
    where = shown.has_colors if told_by_colors else jnp.ones(len(shown.video))
    yield _mean(_cross_entropy(answers[name], shown.told[name]), where)


def _shares(answers, shown: variety.Varied) -> dict[str, Array]:
  """What was right, of clips in their own colours."""
  told, where = shown.told, shown.has_colors
  present = told["present"] > 0
  things = ((answers["present"] > 0) == present).all(-1)
  actor = jnp.where(present, answers["actor"], _NEVER)
  shares = {"things": _mean(things, where)}
  shares["actor"] = _mean(jnp.argmax(actor, -1) == told["actor"], where)
  for name in truth.OF_KINDS:
    right = jnp.argmax(answers[name], -1) == jnp.maximum(told[name] - 1, 0)
    shares[name] = _mean(right, present * where[:, None])
  for name in words.OF_SCENES:
    right = jnp.argmax(answers[name], -1) == told[name]
    shares[name] = _mean(right, where)
  return shares


def _mean(values: Array, where: Array) -> Array:
  return jnp.sum(values * where) / jnp.maximum(jnp.sum(where), 1)


def predict(stage: stages.JudgeStage, params, video: Array):
  """What the judge says of clips [B, T, S, S, 3] uint8; see `models.judge`."""
  return stage.judge(params, objective.to_float(video))
