"""A judge of clips learns to say what they show."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import toys

from lumiere_jax.models import judge as judges
from lumiere_jax.stages import judging
from lumiere_jax.stages import stage as stages
from lumiere_jax.toybox import render
from lumiere_jax.toybox import truth
from lumiere_jax.types import TruthBatch

SCENES = (
  toys.scene("ball", action="rolls left"),
  toys.scene("cube", "star", action="still", sky="night"),
)
SIZES = dict(
  shapes=7,
  colors=10,
  of_kinds=dict(material=2, size=3),
  of_scenes=dict(action=11, camera=7, ground=6, sky=4),
  frames=4,
  widths=(8, 8, 16),
  groups=4,
  layers=1,
  head_dim=8,
)


def _stage():
  recipe = {"data": {"resolution": 32, "num_frames": 4}}
  return stages.JudgeStage(
    name="judge",
    recipe=recipe,
    tokenizer=None,
    text_encoder=None,
    network=judges.Judge(**SIZES),
    schedule=None,
    prediction="",
  )


def _batch():
  frames = [
    render.footage(scene, 32, num_frames=4, fps=1.0).frames for scene in SCENES
  ]
  labels = [truth.to_array(scene) for scene in SCENES]
  places = [truth.to_places(scene, np.array([0.5, 2.5])) for scene in SCENES]
  return TruthBatch(
    video=np.stack(frames), labels=np.stack(labels), places=np.stack(places)
  )


def test_it_learns_two_clips_by_heart():
  stage, batch = _stage(), _batch()
  params, loss_fn = stage.init(0), judging.make(stage)
  optimizer = optax.adam(1e-2)
  state = optimizer.init(params)

  @jax.jit
  def step(params, state, key):
    (loss, logged), grads = jax.value_and_grad(loss_fn, has_aux=True)(
      params, batch, key
    )
    updates, state = optimizer.update(grads, state)
    return optax.apply_updates(params, updates), state, loss, logged

  losses = []
  for key in jax.random.split(jax.random.key(1), 120):
    params, state, loss, logged = step(params, state, key)
    losses.append(float(loss))
  assert min(losses[-9:]) < 0.2 * losses[0]
  assert {*logged} == {
    *("things", "material", "size", "actor"),
    *("action", "camera", "ground", "sky"),
  }
  answers = judging.predict(stage, params, jnp.asarray(batch.video))
  for k, scene in enumerate(SCENES):
    seen = truth.from_logits({n: np.asarray(x[k]) for n, x in answers.items()})
    assert seen.action == scene.action
    assert seen.sky == scene.sky
    assert {t.shape for t in seen.things} == {t.shape for t in scene.things}
