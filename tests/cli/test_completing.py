"""What a prompt leaves open is said, read by the weights that ship."""

import json
import types

import fake_stages
import numpy as np
import pytest
import recipes

from lumiere_jax import errors
from lumiere_jax.cli import completing
from lumiere_jax.cli import sample
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights
from lumiere_jax.toybox import caption
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world

STILL = "while the camera is still"
GROUNDS = {known[0] for known in words.GROUNDS.values()}
SKIES = {known[0] for known in words.SKIES.values()}


@pytest.fixture(scope="module")
def complete():
  """A prompt and a seed -> the completed prompt."""
  stage, params, _ = weights.load("nano/base", ("text",))
  generator = types.SimpleNamespace(loaded=[(stage, params)], weights="nano")
  found = completing.Completer(generator)
  return lambda text, seed=0: (
    found(requests.Request(prompt=text, seed=seed)).prompt
  )


def test_what_is_open_is_said_and_nothing_else(complete):
  zooming = "a red ball bounces on the grass while the camera zooms in"
  sky, rest = complete(zooming).split(", ")
  assert sky in SKIES
  assert rest == zooming
  where, rest = complete("A red ball bounces.").split(", ")
  assert any(where == f"{one} {other}" for one in GROUNDS for other in SKIES)
  assert rest == f"a red ball bounces {STILL}"
  evening = "a blue cube spins on the snow at sunset"
  assert complete(evening) == f"{evening} {STILL}"


def test_a_prompt_that_says_all_stays(complete):
  whole = caption.plain(world.scene("test", 3)).text
  assert complete(whole) == whole


@pytest.mark.parametrize(
  ("text", "where"),
  [
    ("a purple ring rolls on tiles at night", "on a tiled floor"),
    ("a cyan ring slides away on asphalt at dusk", "on the asphalt"),
    ("a star rises above the road under an overcast sky", "under a grey sky"),
  ],
)
def test_what_is_said_in_other_words_is_not_contradicted(complete, text, where):
  for seed in range(4):
    found = complete(text, seed)
    grounds = [one for one in GROUNDS if one in found]
    skies = [one for one in SKIES if one in found]
    assert where in found
    assert len(grounds) <= 1
    assert len(skies) <= 1


@pytest.mark.parametrize(
  ("text", "name", "value"),
  [
    ("a ball on asphalt", "ground", "asphalt"),
    ("Snow everywhere", "ground", "snow"),
    ("from the beach to the road", "ground", None),
    ("a blue cube on a grey day", "sky", None),
    ("an overcast evening", "sky", None),
    ("by moonlight", "sky", "night"),
    ("a ball rolls", "ground", None),
  ],
)
def test_words_that_tell_a_ground_or_a_sky(text, name, value):
  assert caption.named(text, name) == value


def test_a_camera_that_is_spoken_of_is_not_said_to_be_still():
  rng = np.random.default_rng(0)
  text = "a cone stands, the camera wanders"
  assert caption.complete(text, ("camera",), rng) == text
  text = "a ball slides towards the camera"
  assert caption.complete(text, ("camera",), rng) == f"{text} {STILL}"


def test_the_seed_says_where(complete):
  found = [complete("a red ball bounces", seed) for seed in range(8)]
  assert len(set(found)) > 3
  assert found[5] == complete("a red ball bounces", 5)
  # What is said does not change what is drawn for the rest.
  sky = (
    found[5]
    .split(",")[0]
    .removeprefix(next(one for one in GROUNDS if found[5].startswith(one)))
  )
  assert complete("a red ball bounces on the grass", 5).startswith(sky.strip())


def test_capitals_of_names_stay():
  rng = np.random.default_rng(0)
  assert caption.complete("TV set spins", ("sky",), rng).endswith(
    ", TV set spins"
  )


def test_networks_that_know_no_toybox_are_refused():
  stage = stages.build(recipes.smallest("base"))
  other = types.SimpleNamespace(loaded=[(stage, {})], weights="mine")
  with pytest.raises(errors.WeightsError, match="mine answers 0 questions"):
    completing.Completer(other)


def test_the_command_paints_what_was_completed(monkeypatch, tmp_path, capsys):
  base = fake_stages.load(fake_stages.make("base"))
  monkeypatch.setattr(generators, "load", lambda path: base)

  class Fake:
    def __init__(self, generator):
      assert generator is base

    def __call__(self, request):
      return requests.Request(prompt=f"{request.prompt} at sunset")

  monkeypatch.setattr(completing, "Completer", Fake)
  out = tmp_path / "a.mp4"
  sample.main(["--prompt", "a ball", "--complete", "--out", str(out)])
  assert "seed 0: a ball at sunset" in capsys.readouterr().out
  record = json.loads(out.with_suffix(".json").read_text("utf-8"))
  assert record["request"]["prompt"] == "a ball at sunset"
  again = ["--replay", str(out.with_suffix(".json")), "--out", "b.mp4"]
  with pytest.raises(errors.ConfigError, match="--complete was given with"):
    sample.main([*again, "--complete"])
