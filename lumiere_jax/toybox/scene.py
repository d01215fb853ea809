"""What is in a clip: things, what the first of them does, and where.

A scene is its words and a seed: everything that words leave open (where
things stand, how fast they go, how the grass lies) is drawn from the seed.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, Self

import numpy as np

from lumiere_jax import errors
from lumiere_jax.toybox import words

# Share of scenes with one thing, two and three.
_NUM_THINGS = (0.6, 0.3, 0.1)
# Where there are two things, the actions that need them are drawn this often.
_PAIRED_SHARE = 0.35
# A camera that stays is as common as all others are rare, so that most clips
# show what moves in them.
_STILL_CAMERA = 0.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thing:
  """One thing of a scene.

  Attributes:
    shape: key of `words.SHAPES`.
    color: key of `words.COLORS`.
    material: key of `words.MATERIALS`.
    size: key of `words.SIZES`.
  """

  shape: str
  color: str
  material: str
  size: str

  def __post_init__(self):
    for name, known in words.OF_THINGS.items():
      errors.require_one_of(name, getattr(self, name), tuple(known))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scene:
  """All that a clip shows, in words.

  Attributes:
    things: one to three; the first is the one that acts.
    action: key of `words.ACTIONS`.
    camera: key of `words.CAMERAS`.
    ground: key of `words.GROUNDS`.
    sky: key of `words.SKIES`.
    seed: of all that the words leave open.
    style: key of `words.STYLES`, or None for the lit world.
  """

  things: tuple[Thing, ...]
  action: str
  camera: str
  ground: str
  sky: str
  seed: int = 0
  style: str | None = None

  def __post_init__(self):
    for name, known in words.OF_SCENES.items():
      errors.require_one_of(name, getattr(self, name), tuple(known))
    if self.style is not None:
      errors.require_one_of("style", self.style, tuple(words.STYLES))
    if not 1 <= len(self.things) <= 3:
      raise errors.ConfigError(
        f"a scene has one to three things, not {len(self.things)}."
      )
    if self.action in words.PAIRED and len(self.things) < 2:
      raise errors.ConfigError(
        f"{self.action!r} needs a second thing; there is one."
      )

  @property
  def actor(self) -> Thing:
    """The thing that acts."""
    return self.things[0]

  def to_dict(self) -> dict[str, Any]:
    """Plain dicts, lists and scalars."""
    return dataclasses.asdict(self)

  @classmethod
  def from_dict(cls, plain: dict[str, Any]) -> Self:
    """The inverse of `to_dict`."""
    things = tuple(Thing(**thing) for thing in plain["things"])
    return cls(**(plain | {"things": things}))


def draw(rng: np.random.Generator, *, style: str | None = None) -> Scene:
  """A scene at random; no two of its things have both shape and colour."""
  count = 1 + int(rng.choice(3, p=_NUM_THINGS))
  things: list[Thing] = []
  while len(things) < count:
    thing = Thing(
      **{name: pick(rng, known) for name, known in words.OF_THINGS.items()}
    )
    if all((thing.shape, thing.color) != (t.shape, t.color) for t in things):
      things.append(thing)
  return Scene(
    things=tuple(things),
    action=_action(rng, count),
    camera=_camera(rng),
    ground=pick(rng, words.GROUNDS),
    sky=pick(rng, words.SKIES),
    seed=int(rng.integers(2**31)),
    style=style,
  )


def draw_until(
  rng: np.random.Generator, accepts: Callable[[Scene], bool]
) -> Scene:
  """The first scene drawn that is accepted."""
  while True:
    scene = draw(rng)
    if accepts(scene):
      return scene


def twin(
  scene: Scene, rng: np.random.Generator, accepts: Callable[[Scene], bool]
) -> Scene:
  """The same scene, but that what acts or the camera goes another way.

  The opposite way where there is one.  All that words leave open stays, so that
  the two clips differ by what that one word says.

  Args:
    scene: of which it is to be.
    rng: says which of the two is changed and, where it has no opposite, to
      what.
    accepts: a twin that is not is drawn again.
  """
  changes = {"action": scene.action, "camera": scene.camera}
  ways = [
    name for name, value in changes.items() if value in words.COUNTERPARTS
  ]
  while True:
    name = pick(rng, ways or changes)
    found = dataclasses.replace(
      scene, **{name: _other(rng, name, changes[name])}
    )
    if accepts(found):
      return found
    ways = []  # for example, a ball never slides away in training


def _other(rng: np.random.Generator, name: str, value: str) -> str:
  """The opposite of an action or of a camera's move, or another at random."""
  if value in words.COUNTERPARTS:
    return words.COUNTERPARTS[value]
  others = {*words.OF_SCENES[name]} - {value, *words.PAIRED}
  return pick(rng, sorted(others))


def pick(rng: np.random.Generator, known) -> str:
  """One of some keys, all as likely."""
  return tuple(known)[rng.integers(len(known))]


def _action(rng: np.random.Generator, count: int) -> str:
  if count > 1 and rng.random() < _PAIRED_SHARE:
    return pick(rng, words.PAIRED)
  return pick(rng, [a for a in words.ACTIONS if a not in words.PAIRED])


def _camera(rng: np.random.Generator) -> str:
  if rng.random() < _STILL_CAMERA:
    return "still"
  return pick(rng, [name for name in words.CAMERAS if name != "still"])
