"""Scenes in words: a grammar whose sentences are true of the scene.

A caption may leave things unsaid but says nothing wrong, and it is known what
it says: `Caption.labels` is the truth that a reader of the caption, or a judge
of a clip made from it, can be asked for.
"""

from collections.abc import Container
import dataclasses
import re

import numpy as np

from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words

# How much is said: share of captions, and of what is optional in them.
_FULLNESS = ((0.55, 1.0), (0.25, 0.65), (0.2, 0.15))
SLOTS = 3
# Name of each label and the values it may have.
LABELS: dict[str, tuple[str, ...]] = {
  f"{name} {slot}": tuple(known)
  for slot in range(SLOTS)
  for name, known in words.OF_THINGS.items()
} | {name: tuple(known) for name, known in words.OF_SCENES.items()}
# What a reader of captions is asked, and the answers, in groups.  By shape, not
# by the order in which things are named: whose a colour is can then be told
# where the shape is named, without counting what comes before it.
GROUPS: tuple[dict[str, tuple[str, ...]], ...] = (
  *(
    {f"a {shape}": ("yes",)}
    | {
      f"{name} of the {shape}": tuple(known)
      for name, known in words.OF_THINGS.items()
      if name != "shape"
    }
    for shape in words.SHAPES
  ),
  {"who acts": tuple(words.SHAPES)},
  *({name: tuple(known)} for name, known in words.OF_SCENES.items()),
)
QUESTIONS = {name: known for group in GROUPS for name, known in group.items()}
UNSAID, UNCLEAR = 0, -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Caption:
  """What is said of a scene.

  Attributes:
    text: the caption.
    labels: name in `LABELS` -> value, of what it says.
  """

  text: str
  labels: dict[str, str]

  def array(self) -> np.ndarray:
    """[len(QUESTIONS)] int32, the answers: their number, from 1.

    `UNSAID` where nothing is said; `UNCLEAR` of shapes that two things have.
    """
    said = self.labels.get
    numbers = []
    for question, known in QUESTIONS.items():
      name, _, shape = question.partition(" of the ")
      if question == "who acts":
        answers = [said("shape 0")]
      elif question in words.OF_SCENES:
        answers = [said(question)]
      else:
        is_one = not shape
        shape = shape or question.removeprefix("a ")
        slots = [k for k in range(SLOTS) if said(f"shape {k}") == shape]
        answers = [said(f"{name} {slot}") for slot in slots]
        if is_one:
          answers = ["yes"] if slots else []
      numbers.append(_number(answers, known))
    return np.array(numbers, np.int32)


def _number(answers: list[str | None], known: tuple[str, ...]) -> int:
  """The number of the answer among those known."""
  if len(answers) > 1:
    return UNCLEAR
  return 1 + known.index(answers[0]) if answers and answers[0] else UNSAID


def write(scene: scenes.Scene, rng: np.random.Generator) -> Caption:
  """A caption at random."""
  shares, fullness = zip(*_FULLNESS, strict=True)
  return _Writer(
    scene, rng, fullness[rng.choice(len(shares), p=shares)]
  ).write()


def plain(scene: scenes.Scene) -> Caption:
  """The caption that says everything in the plainest words."""
  return _Writer(scene, None, 1.0).write()


# Words of phrases for grounds and skies that are said of other things, too.
_TELL_NOTHING = {
  *("a", "at", "field", "floor", "in", "light", "on", "the", "under"),
  *words.COLORS,
  "grey",
}


# Says where a thing goes, not where the camera does.
_TO_THE_CAMERA = re.compile(r"\b(towards?|from|at|near|to) the camera\b")


def complete(text: str, unsaid: Container[str], rng) -> str:
  """Says what a text leaves open of ground, sky and camera.

  Frames of a clip are painted together, but what nobody asked for may differ
  between them where training was short.  What a text does say, in words that
  no caption has ("on asphalt"), is said again as captions do.

  Args:
    text: as a person writes it.
    unsaid: which of "ground", "sky" and "camera" a reader does not find in it.
    rng: draws ground and sky; a camera that nobody speaks of is still.
  """
  draw = lambda name: str(rng.choice(list(words.OF_SCENES[name])))
  # All are drawn, so that one does not depend on which others are said.
  drawn = {name: draw(name) for name in ("ground", "sky")}
  meant = {name: named(text, name) or drawn[name] for name in drawn}
  plain = lambda name, value: words.OF_SCENES[name][value][0]
  where = [plain(name, meant[name]) for name in drawn if name in unsaid]
  text = text.strip().rstrip(".")
  if where:
    first = text if text[1:2].isupper() else text[:1].lower() + text[1:]
    text = f"{' '.join(where)}, {first}"
  speaks_of_it = "camera" in _TO_THE_CAMERA.sub("", text.lower())
  if "camera" in unsaid and not speaks_of_it:
    text = f"{text} while {plain('camera', 'still')}"
  return text


