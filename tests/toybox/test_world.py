import collections
import dataclasses
import json

import numpy as np
import pytest
import toys

from lumiere_jax import errors
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world

SEEN = ("train", "test")
REMEMBERED = {
  "train": "a small rubber black star drops from above on a road at sunset, "
  "the camera rises",
  "test": "A can slides closer on floorboards.",
  "test_unseen": "The camera pans right while at night, a huge box that is "
  "cyan and shiny spins on checkered tiles.",
  "twins": "A huge white shiny drum rises on a wooden floor under a grey sky "
  "while the camera turns to the right.",
  "all_pairs": "A small shiny yellow cylinder rises into the air next to a "
  "mid-sized orange matte star on the asphalt while the camera pans right.",
  "styled": "a medium-sized five-pointed star that is orange and metal spins "
  "on the snow under a blue sky while the camera cranes up, as a cartoon",
}


def _scenes(split, count):
  return [world.scene(split, index) for index in range(count)]


@pytest.mark.parametrize("split", world.SPLITS)
def test_a_clip_is_the_same_whenever_it_is_asked_for(split):
  first = _scenes(split, 20)
  assert _scenes(split, 20)[::-1] == first[::-1]
  assert len({*first}) == 20
  assert world.describe(split, 7) == world.describe(split, 7)


def test_splits_differ():
  found = [scene for split in world.SPLITS for scene in _scenes(split, 100)]
  unstyled = [dataclasses.replace(scene, style=None) for scene in found]
  assert len({*unstyled}) == len(found)


def test_clips_stay_what_they_were():
  # Datasets and figures refer to clips by number: see `world.VERSION`.
  said = {split: world.describe(split, 0)[0].text for split in world.SPLITS}
  assert said == REMEMBERED


@pytest.mark.parametrize("split", SEEN)
def test_what_is_unseen_is_never_trained_on_nor_tested(split):
  assert not any(world.is_unseen(scene) for scene in _scenes(split, 500))


def test_what_is_unseen_is_in_every_clip_of_its_split():
  found = _scenes("test_unseen", 300)
  assert all(world.is_unseen(scene) for scene in found)
  pairs = {(t.color, t.shape) for scene in found for t in scene.things}
  assert pairs >= {*world.UNSEEN_COLORS}
  acts = {(scene.actor.shape, scene.action) for scene in found}
  assert acts >= {*world.UNSEEN_ACTIONS}


def test_what_is_unseen_is_seen_in_parts():
  found = _scenes("train", 800)
  things = [thing for scene in found for thing in scene.things]
  seen = {(t.color, t.shape) for t in things}
  everything = {(c, s) for c in words.COLORS for s in words.SHAPES}
  assert everything - seen == {*world.UNSEEN_COLORS}


@pytest.mark.parametrize(
  ("scene", "unseen"),
  [
    (toys.scene("ball"), False),
    (toys.scene("ball", "cube", action="slides away"), True),
    (toys.scene("cube", "ball", action="slides away"), False),
    (toys.scene("diamond"), True),
    (toys.scene("ball", "cube", "cylinder"), True),
  ],
  ids=["seen", "act", "act of another", "color", "color of the third"],
)
def test_unseen_is_a_color_of_any_thing_or_an_act_of_the_first(scene, unseen):
  assert world.is_unseen(scene) == unseen


def test_all_pairs_has_those_that_training_never_shows_by_turns():
  found = [world.is_unseen(scene) for scene in _scenes("all_pairs", 200)]
  assert found == [True, False] * 100


def test_styled_clips_go_through_the_styles():
  found = [scene.style for scene in _scenes("styled", 10)]
  assert found == [*words.STYLES, *words.STYLES, *words.STYLES][:10]
  for split in ("train", "test", "test_unseen", "all_pairs"):
    assert not any(scene.style for scene in _scenes(split, 20))


def test_twins_differ_by_one_word():
  ways = collections.Counter()
  for one, other in zip(*[iter(_scenes("twins", 400))] * 2, strict=True):
    a, b = one.to_dict(), other.to_dict()
    (name,) = [name for name in a if a[name] != b[name]]
    assert name in ("action", "camera")
    assert not world.is_unseen(one)
    assert not world.is_unseen(other)
    directed = {one.action, one.camera} & {*words.COUNTERPARTS}
    opposed = words.COUNTERPARTS.get(a[name]) == b[name]
    ways[name, bool(directed), opposed] += 1
  assert ways["action", True, True] > 40
  assert ways["camera", True, True] > 40
  # Where the opposite is what training never shows, such as of a ball that
  # slides closer; and where there is none.
  assert 0 < ways["action", True, False] + ways["camera", True, False] < 20
  assert ways["action", False, False]
  assert ways["camera", False, False]


