"""What a text encoder reads of captions whose meaning is known.

No clip can follow its prompt better than the prompt was read.  Of captions with
a pair of attributes that training never has (split test_unseen) this is what a
reader that has learned words tells apart from one that has learned sentences.
"""

import dataclasses
import os

import jax
import numpy as np

from lumiere_jax import errors
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights
from lumiere_jax.toybox import caption
from lumiere_jax.toybox import world
from lumiere_jax.types import Params

BATCH = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
  """How much was read rightly.

  Attributes:
    right: share of answers to `caption.QUESTIONS`, of all that are asked.
    whole: share of captions of which every answer is right.
    missed: question -> how many captions were misread there, most first.
  """

  right: float
  whole: float
  missed: dict[str, int]


class Reader:
  """A text encoder of the toybox, asked about captions.

  Args:
    stage: any stage of which it is part.
    params: the stage's; "text" is needed.
    name: what messages call it.

  Raises:
    WeightsError: the encoder answers no questions, or others.
  """

  def __init__(self, stage: stages.Stage, params: Params, name: str):
    recipe = dict(stage.recipe) | {"stage": stages.TEXT, "model": {}}
    self._stage, self._params = stages.build(recipe), params
    asked = sum(map(len, self._stage.text_encoder.questions))
    if asked != len(caption.QUESTIONS):
      raise errors.WeightsError(
        f"the text encoder of {name} answers {asked} questions, and of "
        f"captions of the toybox {len(caption.QUESTIONS)} are asked; give "
        "weights of configs/nano.py."
      )
    self._read = jax.jit(self._stage.read)

  def __call__(self, captions: list[caption.Caption]) -> Reading:
    """Reads captions, and compares with what they say."""
    return score(self.answers([one.text for one in captions]), captions)

  def answers(self, texts: list[str]) -> np.ndarray:
    """The answers to `caption.QUESTIONS` of N texts: [N, K] int."""
    parts = range(0, len(texts), BATCH)
    return np.concatenate([self._answers(texts[k : k + BATCH]) for k in parts])

  def _answers(self, texts: list[str]) -> np.ndarray:
    same = [*texts, *[""] * (BATCH - len(texts))]  # in number, to compile once
    tokens, mask = self._stage.tokenizer(same)
    text = {"text": self._params["text"]}
    logits = np.asarray(self._read(text, tokens, mask))
    return logits.argmax(-1)[: len(texts)]


def load(path: str | os.PathLike) -> Reader:
  """The text encoder of any stage's weights.

  Raises:
    WeightsError: there are no weights, or see `Reader`.
  """
  stage, params, _ = weights.load(path, ("text",))
  return Reader(stage, params, str(path))


def score(answers: np.ndarray, captions: list[caption.Caption]) -> Reading:
  """Compares [N, K] int answers with what N captions say."""
  labels = np.stack([one.array() for one in captions])
  is_asked = labels != caption.UNCLEAR
  is_wrong = (answers != labels) & is_asked
  counts = dict(zip(caption.QUESTIONS, is_wrong.sum(0).tolist(), strict=True))
  most = sorted(counts, key=counts.get, reverse=True)
  return Reading(
    right=float(1 - is_wrong.sum() / is_asked.sum()),
    whole=float(1 - is_wrong.any(1).mean()),
    missed={name: counts[name] for name in most if counts[name]},
  )


def captions(split: str, count: int) -> list[caption.Caption]:
  """The first caption of each of a split's first clips."""
  return [world.describe(split, index)[0] for index in range(count)]
