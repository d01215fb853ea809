"""What is said otherwise, what comes of it, and the command."""

import json
import types

import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import evaluate
from lumiere_jax.diffusion import schedules
from lumiere_jax.evaluation import hearing
from lumiere_jax.toybox import render
from lumiere_jax.toybox import words
from lumiere_jax.types import Estimate


@pytest.mark.parametrize("what", hearing.CHANGES)
def test_one_thing_is_said_otherwise(what):
  first, second = hearing.cases("test", what, 2)
  assert first.index < second.index
  right, wrong = (set(text.split()) for text in (first.right, first.wrong))
  assert right != wrong
  assert len(right - wrong) <= 6  # words of one phrase
  assert hearing.cases("test", what, 1) == [first]


def test_ways_are_turned_round():
  for what, name in (("way of action", "action"), ("way of camera", "camera")):
    for case in hearing.cases("test", what, 4):
      value = getattr(case.scene, name)
      assert words.OPPOSITES[words.OPPOSITES[value]] == value
      said = words.OF_SCENES[name][value][0]
      assert said in case.right
      assert said not in case.wrong


def test_gains_are_shares_of_the_error_of_the_right_caption():
  left = iter([[[1.0, 2.0], [4.0, 3.0]], [[2.0, 2.5], [1.0, 1.0]]] * 8)
  told = []
  found = hearing.listen(
    lambda case: np.array(next(left)), "test", 2, lambda *x: told.append(x)
  )
  assert found.keys() == hearing.CHANGES.keys()
  one = found["sky"]
  np.testing.assert_allclose(one.gain, [(1 + 0.25) / 2, -0.125])
  np.testing.assert_allclose(one.won, [1.0, 0.0])
  assert one.count == 2
  assert told[-1] == (16, 16, "sky")


class Toy:
  """A stage that paints grey, as bright as its caption is long."""

  name = "base"
  frame_shape = (3, 8, 8, 3)
  schedule = schedules.Cosine()
  hears_silence = True

  def __init__(self):
    self.recipe = {"data": {"fps": 4}, "sampling": {"shared_noise": 0.5}}

  def tokenizer(self, texts):
    lengths = np.array([[len(text)] for text in texts])
    return lengths, np.ones_like(lengths, bool)

  def encode(self, params, tokens, mask):
    return params * tokens[..., None] / 100, mask

  def denoise(self, params, noisy, t, condition):
    del params, t
    grey = condition.text[:, None, None, None]  # [B, 1, 1, 1, 1, 1]
    return Estimate(jnp.zeros_like(noisy) + grey[..., 0], None)


def test_errors_are_those_of_what_each_caption_paints():
  (case,) = hearing.cases("test", "color", 1)
  listener = hearing.Listener(Toy(), jnp.ones(()))
  found = listener(case, (1.0, 0.5))
  real = render.footage(case.scene, 8, num_frames=3, fps=4).frames
  clean = real / 127.5 - 1
  want = [
    np.mean((len(text) / 100 - clean) ** 2) for text in (case.right, case.wrong)
  ]
  np.testing.assert_allclose(found, [want, want], rtol=1e-5)


def test_noise_is_what_the_weights_are_sampled_with():
  listener = hearing.Listener(Toy(), jnp.ones(()))
  assert listener._shared.share == 0.5


def test_the_command_prints_a_table_and_writes_it(
  monkeypatch, tmp_path, capsys
):
  errors_ = np.tile([2.0, 3.0], (len(hearing.TIMES), 1))
  monkeypatch.setattr(hearing, "Listener", lambda *_: lambda case: errors_)
  out = tmp_path / "heard.json"
  evaluate.main(["hearing", "--num-clips", "1", "--out", str(out)])
  table = capsys.readouterr().out
  assert table.count("+50.0% (100%)") == len(hearing.TIMES) * 8
  found = json.loads(out.read_text())
  assert found["times"] == [*hearing.TIMES]
  assert found["heard"]["sky"] == {
    "gain": [0.5] * len(hearing.TIMES),
    "won": [1.0] * len(hearing.TIMES),
    "clips": 1,
  }


@pytest.mark.parametrize(
  ("wishes", "message"),
  [
    (["--num-clips", "0"], "--num-clips is 0"),
    (["--split", "trian"], "--split"),
    (["--weights", "nano/ssr"], "'ssr' is given; where words"),
  ],
)
def test_wrong_wishes_are_one_sentence(wishes, message):
  with pytest.raises(errors.LumiereError, match=message):
    evaluate.main(["hearing", *wishes])


def test_a_network_of_images_is_refused():
  toy = types.SimpleNamespace(name="t2i")
  with pytest.raises(errors.ConfigError, match="whole clips"):
    hearing.Listener(toy, {})
