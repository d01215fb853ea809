"""`lumiere evaluate --suite`, through the real command on tiny weights."""

import dataclasses
import json

import pytest
import recipes

from lumiere_jax import errors
from lumiere_jax.cli import completing
from lumiere_jax.cli import evaluate
from lumiere_jax.cli import suite
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages

# Smaller than any that learns something.
JUDGE = dict(
  shapes=7,
  colors=10,
  of_kinds=dict(material=2, size=3),
  of_scenes=dict(action=11, camera=7, ground=6, sky=4),
  frames=40,
  stem=1,
  widths=(8, 8, 8),
  layers=1,
  head_dim=8,
  groups=4,
)


def _export(path, recipe):
  stage = stages.build(recipe)
  record = run_record.RunRecord(recipe=recipe, versions={}, mesh={})
  export.write(path, stage.init(0), record)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
  """A base that paints 80 frames of 16 pixels, and a judge of such."""
  folder = tmp_path_factory.mktemp("weights")
  base = recipes.smallest("base")
  base["data"].update(num_frames=80, fps=16)
  _export(folder / "base.safetensors", base)
  judge = base | {"stage": "judge", "model": JUDGE}
  judge["data"] = base["data"] | {"fps": 8, "num_frames": 40}
  _export(folder / "judge.safetensors", judge)
  return folder


def _run(weights, out, *flags):
  evaluate.main(
    [
      *("--weights", str(weights), "--judge", str(weights), "--no-ssr"),
      *("--num-prompts", "2", "--num-inference-steps", "1"),
      *("--out", str(out), *flags),
    ]
  )


def test_it_writes_numbers_a_table_and_a_page(weights, tmp_path, capsys):
  _run(weights, tmp_path / "out", "--splits", "test")
  said = capsys.readouterr().out
  assert "test, base, 16 px, 2 prompts" in said
  found = json.loads((tmp_path / "out" / "scores.json").read_text("utf-8"))
  (scores,) = found["scores"]
  assert scores["rates"]["everything"]["count"] == 2
  assert found["protocol"]["settings"]["request"]["seed"] == 0
  page = (tmp_path / "out" / "index.html").read_text("utf-8")
  assert page.count("<img") == 2
  assert (tmp_path / "out" / "scores.txt").read_text("utf-8") in said
  # Other settings may not be mixed with these.
  with pytest.raises(errors.ConfigError, match="other weights or settings"):
    _run(weights, tmp_path / "out", "--seed", "1")


def test_prompts_are_completed_and_judged_by_what_they_said(
  weights, tmp_path, monkeypatch
):
  class Fake:
    def __init__(self, generator):
      pass

    def __call__(self, request):
      text = f"{request.prompt}, seed {request.seed}"
      return dataclasses.replace(request, prompt=text)

  monkeypatch.setattr(completing, "Completer", Fake)
  flags = ("--splits", "paraphrases", "--seed", "5")
  _run(weights, tmp_path / "out", *flags, "--complete")
  page = (tmp_path / "out" / "index.html").read_text("utf-8")
  assert "a crimson sphere hops, seed 5" in page
  assert ", seed 6" in page
  found = json.loads((tmp_path / "out" / "scores.json").read_text("utf-8"))
  assert found["protocol"]["settings"]["complete"]
  assert "sky" not in found["scores"][0]["rates"]
  with pytest.raises(errors.ConfigError, match="other weights or settings"):
    _run(weights, tmp_path / "out", *flags)


def test_a_rate_of_one_prompt_is_refused(weights, tmp_path):
  with pytest.raises(errors.ConfigError, match="need 2 or more"):
    _run(weights, tmp_path, "--num-prompts", "1")


def test_an_unknown_split_is_refused(weights, tmp_path):
  with pytest.raises(errors.ConfigError, match="test_unsen"):
    _run(weights, tmp_path, "--splits", "test_unsen")


def test_a_folder_without_a_judge_is_refused(weights, tmp_path):
  with pytest.raises(errors.WeightsError, match="no judge in"):
    _run(weights, tmp_path, "--judge", str(tmp_path))


def test_a_judge_is_not_a_painter(weights, tmp_path):
  (tmp_path / "judge.safetensors").symlink_to(weights / "base.safetensors")
  with pytest.raises(errors.WeightsError, match="clips are judged by"):
    _run(weights, tmp_path / "out", "--judge", str(tmp_path))


def test_of_judges_the_first_that_is_there_is_taken(weights):
  judge = suite.find_judge(str(weights), "judge128", "judge")
  assert judge.size == 16
  with pytest.raises(errors.WeightsError, match="no judge128 in"):
    suite.find_judge(str(weights), "judge128")


def test_a_judge_is_measured_on_real_clips(weights, tmp_path, capsys):
  words = ["judge", "--judge", str(weights), "--out", str(tmp_path / "out")]
  evaluate.main([*words, "--num-clips", "2", "--splits", "test_unseen"])
  assert "test_unseen, 2 clips" in capsys.readouterr().out
  found = json.loads((tmp_path / "out" / "judge.json").read_text("utf-8"))
  rates = found["rates"]["test_unseen"]
  assert {"shape", "color", "action", "everything"} <= {*rates}
  assert all(0 <= rate["right"] <= 1 for rate in rates.values())
  with pytest.raises(errors.ConfigError, match="need 2 or more"):
    evaluate.main([*words, "--num-clips", "1"])
  with pytest.raises(errors.ConfigError, match="of 16 pixels or more"):
    evaluate.main([*words, "--size", "8"])
