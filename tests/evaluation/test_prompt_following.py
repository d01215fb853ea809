"""What of a caption a clip shows, against cases counted by hand."""

import dataclasses

import numpy as np
import pytest
import toys

from lumiere_jax.evaluation import prompt_following
from lumiere_jax.toybox import caption as captions
from lumiere_jax.toybox import scene as scenes

BALL = toys.thing("ball", "red", "shiny", "large")
CUBE = toys.thing("cube", "blue", "matte", "small")
SEEN = scenes.Scene(
  **toys.DEFAULTS | {"things": (BALL, CUBE), "action": "bounces"}
)
SAID = {
  "shape 0": "ball",
  "color 0": "red",
  "shape 1": "cube",
  "action": "bounces",
  "camera": "still",
}


def test_what_is_said_and_seen_is_right():
  found = prompt_following.agreement(SAID, SEEN)
  assert found == dict.fromkeys(
    [*SAID, "number of things", "who acts", "everything"], True
  )


def test_what_is_unsaid_is_not_asked():
  found = prompt_following.agreement({"shape 0": "ball"}, SEEN)
  assert found == {
    "shape 0": True,
    "number of things": False,
    "everything": False,
  }


def test_things_are_found_in_whatever_order_they_stand():
  turned = dataclasses.replace(SEEN, things=(CUBE, BALL))
  found = prompt_following.agreement(SAID, turned)
  wrong = {name for name, right in found.items() if not right}
  assert wrong == {"who acts", "everything"}


def test_one_wrong_colour_is_one_thing_wrong():
  found = prompt_following.agreement(SAID | {"color 1": "green"}, SEEN)
  wrong = {name for name, right in found.items() if not right}
  assert wrong == {"color 1", "everything"}


def test_a_thing_that_is_missing_is_wrong_in_all():
  alone = dataclasses.replace(SEEN, things=(BALL,))
  found = prompt_following.agreement(SAID, alone)
  assert found["shape 0"]
  assert not found["shape 1"]
  assert not found["number of things"]


@pytest.mark.parametrize("index", range(40))
def test_a_scene_follows_all_that_captions_say_of_it(index):
  rng = np.random.default_rng(index)
  scene = scenes.draw(rng)
  said = captions.write(scene, rng).labels
  assert all(prompt_following.agreement(said, scene).values())


def test_rates_are_of_attributes_whatever_thing_has_them():
  found = prompt_following.rates(
    [
      {"shape 0": True, "shape 1": False, "sky": True},
      {"shape 0": True, "sky": False},
    ]
  )
  assert found["shape"].count == 3
  assert found["shape"].right == pytest.approx(2 / 3)
  assert (found["sky"].right, found["sky"].count) == (0.5, 2)


def test_intervals_hold_what_a_binomial_does():
  rng = np.random.default_rng(0)
  found = prompt_following.rates(
    [{"sky": bool(right)} for right in rng.random(400) < 0.8]
  )["sky"]
  # 1.96 sqrt(0.8 0.2 / 400) = 0.039
  assert found.right - found.low == pytest.approx(0.039, abs=0.01)
  assert found.high - found.right == pytest.approx(0.039, abs=0.01)
  certain = prompt_following.rates([{"sky": True}] * 10)["sky"]
  assert (certain.low, certain.high) == (1.0, 1.0)
