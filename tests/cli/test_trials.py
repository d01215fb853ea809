"""Applications are measured through the command, on fake networks."""

import json
from unittest import mock

import fake_stages
import numpy as np
from PIL import Image
import pytest

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import evaluate
from lumiere_jax.cli import suite
from lumiere_jax.cli import trial_cases
from lumiere_jax.cli import trial_findings
from lumiere_jax.cli import trial_painting
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.evaluation import trials
from lumiere_jax.generation import generator as generators
from lumiere_jax.toybox import scene as scenes

T, S = 8, 16


def _case(prompt):
  rng = np.random.default_rng(prompt.index)
  things = np.zeros((T, S, S), np.uint8)
  for k in range(T):
    things[k, 6:9, 3 + k : 6 + k] = 1
  frames = rng.integers(0, 256, (T, S, S, 3), np.uint8)
  return trial_cases.Case(
    index=prompt.index,
    frames=frames,
    things=things,
    wanted=prompt,
    text=prompt.text,
    source=prompt,
  )


@pytest.fixture
def run(monkeypatch, tmp_path):
  """Runs the command on three clips; the judge sees what was asked for."""
  prompts = toybox_suite.prompts("test", 3)
  cascade = fake_stages.load(fake_stages.make("base"), fake_stages.make("ssr"))
  load = lambda path, is_conditional=False: cascade
  monkeypatch.setattr(generators, "load", load)
  monkeypatch.setattr(trial_cases, "_MARGIN", 1)
  monkeypatch.setattr(trial_cases, "CONTEXT", 3)
  monkeypatch.setattr(
    trial_cases, "cases", lambda app, count, folder: [_case(p) for p in prompts]
  )
  scenes = [prompt.scene for prompt in prompts]
  judge = lambda clips, fps: judges.Seen(scenes=scenes, features=None)
  monkeypatch.setattr(suite, "find_judge", lambda where, *names: judge)

  def call(*flags):
    out = tmp_path / "out"
    words = ["applications", "--num-clips", "3", "--out", str(out), *flags]
    evaluate.main(words)
    findings = json.loads((out / "findings.json").read_text("utf-8"))
    return {
      app: {one["name"]: one for one in found}
      for app, found in findings["findings"].items()
    }

  return call


def test_every_application_is_painted_and_measured(run, capsys):
  assert set(trial_painting.TELL) == set(trial_findings.MEASURE)
  apps = set(trial_painting.TELL) - {"stylize"}
  found = run("--apps", *apps)
  assert set(found) == apps
  exact = "known pixels exact at the base's size"
  for app in apps - {"edit", "extend", "widen"}:
    assert found[app][exact]["value"] == 1.0
    assert found[app][exact]["count"] == 3
    assert found[app][exact]["is_met"]
  assert found["animate"]["action as prompted"]["value"] == 1.0
  assert found["animate"]["colour and shape kept to the end"]["value"] == 1.0
  assert found["widen"]["known pixels, PSNR in dB, the least"]["value"] == 99
  edges = found["widen"]["steepness across the mask's edge over that within"]
  assert edges["count"] == 3
  outside = found["cinemagraph"]["every frame the picture outside"]
  assert outside["value"] == 1.0
  seams = found["extend"]["frame differences at seams over elsewhere"]
  assert seams["count"] == 3
  drift = found["extend"][
    "drift of the mean colour, delta-E, real, within one clip"
  ]
  assert drift["count"] == 3
  assert "animate, 3 clips" in capsys.readouterr().out


def test_what_was_painted_is_not_painted_again(run, monkeypatch):
  first = run("--apps", "animate")
  monkeypatch.setattr(
    fake_stages.FakeStage, "denoise", lambda *args: pytest.fail("painted")
  )
  assert run("--apps", "animate") == first


def test_an_edit_is_measured_and_drawn_at_several_strengths(run, tmp_path):
  found = run("--apps", "edit", "animate", "--strength", "1", "0.5")
  assert set(found) == {"edit at 1", "edit at 0.5", "animate"}
  assert found["edit at 0.5"]["edits that succeed"]["value"] == 1.0
  one, other = (
    np.load(next((tmp_path / "out" / name).glob("*.npz")))["last"]
    for name in ("edit_0.5", "edit_1")
  )
  assert (one != other).any()
  with Image.open(tmp_path / "out" / "edit.png") as plot:
    assert plot.size == (600, 360)
  assert not (tmp_path / "out" / "animate.png").exists()


def test_a_style_is_measured_beside_none(run, tmp_path, monkeypatch):
  known, asked = ("neon", "sketch"), []
  monkeypatch.setattr(shipped, "styles", lambda weights: known)
  monkeypatch.setattr(
    generators.Generator,
    "styled",
    lambda self, style, alpha: asked.append((style, alpha)) or self,
  )
  classify = lambda clips: ["neon"] * len(clips)
  classify.accuracy = 0.75
  monkeypatch.setattr(trial_findings, "_classifier", lambda size: classify)
  monkeypatch.setattr(
    trial_cases, "drawn", lambda case, style, folder: case.frames
  )
  found = run("--apps", "stylize", "--alpha", "0", "0.5")
  drawn = found["stylize at 0.5"]["drawn in the style"]
  wanted = [known[p.index % 2] for p in toybox_suite.prompts("test", 3)]
  assert drawn["value"] == pytest.approx(wanted.count("neon") / 3)
  assert asked == [(style, 0.5) for style in wanted]
  assert found["stylize at 0"]["points that the style costs"]["value"] == 0
  assert (tmp_path / "out" / "stylize.png").exists()


