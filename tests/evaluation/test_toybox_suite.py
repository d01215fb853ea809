"""The toybox suite, painted by something that looks the truth up."""

import dataclasses
import types

import numpy as np
import pytest

from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import paraphrases
from lumiere_jax.evaluation import suite_report
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.toybox import words

COUNT = 6
WANTED = toybox_suite.prompts("test", COUNT)


class Painter:
  """In the generator's place: a clip whose level tells its seed."""

  def __init__(self):
    self.seeds = []

  def __call__(self, request):
    self.seeds.append(request.seed)
    ramp = np.linspace(-1, request.seed / 10, 80, dtype=np.float32)
    clip = np.broadcast_to(ramp[:, None, None, None], (80, 16, 16, 3))
    run = types.SimpleNamespace(name="base", clips=clip[None])
    return types.SimpleNamespace(stages=(run,))


class Oracle:
  """In the judge's place: it knows the scenes, in the order asked."""

  def __init__(self, scenes):
    self.scenes = list(scenes)

  def __call__(self, clips, fps):
    assert fps == 16
    seen = [self.scenes.pop(0) for _ in clips]
    levels = clips.reshape(len(clips), -1)[:, ::1000].astype(np.float32)
    return judges.Seen(scenes=seen, features=levels[:, :5])


def _measured(folder, scenes):
  clips = toybox_suite.read(folder, WANTED, "base")
  return toybox_suite.measure(clips, Oracle(scenes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  path = tmp_path_factory.mktemp("suite")
  toybox_suite.paint(Painter(), WANTED, path, {"seed": 2})
  return path


def test_prompts_are_true_captions_of_their_scenes():
  scenes = [prompt.scene for prompt in WANTED]
  follows = toybox_suite.following(WANTED, scenes)
  assert all(all(one.values()) for one in follows)
  assert len({prompt.text for prompt in WANTED}) == COUNT


def test_paraphrases_are_of_scenes_that_show_them():
  wanted = toybox_suite.prompts("paraphrases", 256)
  assert len(wanted) == 64
  seen = [prompt.scene for prompt in wanted]
  assert all(all(x.values()) for x in toybox_suite.following(wanted, seen))
  assert {len(scene.things) for scene in seen} == {1}


def test_paraphrases_are_none_of_the_grammar():
  """Each has a word that no caption has."""
  known = {
    word
    for table in (*words.OF_THINGS.values(), *words.OF_SCENES.values())
    for phrases in table.values()
    for phrase in phrases
    for word in phrase.split()
  } | {"a", "and", "the", "in", "of", "an", "one", "with", "on", "is"}
  told = [text for text, _ in paraphrases.read()]
  words_of = lambda text: {*text.replace(",", "").replace(":", "").split()}
  assert [text for text in told if not words_of(text) - known] == []


@pytest.mark.parametrize("split", toybox_suite.SPLITS)
def test_other_scenes_are_others(split):
  wanted = toybox_suite.prompts(split, 3)
  others = toybox_suite.other_scenes(wanted)
  assert len(others) == 3
  known = [prompt.scene for prompt in wanted]
  assert all(prompt.scene not in known for prompt in others)


def test_clip_k_has_seed_plus_k_and_is_painted_once(folder):
  again = Painter()
  toybox_suite.paint(again, WANTED, folder, {"seed": 2})
  assert again.seeds == []
  (folder / "test" / "000004.npz").unlink()
  told = []
  toybox_suite.paint(
    again, WANTED, folder, {"seed": 2}, lambda *x: told.append(x)
  )
  assert again.seeds == [6]
  assert [done for done, _, _ in told] == [*range(1, COUNT + 1)]
  last = [c[-1, 0, 0, 0] for c in toybox_suite.read(folder, WANTED, "base")]
  assert sorted(last) == last
  assert toybox_suite.painted(folder, WANTED[0]) == ("base",)


def test_real_clips_are_those_of_the_split(tmp_path):
  (first,) = toybox_suite.rendered(WANTED[:1], 16, tmp_path)
  (again,) = toybox_suite.rendered(WANTED[:1], 16, tmp_path)
  assert first.shape == (80, 16, 16, 3)
  np.testing.assert_array_equal(first, again)


def test_what_a_perfect_judge_sees_of_perfect_clips(folder):
  scenes = [prompt.scene for prompt in WANTED]
  made = real = _measured(folder, scenes)
  scores = suite_report.score(WANTED, "base", 16, made, real, real)
  for rates in (scores.rates, scores.real, scores.judge):
    assert {rate.right for rate in rates.values()} == {1.0}
  assert scores.judge["action"].count == COUNT  # said or not
  assert scores.frechet["generated"] == pytest.approx(0, abs=1e-3)
  assert scores.movement["static"] == 0.0
  assert scores.movement["motion"] == scores.movement["motion, real"]


def test_what_is_wrong_counts_where_it_is(folder):
  scenes = [prompt.scene for prompt in WANTED]
  real = _measured(folder, scenes)
  night = [
    dataclasses.replace(s, sky="day" if s.sky == "night" else "night")
    for s in scenes
  ]
  made = _measured(folder, night)
  scores = suite_report.score(WANTED, "base", 16, made, real, real)
  assert scores.rates["sky"].right == 0.0
  assert scores.rates["ground"].right == 1.0
  assert scores.judge["sky"].right == 1.0


def test_clips_that_stand_still_are_told(folder):
  scenes = [prompt.scene for prompt in WANTED]
  real = _measured(folder, scenes)
  still = dataclasses.replace(real.smooth[0], motion=0.0)
  made = dataclasses.replace(real, smooth=[still] * COUNT)
  found = toybox_suite.movement(WANTED, made, real)
  assert found["static"] == 1.0
  assert found["motion"] == 0.0


def test_checks_are_compared_with_whoever_saw_the_scene():
  scene = WANTED[0].scene
  other = "day" if scene.sky != "day" else "night"
  found = toybox_suite.agreeing(
    [{"sky": scene.sky, "color": scene.actor.color}, {"sky": other}, {}],
    [scene] * 3,
  )
  assert found == [{"sky": True, "color": True}, {"sky": False}, {}]


def test_the_table_and_the_page_say_what_is_wrong(folder, tmp_path):
  scenes = [prompt.scene for prompt in WANTED]
  real = _measured(folder, scenes)
  scores = [suite_report.score(WANTED, "base", 16, real, real, real)]
  table = suite_report.table(scores)
  assert "test, base, 16 px, 6 prompts" in table
  assert "Frechet distance" in table
  path = tmp_path / "index.html"
  suite_report.page("t", scores, folder, {"test": WANTED}, path)
  text = path.read_text("utf-8")
  assert text.count("<img") == COUNT
  assert WANTED[0].text in text
