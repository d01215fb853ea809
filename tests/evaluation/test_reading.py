"""What a reader reads: the count of it, and the command."""

import json

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import evaluate
from lumiere_jax.evaluation import reading
from lumiere_jax.toybox import caption

CAPTIONS = reading.captions("test", 5)
LABELS = np.stack([one.array() for one in CAPTIONS])


def test_what_is_read_rightly_counts_in_full():
  found = reading.score(LABELS, CAPTIONS)
  assert (found.right, found.whole, found.missed) == (1.0, 1.0, {})


def test_each_mistake_counts_once_and_what_is_unclear_never():
  answers = LABELS.copy()
  answers[0, :2] += 1
  answers[3, 1] += 1
  unclear = LABELS == caption.UNCLEAR
  answers[unclear] = 7
  found = reading.score(answers, CAPTIONS)
  asked = (~unclear).sum()
  wrong = (~unclear[0, :2]).sum() + (~unclear[3, 1]).sum()
  assert found.right == pytest.approx(1 - wrong / asked)
  assert found.whole == pytest.approx(3 / 5)
  first, second = list(caption.QUESTIONS)[:2]
  assert found.missed == {second: 2, first: 1}


def test_the_weights_that_ship_read_what_they_were_not_trained_on(
  tmp_path, capsys
):
  out = tmp_path / "reading.json"
  evaluate.main(["reading", "--num-captions", "64", "--out", str(out)])
  found = json.loads(out.read_text())
  assert json.loads(capsys.readouterr().out.splitlines()[-1]) == found
  assert found["test, captions"] > 0.9
  assert found["test_unseen, captions"] > 0.9


def test_wrong_wishes_are_one_sentence():
  with pytest.raises(errors.ConfigError, match="num-captions is 0"):
    evaluate.main(["reading", "--num-captions", "0"])
  with pytest.raises(errors.ConfigError, match="--splits"):
    evaluate.main(["reading", "--splits", "trian"])


def test_an_encoder_that_answers_something_else_is_refused(monkeypatch):
  monkeypatch.setattr(caption, "QUESTIONS", {"a ball": ("yes",)})
  with pytest.raises(errors.WeightsError, match="answers 33 questions"):
    evaluate.main(["reading", "--num-captions", "1"])
