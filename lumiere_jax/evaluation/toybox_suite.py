"""Generated clips of the toybox beside real ones of the same scenes.

Prompts are captions of a split's first clips, or written by hand, so that what
each says, and a real clip of it, are known.  Clips are painted first, each into
a file of its own, and then judged: a stopped run goes on, and a new judge needs
no painting.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import dataclasses
import itertools
import pathlib
from typing import Any

import numpy as np

from lumiere_jax.evaluation import analytic
from lumiere_jax.evaluation import frechet
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import paraphrases
from lumiere_jax.evaluation import prompt_following
from lumiere_jax.evaluation import smoothness
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.toybox import render
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world
from lumiere_jax.video import atomic
from lumiere_jax.video import pixels

NUM_FRAMES, FPS = 80, 16.0
# A clip that is to move and moves less than this share of the real one of its
# scene stands still.
_STATIC = 0.1

PARAPHRASES = "paraphrases"
SPLITS = ("test", "test_unseen", PARAPHRASES)

OnClip = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prompt:
  """One prompt and what is known of it.

  Attributes:
    split: one of the `SPLITS`.
    index: number in it; of the toybox's, of the clip whose caption it is.
    text: what to show.
    said: name in `caption.LABELS` -> value, of what it says.
    scene: all that the real clip shows.
  """

  split: str
  index: int
  text: str
  said: Mapping[str, str]
  scene: scenes.Scene

  @property
  def moves(self) -> bool:
    """Whether anything is said to move."""
    still = (self.said.get(name, "still") for name in ("action", "camera"))
    return any(value != "still" for value in still)

  @property
  def is_at_rest(self) -> bool:
    """Whether the camera is said to be still."""
    return self.said.get("camera") == "still"


def prompts(split: str, count: int, first: int = 0) -> list[Prompt]:
  """Prompts number `first` to `first` + `count` of one of the `SPLITS`.

  Of "paraphrases" there are 64, and fewer may come back.
  """
  if split == PARAPHRASES:
    return [
      Prompt(split=split, index=k, text=text, said=said, scene=_one(said, k))
      for k, (text, said) in enumerate(paraphrases.read())
    ][first : first + count]
  found = []
  for index in range(first, first + count):
    caption = world.describe(split, index)[0]
    found.append(
      Prompt(
        split=split,
        index=index,
        text=caption.text,
        said=caption.labels,
        scene=world.scene(split, index),
      )
    )
  return found


def other_scenes(wanted: Sequence[Prompt]) -> list[Prompt]:
  """As many prompts again, of scenes that are not among these."""
  split = wanted[0].split
  split = world.SPLITS[1] if split == PARAPHRASES else split
  return prompts(split, len(wanted), first=wanted[-1].index + 1)


def _one(said: Mapping[str, str], seed: int) -> scenes.Scene:
  """A scene of one thing, of which what is said is so."""
  rng = np.random.default_rng([seed])
  drawn = scenes.draw_until(rng, lambda scene: len(scene.things) == 1)
  of_thing = lambda name: said.get(f"{name} 0", getattr(drawn.actor, name))
  thing = scenes.Thing(**{name: of_thing(name) for name in words.OF_THINGS})
  of_scene = {
    name: said.get(name, getattr(drawn, name)) for name in words.OF_SCENES
  }
  return dataclasses.replace(drawn, things=(thing,), **of_scene)


def paint(
  generator: generators.Generator,
  wanted: Sequence[Prompt],
  folder: pathlib.Path,
  request: Mapping[str, Any],
  on_clip: OnClip | None = None,
) -> None:
  """Paints a clip of each prompt that has none yet.

  Args:
    generator: of clips of `NUM_FRAMES` at `FPS`.
    wanted: what to paint; clip k of a split has the seed `seed` + k.
    folder: where `read` finds them.
    request: fields of `generation.request.Request` but the prompt.
    on_clip: told (done, in all, prompt) after each.
  """
  seed = request.get("seed", 0)
  for done, prompt in enumerate(wanted):
    path = _file(folder, prompt)
    if not path.exists():
      asked = dict(request) | {"prompt": prompt.text, "guard": False}
      asked["seed"] = seed + prompt.index
      result = generator(requests.Request(**asked))
      save(path, {r.name: pixels.to_uint8(r.clips[0]) for r in result.stages})
    if on_clip:
      on_clip(done + 1, len(wanted), prompt.text)


def read(
  folder: pathlib.Path, wanted: Sequence[Prompt], stage: str
) -> Iterator[np.ndarray]:
  """Yields what a stage painted for each prompt: [T, S, S, 3] uint8."""
  for prompt in wanted:
    with np.load(_file(folder, prompt)) as stages:
      yield stages[stage]


def painted(folder: pathlib.Path, prompt: Prompt) -> tuple[str, ...]:
  """Names of the stages whose clips there are, first to last."""
  with np.load(_file(folder, prompt)) as stages:
    return tuple(stages.files)


def rendered(
  wanted: Sequence[Prompt],
  size: int,
  folder: pathlib.Path,
  on_clip: OnClip | None = None,
) -> Iterator[np.ndarray]:
  """Yields the real clip of each prompt's scene: [80, size, size, 3] uint8."""
  for done, prompt in enumerate(wanted):
    path = _file(folder / str(size), prompt)
    if not path.exists():
      real = render.footage(prompt.scene, size, num_frames=NUM_FRAMES, fps=FPS)
      save(path, {"real": real.frames})
    if on_clip:
      on_clip(done + 1, len(wanted), prompt.text)
    with np.load(path) as kept:
      yield kept["real"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
  """What was found of a clip for each prompt.

  Attributes:
    seen: what the judge saw.
    features: [N, F] of the judge.
    smooth: of each clip.
    checks: of each clip, name of an attribute -> what a check without a
      network saw; only what it could tell.
  """

  seen: Sequence[scenes.Scene]
  features: np.ndarray
  smooth: Sequence[smoothness.Smoothness]
  checks: Sequence[Mapping[str, str]]


def measure(clips: Iterable[np.ndarray], judge: judges.Judge) -> Measured:
  """Looks at clips [T, S, S, 3] uint8, a few at a time."""
  seen, features, smooth, checks = [], [], [], []
  clips = iter(clips)
  while some := list(itertools.islice(clips, judges.BATCH)):
    found = judge(np.stack(some), FPS)
    seen += found.scenes
    features.append(found.features)
    smooth += [smoothness.measure(frames) for frames in some]
    checks += [analytic.check(frames) for frames in some]
  return Measured(
    seen=seen, features=np.concatenate(features), smooth=smooth, checks=checks
  )


def following(
  wanted: Sequence[Prompt], seen: Sequence[scenes.Scene]
) -> list[dict[str, bool]]:
  """What of each prompt its clip shows; see `prompt_following`."""
  pairs = zip(wanted, seen, strict=True)
  return [prompt_following.agreement(p.said, scene) for p, scene in pairs]


def truth(
  wanted: Sequence[Prompt], seen: Sequence[scenes.Scene]
) -> list[dict[str, bool]]:
  """What of all that the real clips show the judge saw: its accuracy."""
  pairs = zip(wanted, seen, strict=True)
  return [
    prompt_following.agreement(all_of(p.scene), scene) for p, scene in pairs
  ]


def all_of(scene: scenes.Scene) -> dict[str, str]:
  """A scene as what a caption that leaves nothing unsaid would say."""
  said = {name: getattr(scene, name) for name in words.OF_SCENES}
  for slot, thing in enumerate(scene.things):
    said |= {f"{name} {slot}": getattr(thing, name) for name in words.OF_THINGS}
  return said


def agreeing(
  checks: Sequence[Mapping[str, str]], seen: Sequence[scenes.Scene]
) -> list[dict[str, bool]]:
  """Of each clip, where a check without a network says what is in a scene."""
  is_so = lambda name, value, scene: (
    value == (scene.actor.color if name == "color" else getattr(scene, name))
  )
  return [
    {name: is_so(name, value, scene) for name, value in told.items()}
    for told, scene in zip(checks, seen, strict=True)
  ]


def movement(
  wanted: Sequence[Prompt], made: Measured, real: Measured
) -> dict[str, float | None]:
  """Motion, flicker, spikes and drift of generated clips beside real ones.

  Returns:
    Name -> number; medians over clips, of prompts where something moves but
    "drift", which is of prompts whose camera is still. None of no clips.
  """
  moving = [k for k, prompt in enumerate(wanted) if prompt.moves]
  resting = [k for k, prompt in enumerate(wanted) if prompt.is_at_rest]

  def median(of, name, which):
    values = [getattr(of.smooth[k], name) for k in which]
    return float(np.median(values)) if values else None

  found: dict[str, float | None] = {}
  for name in ("motion", "flicker", "spike"):
    found[name] = median(made, name, moving)
    found[f"{name}, real"] = median(real, name, moving)
  found["drift"] = median(made, "drift", resting)
  found["drift, real"] = median(real, "drift", resting)
  still = [
    made.smooth[k].motion < _STATIC * real.smooth[k].motion for k in moving
  ]
  found["static"] = float(np.mean(still)) if still else None
  return found


def distance(made: Measured, real: Measured, others: Measured) -> dict:
  """Frechet distances on the judge's features; see `evaluation.frechet`."""
  return {
    "generated": frechet.distance(made.features, real.features),
    "real, of other scenes": frechet.distance(others.features, real.features),
    "clips": len(made.features),
  }


def save(path: pathlib.Path, clips: Mapping[str, np.ndarray]) -> None:
  """Writes clips, whole or not at all."""
  with (
    atomic.replacing(path) as unfinished,
    open(unfinished, "wb") as file,  # given a name, numpy adds an ending
  ):
    np.savez_compressed(file, **clips)


def _file(folder: pathlib.Path, prompt: Prompt) -> pathlib.Path:
  return folder / prompt.split / f"{prompt.index:06d}.npz"
