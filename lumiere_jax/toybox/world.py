"""The world by number: clip k of a split is the same on every machine.

train        what weights are trained on
test         other scenes of the same kind
test_unseen  scenes with pairs of attributes that train and test never show
twins        as train, in pairs, 2k and 2k + 1, of which the second is
             another way: all is the same but one word, and what it says
all_pairs    scenes like those of test_unseen and of train by turns: what judges
             learn from, who are to know whatever a clip may show
styled       the world drawn instead of lit, for stylisation; any pairs
styled_neon  those of its clips that are drawn so; likewise the other styles
"""

import numpy as np

from lumiere_jax import errors
from lumiere_jax.toybox import caption as captions
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words

# Raised when the same number is to mean another clip.
VERSION = 1
# The number of a split is a part of its seed: others come after these.
SPLITS = ("train", "test", "test_unseen", "styled", "twins", "all_pairs")
NAMES = (*SPLITS, *(f"styled_{style}" for style in words.STYLES))
CAPTIONS = 3
UNSEEN_COLORS = (
  ("green", "ring"),
  ("purple", "cone"),
  ("cyan", "star"),
  ("red", "diamond"),
  ("yellow", "cylinder"),
  ("pink", "cube"),
)
# Of the thing that acts.
UNSEEN_ACTIONS = (
  ("cone", "bounces"),
  ("ring", "rises"),
  ("cube", "spins"),
  ("ball", "slides away"),
)


def scene(split: str, index: int) -> scenes.Scene:
  """What clip `index` of a split shows; any index from 0."""
  errors.require_one_of("split", split, NAMES)
  if index < 0:
    raise errors.ConfigError(f"clip {index} of {split}: clips count from 0.")
  split, index = _whole(split, index)
  rng = _generator(split, _drawn(split, index), 0)
  if split == "test_unseen" or (split == "all_pairs" and index % 2 == 0):
    return scenes.draw_until(rng, is_unseen)
  if split == "styled":
    styles = tuple(words.STYLES)
    return scenes.draw(rng, style=styles[index % len(styles)])
  seen = lambda scene: not is_unseen(scene)
  if split == "twins":
    first = scenes.draw_until(rng, seen)
    return scenes.twin(first, rng, seen) if index % 2 else first
  return scenes.draw_until(rng, seen)


def describe(split: str, index: int) -> tuple[captions.Caption, ...]:
  """`CAPTIONS` captions of a clip."""
  split, index = _whole(split, index)
  what, rng = scene(split, index), _generator(split, _drawn(split, index), 1)
  return tuple(captions.write(what, rng) for _ in range(CAPTIONS))


def name(split: str, index: int) -> str:
  """What a clip is called wherever it is stored."""
  return f"{split}/{index:06d}"


def find(called: str) -> scenes.Scene:
  """The scene of the clip that `name` calls so; raises `ConfigError`."""
  split, _, index = called.partition("/")
  if split not in NAMES or not index.isdecimal():
    raise errors.ConfigError(
      f"{called!r} is no clip of the toybox, so that what it shows is not "
      "known; use a dataset that `lumiere toybox` made."
    )
  return scene(split, int(index))


def is_unseen(scene: scenes.Scene) -> bool:
  """Whether a scene has a pair of attributes that training never shows."""
  colors = {(thing.color, thing.shape) for thing in scene.things}
  acts = (scene.actor.shape, scene.action)
  return bool(colors & {*UNSEEN_COLORS}) or acts in UNSEEN_ACTIONS


def _whole(split: str, index: int) -> tuple[str, int]:
  """The same clip as one of a split that is drawn for itself."""
  whole, _, style = split.partition("_")
  if split in SPLITS or not style:
    return split, index
  styles = tuple(words.STYLES)
  return whole, len(styles) * index + styles.index(style)


def _drawn(split: str, index: int) -> int:
  """The number that a clip's seed has: of twins both have the same."""
  return index // 2 if split == "twins" else index


def _generator(split: str, index: int, use: int) -> np.random.Generator:
  return np.random.default_rng([VERSION, SPLITS.index(split), index, use])