@pytest.mark.parametrize(
  ("flags", "match"),
  [
    (("--apps", "edit", "--strength", "0"), "--strength is 0.0; give one"),
    (("--apps", "edit", "--strength", "2", "1"), "--strength is 2.0 1.0"),
    (("--apps", "animate", "--alpha", "0.5", "0.5"), "each once"),
    (("--apps", "animat"), "Did you mean 'animate'"),
    (("--num-clips", "0", "--apps", "edit"), "--num-clips is 0"),
    (("--apps", "stylize", "--weights", "mine"), "no styles stand beside mine"),
  ],
)
def test_what_cannot_be_measured_is_refused(run, flags, match):
  with pytest.raises(errors.ConfigError, match=match):
    run(*flags)


def test_real_cases_are_seen_from_start_to_end(tmp_path, monkeypatch):
  monkeypatch.setattr(toybox_suite, "NUM_FRAMES", 16)
  found = trial_cases.cases("edit", 2, tmp_path)
  assert len(found) == 2
  for case in found:
    assert case.frames.shape == (16, 128, 128, 3)
    assert case.source.scene.camera == "still"
    assert trials.follows(case.frames, case.frames) == pytest.approx(1)
    assert (case.things == 1).any((1, 2)).all()
    assert case.wanted.scene.actor.color != case.source.scene.actor.color
    assert case.wanted.said["color 0"] == case.wanted.scene.actor.color
  again = trial_cases.cases("edit", 2, tmp_path)
  np.testing.assert_array_equal(again[0].frames, found[0].frames)


def test_what_a_style_costs_counts_what_real_clips_in_it_show(monkeypatch):
  """Of three answers two can be read there, of which painting loses one."""
  answers = {
    "plain": [True, True, True],
    "last": [True, False, False],
    "drawn": [True, True, False],
  }
  made = trial_cases.Made(
    **dict(told=None, base=None, placed=None, style="neon"),
    **{name: np.full((1,), name) for name in answers},
  )
  monkeypatch.setattr(
    *(trial_findings, "_answers"),
    lambda chosen, clips, judge: answers[clips[0].item()],
  )
  classifier = mock.Mock(accuracy=1.0)
  monkeypatch.setattr(
    trial_findings, "_drawn", lambda made, which: ([True], classifier)
  )
  rows = trial_findings.MEASURE["stylize"]([None], [made], None)
  found = {one.name: one for one in rows}
  costs = found["points that the style costs"]
  assert costs.value == pytest.approx(200 / 3)
  assert not costs.is_met
  name = "points that the style costs, of what real ones in the style show"
  assert (found[name].value, found[name].count) == (50, 2)


def test_a_real_clip_is_drawn_in_a_style_once(tmp_path, monkeypatch):
  monkeypatch.setattr(toybox_suite, "NUM_FRAMES", 2)
  monkeypatch.setattr(trial_cases, "_SIZE", 16)
  case = _case(toybox_suite.prompts("test", 1)[0])
  looks = {
    style: trial_cases.drawn(case, style, tmp_path)
    for style in ("neon", "sketch")
  }
  assert looks["neon"].shape == (2, 16, 16, 3)
  assert (looks["neon"] != looks["sketch"]).any()
  path = tmp_path / f"{case.index:06d}_neon.npz"
  before = path.stat().st_mtime_ns
  again = trial_cases.drawn(case, "neon", tmp_path)
  np.testing.assert_array_equal(again, looks["neon"])
  assert path.stat().st_mtime_ns == before


def _shown(color):
  thing = scenes.Thing(
    shape="ball", color=color, material="matte", size="small"
  )
  return mock.Mock(things=(thing,), actor=thing)


def test_an_end_that_no_judge_can_read_says_nothing_of_what_was_kept():
  """Red is read right, blue never; of two red ends one was painted green."""
  chosen = [
    mock.Mock(source=mock.Mock(scene=_shown(one)))
    for one in ("red", "red", "blue")
  ]
  answers = {"painted": ("red", "green", "blue"), "real": ("red", "red", "red")}

  def judge(clips, fps):
    seen = answers["painted" if clips.max() else "real"]
    return judges.Seen(scenes=[_shown(one) for one in seen], features=None)

  painted, real = (np.full((3, 8, 4, 4, 3), k, np.uint8) for k in (1, 0))
  found = trial_findings._identity(chosen, painted, real, judge)
  assert [one.value for one in found] == [2 / 3, 2 / 3, 1 / 2]
  assert [one.count for one in found] == [3, 3, 2]
