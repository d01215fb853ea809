import numpy as np
import pytest
import toys

from lumiere_jax.toybox import render
from lumiere_jax.toybox import truth
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world


def _sure(labels, sure=5.0):
  """The answers of a judge that knows the truth."""
  told = truth.split(labels)
  one_hot = lambda value, count: sure * np.eye(count)[value]
  answers = {"present": sure * (2.0 * told["present"] - 1)}
  answers["actor"] = one_hot(told["actor"], len(truth.KINDS))
  for name, known in truth.OF_KINDS.items():
    answers[name] = one_hot(np.maximum(told[name] - 1, 0), len(known))
  for name, known in words.OF_SCENES.items():
    answers[name] = one_hot(told[name], len(known))
  return answers


def _said(scene):
  """What of a scene is its truth: the actor, the others, and the rest."""
  rest = [getattr(scene, name) for name in words.OF_SCENES]
  return scene.actor, {*scene.things}, rest


@pytest.mark.parametrize("split", ["train", "test_unseen"])
def test_the_truth_read_back_is_the_scene(split):
  for index in range(200):
    scene = world.scene(split, index)
    labels = truth.to_array(scene)
    assert labels.dtype == np.int32
    assert labels.shape == (truth.SIZE,)
    assert _said(truth.from_logits(_sure(labels))) == _said(scene)


def test_parts_are_where_they_are_looked_for():
  told = truth.split(truth.to_array(toys.scene("ball", "cube", "cone")))
  there = [truth.KINDS[k] for k in np.flatnonzero(told["present"])]
  assert there == [("ball", "red"), ("cube", "orange"), ("cone", "yellow")]
  for name, known in truth.OF_KINDS.items():
    np.testing.assert_array_equal(told[name] > 0, told["present"])
    assert told[name].max() <= len(known)
  assert truth.KINDS[told["actor"]] == ("ball", "red")
  assert told["ground"] == tuple(words.GROUNDS).index("snow")


def test_a_judge_that_sees_nothing_names_the_likeliest():
  answers = _sure(truth.to_array(toys.scene("ring")))
  answers["present"] -= 20
  assert [t.shape for t in truth.from_logits(answers).things] == ["ring"]


def test_a_judge_that_sees_everything_names_three():
  answers = _sure(truth.to_array(toys.scene("ring")))
  answers["present"] += 20
  assert len(truth.from_logits(answers).things) == 3


def test_one_thing_alone_knocks_nothing():
  answers = _sure(truth.to_array(toys.scene("ring", action="spins")))
  answers["action"][[*words.ACTIONS].index("knocks")] = 9
  assert truth.from_logits(answers).action == "spins"


@pytest.mark.parametrize("split", ["train", "test_unseen"])
def test_places_are_where_things_are_painted(split):
  for index in range(6):
    scene = world.scene(split, index)
    footage = render.footage(scene, 64, num_frames=5, fps=1.0)
    places = truth.to_places(scene, np.arange(5.0))
    cells = footage.things.reshape(5, truth.CELLS, 8, truth.CELLS, 8)
    empty = (cells == 0).all((2, 4))
    # Little of a thing is where none is said to be, and none is missed.
    assert empty[places == truth.NOTHING].mean() > 0.98
    for number, thing in enumerate(scene.things, start=1):
      kind = 1 + truth.KINDS.index((thing.shape, thing.color))
      share = (cells == number).mean((2, 4))[places == kind]
      # A ring has a hole, and a nearer thing may hide a part.
      assert not share.size or share.mean() > 0.35


def test_a_nearer_thing_hides_a_further_one():
  scene, time = toys.scene("ball", "cube", action="orbits"), np.arange(80) / 16
  places = truth.to_places(scene, time)
  footage = render.footage(scene, 16, num_frames=80, fps=16.0)
  x, y, _ = np.moveaxis(footage.centres, -1, 0)
  cells = lambda z: np.clip((z * truth.CELLS).astype(int), 0, truth.CELLS - 1)
  at = places[np.arange(80)[:, None], cells(y), cells(x)]
  ball, cube = (
    1 + truth.KINDS.index((thing.shape, thing.color)) for thing in scene.things
  )
  is_ball_near = footage.centres[:, 0, 2] < footage.centres[:, 1, 2]
  # Half a round each is nearer; what is nearer is always there.
  assert 10 < is_ball_near.sum() < 70
  assert (at[is_ball_near, 0] == ball).all()
  assert (at[~is_ball_near, 1] == cube).all()
  # Before the cube the ball takes its place, and behind it gives its own up.
  assert (at[is_ball_near, 1] != cube).any()
  assert (at[~is_ball_near, 0] != ball).any()


def test_a_mirrored_clip_shows_the_other_side():
  for name, known in (("action", words.ACTIONS), ("camera", words.CAMERAS)):
    other, known = truth.MIRRORED[name], tuple(known)
    swapped = {known[k]: known[v] for k, v in enumerate(other) if k != v}
    assert swapped
    for one, mirrored in swapped.items():
      assert {*one.split()} ^ {*mirrored.split()} == {"left", "right"}
    np.testing.assert_array_equal(other[other], np.arange(len(known)))
