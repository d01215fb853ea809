"""Styles through their commands, on networks that learned nothing."""

import json

import jax
import numpy as np
from PIL import Image
import pytest
import recipes

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import assemble
from lumiere_jax.cli import sample
from lumiere_jax.cli import stylize
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import VideoBatch

SIDE, FRAMES = 16, 8


def _recipe(stage):
  recipe = recipes.smallest(stage)
  recipe["sampling"]["num_steps"] = 1
  return recipe


def _style_recipe(stage="t2i"):
  style = dict(image=None, caption=None, rank=2)
  return _recipe(stage) | dict(trainable="style", style=style)


def _write(path, recipe, params):
  record = run_record.RunRecord(recipe=recipe, versions={}, mesh={})
  export.write(path, params, record)


def _shaken(params, amount=0.3):
  rng = np.random.default_rng(3)
  return jax.tree.map(
    lambda x: x + amount * rng.standard_normal(x.shape).astype(np.float32),
    params,
  )


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
  """A base, a style beside it, and a whole image network in another style."""
  folder = tmp_path_factory.mktemp("weights")
  stage = stages.build(_recipe("base"))
  _write(folder / "base.safetensors", _recipe("base"), _shaken(stage.init(0)))
  thin = stages.build(_style_recipe()).init(0)["style"]
  path = folder / "styles" / "wild.safetensors"
  _write(path, _style_recipe(), {"style": _shaken(thin)})
  whole = _shaken(stages.build(_recipe("t2i")).init(1))
  _write(folder / "t2i.safetensors", _recipe("t2i"), whole)
  return folder


def _paint(weights, out, *flags):
  stylize.main(
    [
      *("--weights", str(weights), "--out", str(out), "--prompt", "a ball"),
      *("--no-guard", *flags),
    ]
  )
  return json.loads(out.with_suffix(".json").read_text("utf-8"))


def test_alpha_is_how_much_of_the_style(weights, tmp_path, capsys):
  out = tmp_path / "plain.mp4"
  words = ["--weights", str(weights), "--prompt", "a ball", "--no-guard"]
  sample.main([*words, "--out", str(out)])
  plain = json.loads(out.with_suffix(".json").read_text("utf-8"))
  found = {
    alpha: _paint(
      weights,
      tmp_path / f"{alpha}.mp4",
      *("--style", "wild", "--alpha", str(alpha)),
    )
    for alpha in (0.0, 0.5, 1.0)
  }
  assert found[0.0]["pixels_sha256"] == plain["pixels_sha256"]
  assert len({one["pixels_sha256"] for one in found.values()}) == 3
  assert len({one["stages"][0]["digest"] for one in found.values()}) == 3
  assert found[0.5]["told"]["flags"][:4] == [
    "--style",
    "wild",
    "--alpha",
    "0.5",
  ]
  again = tmp_path / "again.mp4"
  sample.main(["--replay", str(tmp_path / "0.5.json"), "--out", str(again)])
  assert "replay: the same pixels as recorded" in capsys.readouterr().out


def test_a_whole_image_network_is_a_style_and_a_sweep_is_drawn(
  weights, tmp_path
):
  sweep = tmp_path / "sweep.png"
  whole = str(weights / "t2i.safetensors")
  _paint(weights, tmp_path / "a.mp4", "--style", whole, "--sweep", str(sweep))
  with Image.open(sweep) as page:
    assert page.size == (7 * SIDE, 5 * SIDE)


def test_a_style_may_be_learned_through_the_base(weights, tmp_path):
  recipe, path = _style_recipe("base"), tmp_path / "moving.safetensors"
  thin = stages.build(recipe).init(0)["style"]
  _write(path, recipe, {"style": _shaken(thin)})
  plain = generators.load(weights)
  assert plain.styled(path, 1.0).digests != plain.digests


def test_alphas_share_what_is_compiled(weights, monkeypatch):
  traced, denoise = [], stages.Stage.denoise
  monkeypatch.setattr(
    stages.Stage,
    "denoise",
    lambda self, *args: traced.append(self) or denoise(self, *args),
  )
  plain = generators.load(weights)
  request = requests.Request(prompt="a ball", guard=False)
  clips = [plain(request).frames]
  first = len(traced)
  assert first
  for alpha in (0.5, 1.0):
    clips.append(plain.styled("wild", alpha)(request).frames)
  assert len(traced) == first
  assert len({clip.tobytes() for clip in clips}) == 3


@pytest.mark.parametrize(
  ("flags", "match"),
  [
    (("--style", "tame"), "there is no style tame; .*: wild"),
    (("--style", "wild", "--alpha", "1.2"), "alpha is 1.2"),
    (("--style", "wild", "--alpha", "-1"), "alpha is -1"),
    (("--style", "base.safetensors"), "is a run of stage 'base'"),
  ],
)
def test_styles_that_make_no_sense_are_refused(
  weights, tmp_path, monkeypatch, flags, match
):
  monkeypatch.chdir(weights)
  with pytest.raises(errors.LumiereError, match=match):
    _paint(weights, tmp_path / "a.mp4", *flags)
  assert not (tmp_path / "a.mp4").exists()


def test_styles_that_ship_are_found_by_name(weights, monkeypatch):
  monkeypatch.setattr(shipped, "_HERE", weights.parent)
  name = weights.name
  assert shipped.styles(name) == ("wild",)
  assert shipped.find_style("wild", name).exists()
  assert shipped.find(f"{name}/base") == weights / "base.safetensors"


def test_a_style_is_trained_and_the_network_is_not():
  stage = stages.build(_style_recipe())
  params = stage.init(0)
  loss = objective.make(stage, {"weight": "uniform"})
  batch = VideoBatch(
    video=np.full((2, 1, SIDE, SIDE, 3), 200, np.uint8),
    tokens=np.ones((2, 8), np.int32),
    text_mask=np.ones((2, 8), bool),
  )
  grad = jax.grad(
    lambda thin: loss(params | {"style": thin}, batch, jax.random.key(0))[0]
  )(params["style"])
  moved = {
    path[-1].key: float(np.abs(x).max())
    for path, x in jax.tree_util.tree_leaves_with_path(grad["conv_out"])
  }
  # The product's other factor is zero at first, so only one of them moves.
  assert moved["up"] > 0
  assert moved["shift"] > 0
  assert moved["down"] == 0


def test_pictures_of_a_recipe_stand_in_for_its_data():
  recipe = _style_recipe()
  assert assemble.styled(recipe) == recipe
  recipe["style"] |= dict(image="a.png,b.png", caption="a cat & a hat")
  found = assemble.styled(recipe)["data"]["dataset"]
  assert found == "images:a.png,b.png?caption=a+cat+%26+a+hat"
