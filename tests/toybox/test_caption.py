import collections
import re

import numpy as np
import pytest
import toys

from lumiere_jax.toybox import caption as captions
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world

ATTRIBUTES = words.OF_THINGS | words.OF_SCENES
# A caption and its end token fit into what a text encoder reads.
MAX_LENGTH = 224


def _said_before_it(synonym):
  """What of a synonym stands before the second thing, if that is named."""
  return synonym.partition(" {it}")[0]


# The longest first: "the camera rises" is no "rises", nor is a blue sky blue.
PHRASES = sorted(
  (
    (_said_before_it(synonym), attribute, value)
    for attribute, known in ATTRIBUTES.items()
    for value, synonyms in known.items()
    for synonym in synonyms
  ),
  key=lambda phrase: -len(phrase[0]),
)


def _read(text):
  """Attribute -> Counter of the values that a caption names."""
  text, found = text.lower(), collections.defaultdict(collections.Counter)
  for phrase, attribute, value in PHRASES:
    text, count = re.subn(rf"(?<![\w-]){phrase}(?![\w-])", "#", text)
    if count:
      found[attribute][value] += count
  return dict(found)


def _said(labels):
  """The same of what its labels say."""
  found = collections.defaultdict(collections.Counter)
  for name, value in labels.items():
    found[name.split()[0]][value] += 1
  return dict(found)


def _written(count, split="train"):
  for index in range(count):
    scene = world.scene(split, index)
    yield scene, captions.write(scene, np.random.default_rng(index))


@pytest.mark.parametrize("split", world.SPLITS)
def test_captions_read_back_are_what_their_labels_say(split):
  for _, caption in _written(300, split):
    assert _read(caption.text) == _said(caption.labels), caption.text


def test_captions_are_true():
  for scene, caption in _written(500):
    for name, value in caption.labels.items():
      attribute, *slot = name.split()
      whose = scene.things[int(slot[0])] if slot else scene
      assert getattr(whose, attribute) == value
    shapes = [name for name in caption.labels if name.startswith("shape")]
    assert len(shapes) == len(scene.things)


def test_a_synonym_means_one_value_of_one_attribute():
  phrases = [phrase for phrase, _, _ in PHRASES]
  assert len(set(phrases)) == len(phrases)
  assert all(phrase == phrase.lower() for phrase in phrases)
  styles = [one for known in words.STYLES.values() for one in known]
  assert not {*styles} & {*phrases}


def test_what_needs_a_second_thing_names_it():
  for name, synonyms in words.ACTIONS.items():
    for synonym in synonyms:
      assert synonym.count("{it}") == (name in words.PAIRED)
  for scene, caption in _written(200):
    if scene.action in words.PAIRED:
      before, other = re.split("|".join(_verbs(scene.action)), caption.text)
      assert caption.labels["action"] == scene.action
      assert _read(before)["shape"] == {scene.actor.shape: 1}
      assert _read(other)["shape"][scene.things[1].shape]


def _verbs(action):
  return [f" {_said_before_it(one)} " for one in words.ACTIONS[action]]


def test_all_that_can_be_said_is_said_at_times():
  said = collections.Counter()
  for _, caption in _written(1000):
    said.update((n.split()[0], v) for n, v in caption.labels.items())
  assert {*said} == {(a, v) for a, known in ATTRIBUTES.items() for v in known}


def _answers(labels):
  """Question -> answer, of those that a caption of these labels answers."""
  array = captions.Caption(text="", labels=labels).array()
  assert array.dtype == np.int32
  return {
    name: "unclear" if number == captions.UNCLEAR else known[number - 1]
    for number, (name, known) in zip(
      array, captions.QUESTIONS.items(), strict=True
    )
    if number != captions.UNSAID
  }


def test_answers_are_of_shapes_whatever_order_they_are_named_in():
  said = {"shape 0": "cone", "color 0": "red", "shape 1": "ball"}
  said |= {"size 1": "large", "sky": "day"}
  assert _answers(said) == {
    "a ball": "yes",
    "a cone": "yes",
    "color of the cone": "red",
    "size of the ball": "large",
    "who acts": "cone",
    "sky": "day",
  }


def test_whose_colour_it_is_may_be_unclear():
  said = {"shape 0": "ball", "color 0": "red", "shape 1": "ball"}
  assert _answers(said) == {
    "a ball": "yes",
    "color of the ball": "unclear",
    "material of the ball": "unclear",
    "size of the ball": "unclear",
    "who acts": "ball",
  }


def test_all_that_captions_say_is_asked():
  for _, caption in _written(100):
    said, found = caption.labels, _answers(caption.labels)
    assert found["who acts"] == said["shape 0"]
    for name in said.keys() & words.OF_SCENES.keys():
      assert found[name] == said[name]
    for slot in range(captions.SLOTS):
      for name in ("color", "material", "size"):
        if f"{name} {slot}" in said:
          answer = found[f"{name} of the {said[f'shape {slot}']}"]
          assert answer in (said[f"{name} {slot}"], "unclear")


def test_the_plain_caption_says_all_in_the_plainest_words():
  found = captions.plain(toys.scene("ball"))
  assert found.text == (
    "a medium-sized matte red ball stands still on the snow under a blue sky "
    "while the camera is still"
  )
  found = captions.plain(toys.scene("ring", "cube", "star", action="knocks"))
  assert found.text.startswith(
    "a medium-sized matte red ring knocks a medium-sized matte orange cube "
    "away next to a medium-sized matte yellow star"
  )
  for scene, _ in _written(100):
    found = captions.plain(scene)
    assert len(found.labels) == 4 * len(scene.things) + 4
    assert found == captions.plain(scene)
    for attribute, values in _said(found.labels).items():
      for value in values:
        first = ATTRIBUTES[attribute][value][0]
        assert _said_before_it(first) in found.text


@pytest.mark.parametrize("style", words.STYLES)
def test_a_style_is_said(style):
  scene = toys.scene(style=style)
  for seed in range(20):
    text = captions.write(scene, np.random.default_rng(seed)).text
    assert sum(one in text for one in words.STYLES[style]) == 1
    others = [
      o for s, known in words.STYLES.items() if s != style for o in known
    ]
    assert not any(one in text for one in others)


def test_the_seed_decides():
  scene = toys.scene("cube", "star")
  write = lambda seed: captions.write(scene, np.random.default_rng(seed))
  assert write(3) == write(3)
  assert len({write(seed).text for seed in range(20)}) > 15


def test_captions_fit():
  texts = [c.text for k in range(1000) for c in world.describe("train", k)]
  assert max(len(text.encode()) for text in texts) < MAX_LENGTH
  assert len({*texts}) > 0.95 * len(texts)


def test_captions_are_written_well():
  for _, caption in _written(300):
    assert not re.search(r"  | ,|,,|\ba [aeio]|\ban [^aeio]", caption.text)
    assert caption.text[0].isupper() == caption.text.endswith(".")
    assert "{" not in caption.text