def test_twins_are_told_apart_by_that_word_alone():
  one, other = (world.describe("twins", index)[0].text for index in (0, 1))
  assert other == one.replace("rises", "falls down")


def test_opposites_are_so_of_each_other():
  for way, other in words.COUNTERPARTS.items():
    assert words.COUNTERPARTS[other] == way != other
  known = {*words.ACTIONS, *words.CAMERAS}
  assert {*words.COUNTERPARTS} <= known


def test_one_two_and_three_things():
  found = _scenes("train", 500)
  counts = collections.Counter(len(scene.things) for scene in found)
  for count, share in ((1, 0.6), (2, 0.3), (3, 0.1)):
    assert counts[count] / 500 == pytest.approx(share, abs=0.07)
  for scene in found:
    told_by = {(thing.shape, thing.color) for thing in scene.things}
    assert len(told_by) == len(scene.things)


@pytest.mark.parametrize("split", world.SPLITS)
def test_each_clip_has_captions_of_its_own_scene(split):
  for index in range(20):
    scene, found = world.scene(split, index), world.describe(split, index)
    assert len(found) == world.CAPTIONS
    for caption in found:
      assert caption.labels["shape 0"] == scene.actor.shape


def test_a_scene_survives_json():
  for split in world.SPLITS:
    for scene in _scenes(split, 20):
      plain = json.loads(json.dumps(scene.to_dict()))
      assert scenes.Scene.from_dict(plain) == scene


def test_a_clip_is_found_by_its_name():
  for split in world.SPLITS:
    for index in (0, 7, 1_234_567):
      found = world.find(world.name(split, index))
      assert found == world.scene(split, index)


def test_drawing_until_goes_on_until():
  rng = np.random.default_rng(0)
  is_star = lambda scene: scene.actor.shape == "star"
  assert is_star(scenes.draw_until(rng, is_star))


NONSENSE = {
  "shape": (lambda: toys.thing("bal"), "shape is 'bal'.*Did you mean 'ball'"),
  "color": (lambda: toys.thing(color="mauve"), "color is 'mauve'; it must be"),
  "size": (lambda: toys.thing(size="vast"), "size is 'vast'; it must be one"),
  "action": (lambda: toys.scene(action="flies"), "action is 'flies'; it must"),
  "ground": (lambda: toys.scene(ground="lava"), "ground is 'lava'; it must"),
  "style": (lambda: toys.scene(style="cubism"), "style is 'cubism'; it must"),
  "alone": (
    lambda: toys.scene("ball", action="knocks"),
    r"'knocks' needs a second thing; there is one\.",
  ),
  "four": (
    lambda: toys.scene("ball", "cube", "star", "ring"),
    r"one to three things, not 4\.",
  ),
  "none": (
    lambda: scenes.Scene(things=(), **toys.DEFAULTS),
    r"one to three things, not 0\.",
  ),
  "name": (lambda: world.find("a.mp4"), r"'a\.mp4' is no clip of the toybox"),
  "number": (lambda: world.find("test/x"), "'test/x' is no clip of the toybox"),
  "digit": (lambda: world.find("test/\u00b2"), "is no clip of the toybox"),
  "before": (lambda: world.scene("test", -1), "clips count from 0"),
  "split": (lambda: world.scene("valid", 0), "split is 'valid'; it must be"),
}


@pytest.mark.parametrize(("make", "match"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused_in_a_sentence(make, match):
  with pytest.raises(errors.ConfigError, match=match) as raised:
    make()
  assert "\n" not in str(raised.value)


def test_a_style_alone_is_every_fourth_styled_clip():
  for k, style in enumerate(words.STYLES):
    for index in range(3):
      split, whole = f"styled_{style}", 4 * index + k
      assert world.scene(split, index) == world.scene("styled", whole)
      assert world.describe(split, index) == world.describe("styled", whole)
      assert world.scene(split, index).style == style
      assert world.find(f"{split}/{index:06d}").style == style
