"""At which noise a network listens to what a caption says, and how well.

Real clips are noised and the network is told the caption that is true, and one
in which one thing is said otherwise:

  gain(t) = error(wrong caption) / error(right caption) - 1

Where it is not above 0, the word is not known there, or not needed, since the
noisy clip shows it already.  What no time below 1 needs is decided by the first
step of sampling alone, and by as much of training as is spent there: noise that
frames share leaves where things go to be seen at the faintest signal.
"""

from collections.abc import Callable, Iterator
import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.generation import conditions
from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages
from lumiere_jax.toybox import caption
from lumiere_jax.toybox import render
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world
from lumiere_jax.types import Array, Params

TIMES = (1.0, 0.99, 0.97, 0.93, 0.85, 0.7, 0.5, 0.3)
# No split has as rare a thing as to need more clips for one.
_MOST = 100
OnClip = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
  """A clip and what is said of it.

  Attributes:
    index: of its split.
    scene: what it shows.
    right: caption that is true of it.
    wrong: the same but for one thing.
  """

  index: int
  scene: scenes.Scene
  right: str
  wrong: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hearing:
  """What a network hears of one thing that captions say.

  Attributes:
    gain: [K] mean over clips of the gain at each of the times.
    won: [K] share of clips whose right caption left less error.
    count: how many clips.
  """

  gain: np.ndarray
  won: np.ndarray
  count: int


def _of_scene(name: str) -> Callable:
  def change(scene: scenes.Scene, rng) -> scenes.Scene:
    kept = {getattr(scene, name), *words.PAIRED}  # which need a second thing
    others = [value for value in words.OF_SCENES[name] if value not in kept]
    return dataclasses.replace(scene, **{name: scenes.pick(rng, others)})

  return change


def _of_actor(name: str) -> Callable:
  def change(scene: scenes.Scene, rng) -> scenes.Scene:
    is_value = getattr(scene.actor, name)
    others = [value for value in words.OF_THINGS[name] if value != is_value]
    actor = dataclasses.replace(scene.actor, **{name: scenes.pick(rng, others)})
    return dataclasses.replace(scene, things=(actor, *scene.things[1:]))

  return change


def _turned(name: str) -> Callable:
  def change(scene: scenes.Scene, rng) -> scenes.Scene | None:
    del rng
    back = words.OPPOSITES.get(getattr(scene, name))
    return back and dataclasses.replace(scene, **{name: back})

  return change


# What may be said otherwise -> (scene, rng) -> that scene, or None.
CHANGES = {
  "action": _of_scene("action"),
  "way of action": _turned("action"),
  "camera": _of_scene("camera"),
  "way of camera": _turned("camera"),
  "shape": _of_actor("shape"),
  "color": _of_actor("color"),
  "ground": _of_scene("ground"),
  "sky": _of_scene("sky"),
}


def cases(split: str, what: str, count: int) -> list[Case]:
  """The first clips of a split of which one of `CHANGES` can be said."""
  return list(itertools.islice(_cases(split, what, _MOST * count), count))


def _cases(split: str, what: str, most: int) -> Iterator[Case]:
  for index in range(most):
    scene = world.scene(split, index)
    other = CHANGES[what](scene, np.random.default_rng([index]))
    if other:
      right, wrong = (caption.plain(one).text for one in (scene, other))
      yield Case(index=index, scene=scene, right=right, wrong=wrong)


class Listener:
  """Asks a network that paints whole clips."""

  def __init__(self, stage: stages.Stage, params: Params):
    """Args: stage, its parameters.

    Raises:
      ConfigError: the stage does not paint clips from noise alone.
    """
    if stage.name != stages.BASE:
      raise errors.ConfigError(
        f"a stage {stage.name!r} is given; where words about motion are heard "
        "is asked of one that paints whole clips, such as nano/base."
      )
    self._stage, self._params = stage, params
    advice = stage.recipe.get("sampling") or {}
    self._shared = corruption.Shared(
      advice.get("shared_noise", 0.0), advice.get("shared_patch")
    )
    self._encode = jax.jit(lambda p, *words: stage.encode(p, *words))
    self._error = jax.jit(self._errors)

  def __call__(self, case: Case, times: tuple[float, ...] = TIMES):
    """[K, 2] float64: the error told the right caption, and the wrong one."""
    frames, *size, _ = self._stage.frame_shape
    fps = self._stage.recipe["data"]["fps"]
    real = render.footage(case.scene, size[0], num_frames=frames, fps=fps)
    clean = objective.to_float(jnp.asarray(real.frames)[None])
    key = jax.random.key(case.index)
    noise = objective.draw_noise(key, clean.shape, self._shared)
    told = [self._told(text) for text in (case.right, case.wrong)]
    found = [
      [self._error(self._params, clean, noise, jnp.array([t]), one)]
      for t, one in itertools.product(times, told)
    ]
    return np.array(found, np.float64).reshape(len(times), 2)

  def _told(self, text: str):
    return conditions.build(
      self._stage.tokenizer,
      lambda *words: self._encode(self._params, *words),
      prompt=text,
      negative_prompt="",
      num_clips=1,
      is_guided=False,
      hears_silence=self._stage.hears_silence,
    )

  def _errors(self, params, clean, noise, t, condition) -> Array:
    alpha, sigma = self._stage.schedule.alpha(t), self._stage.schedule.sigma(t)
    noisy = corruption.add_noise(clean, noise, alpha, sigma)
    estimate = self._stage.denoise(params, noisy, t, condition)
    return jnp.mean((estimate.clean - clean) ** 2)


def listen(
  listener: Callable[[Case], np.ndarray],
  split: str,
  count: int,
  on_clip: OnClip | None = None,
) -> dict[str, Hearing]:
  """What is heard of each of `CHANGES`, of `count` clips each.

  Args:
    listener: see `Listener`.
    split: of the toybox.
    count: clips for each thing that may be said otherwise.
    on_clip: told (done, in all, what) after each.
  """
  found = {}
  for number, what in enumerate(CHANGES):
    left = []
    for case in cases(split, what, count):
      left.append(listener(case))
      if on_clip:
        on_clip(number * count + len(left), len(CHANGES) * count, what)
    right, wrong = np.moveaxis(np.stack(left), -1, 0)
    found[what] = Hearing(
      gain=(wrong / right - 1).mean(0),
      won=(wrong > right).mean(0),
      count=len(left),
    )
  return found