def named(text: str, name: str) -> str | None:
  """The ground or the sky of which a text has a word that no other has.

  Args:
    text: as a person writes it.
    name: "ground" or "sky".

  Returns:
    Its name in `words`; None where there is no such word, or of several.
  """
  split = lambda said: {*re.findall(r"[a-z]+", said.lower())}
  telling = {
    value: split(" ".join([value, *phrases])) - _TELL_NOTHING
    for value, phrases in words.OF_SCENES[name].items()
  }
  found = [
    value
    for value, own in telling.items()
    if split(text)
    & own.difference(*(other for v, other in telling.items() if v != value))
  ]
  return found[0] if len(found) == 1 else None


class _Writer:
  """Writes one caption; without a generator, always the same."""

  def __init__(self, scene: scenes.Scene, rng, fullness: float):
    self.scene, self.rng, self.fullness = scene, rng, fullness
    self.labels: dict[str, str] = {}

  def write(self) -> Caption:
    """Puts the parts together in one of several orders."""
    core = self.core()
    ground, sky, camera = (
      self.part(name) for name in ("ground", "sky", "camera")
    )
    style = self.scene.style and self.word(words.STYLES[self.scene.style])
    text = self.ordered(core, ground, sky, camera)
    text = f"{text}, {style}" if style else text
    if self.chance(0.5):
      text = f"{text[0].upper()}{text[1:]}."
    return Caption(text=text, labels=dict(self.labels))

  def ordered(self, core, ground, sky, camera) -> str:
    """Core and circumstances, of which each may be empty."""
    join = lambda parts, by=" ": by.join(part for part in parts if part)
    order = self.choice(4)
    if order == 1 and sky:
      text = join([f"{sky},", core, ground])
    elif order == 2 and (ground or sky):
      text = join([join([ground, sky]) + ",", core])
    else:
      text = join([core, ground, sky])
    if not camera:
      return text
    way = self.choice(3)
    if camera.startswith("seen"):
      return f"{text}, {camera}"
    if way == 1:
      return f"{camera} while {text}"
    return f"{text}{', ' if way == 2 else ' while '}{camera}"

  def core(self) -> str:
    """Things and what the first of them does."""
    count = len(self.scene.things)
    names = [self.thing(k) for k in range(count)]
    paired = self.scene.action in words.PAIRED
    verb = self.action(names[1] if paired else "")
    others = names[2 if paired else 1 :]
    if not others:
      return f"{names[0]} {verb}"
    beside = self.word(("next to", "beside", "near", "not far from"))
    if paired or self.choice(2):
      return f"{names[0]} {verb} {beside} {' and '.join(others)}"
    return f"{names[0]}, {beside} {' and '.join(others)}, {verb}"

  def action(self, other: str) -> str:
    """The verb; an action that needs a second thing is always said."""
    name = self.scene.action
    if not other and self.rng is not None and not self.says(0.85):
      return "is there"
    self.labels["action"] = name
    return self.word(words.ACTIONS[name]).format(it=other)

  def thing(self, slot: int) -> str:
    """A thing by shape and colour, and the rest if there is room."""
    thing = self.scene.things[slot]
    said = {"shape": True, "color": self.says(0.8)}
    said |= {"size": self.says(), "material": self.says()}
    found = {}
    for name, known in words.OF_THINGS.items():
      if said[name]:
        value = getattr(thing, name)
        self.labels[f"{name} {slot}"] = value
        found[name] = self.word(known[value])
    return self.noun(found)

  def noun(self, found: dict[str, str]) -> str:
    """Adjectives and noun, in one of three orders."""
    get = lambda *names: [found[name] for name in names if name in found]
    order = self.choice(4)
    if order == 1 and "color" in found and "material" in found:
      said = [*get("size", "color", "material"), found["shape"]]
    elif order == 2 and "material" in found and "color" in found:
      after = f"that is {found['color']} and {found['material']}"
      said = [*get("size"), found["shape"], after]
    else:
      said = [*get("size", "material", "color"), found["shape"]]
    return f"{'an' if said[0][0] in 'aeiou' else 'a'} {' '.join(said)}"

  def part(self, name: str) -> str:
    """Ground, sky or camera, or nothing."""
    if not self.says():
      return ""
    value = getattr(self.scene, name)
    self.labels[name] = value
    return self.word(words.OF_SCENES[name][value])

  def says(self, least: float = 0.0) -> bool:
    """Whether something optional is said."""
    return self.rng is None or self.rng.random() < max(self.fullness, least)

  def chance(self, share: float) -> bool:
    """Whether to, where both are right."""
    return self.rng is not None and self.rng.random() < share

  def choice(self, count: int) -> int:
    """One of several forms, of which 0 is the plain one."""
    return 0 if self.rng is None else int(self.rng.integers(count))

  def word(self, known: tuple[str, ...]) -> str:
    """One of several synonyms, the first of which is the plain one."""
    if self.rng is None or self.rng.random() < 0.4:
      return known[0]
    return known[self.rng.integers(len(known))]
