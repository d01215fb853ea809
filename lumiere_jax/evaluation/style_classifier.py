"""Tells in which style a clip is drawn: a softmax regression on looks.

Trained each time on clips whose style is known, rendered for it, and asked
about others of those first, so that its own accuracy stands beside what it
says.
"""

from collections.abc import Sequence
import dataclasses

import numpy as np

from lumiere_jax.toybox import render
from lumiere_jax.toybox import words
from lumiere_jax.toybox import world

LIT = "lit"
STYLES = (LIT, *words.STYLES)
_SHOWN, _BINS = 5, 8  # frames of a rendered clip; bars of a histogram
_STEPS, _RATE, _DECAY = 400, 0.5, 1e-3


def looks(frames: np.ndarray) -> np.ndarray:
  """What of a clip tells its style: [T, S, S, 3] uint8 -> [F] float64.

  Histograms of lightness, of how colourful pixels are and of how steep the
  picture is, and the mean colour.
  """
  pixels = frames.astype(np.float64) / 255
  grey, colorful = pixels.mean(-1), np.ptp(pixels, axis=-1)
  steep = np.hypot(*np.gradient(grey, axis=(1, 2)))
  share = lambda x, high: np.histogram(x, _BINS, (0, high))[0] / x.size
  parts = (share(grey, 1), share(colorful, 1), share(steep, 0.4))
  return np.concatenate([*parts, pixels.mean((0, 1, 2))])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classifier:
  """A trained one.

  Attributes:
    mean: [F] of the looks it was trained on.
    scale: likewise, their spread.
    weights: [F + 1, K].
    accuracy: on clips that it was not trained on.
    count: how many those were.
  """

  mean: np.ndarray
  scale: np.ndarray
  weights: np.ndarray
  accuracy: float = 0.0
  count: int = 0

  def __call__(self, clips: Sequence[np.ndarray]) -> list[str]:
    """The style of each clip, of `STYLES`."""
    seen = np.stack([looks(frames) for frames in clips])
    return [STYLES[k] for k in _logits(self, seen).argmax(1)]


def train(size: int = 32, per_style: int = 24, held_out: int = 8) -> Classifier:
  """Renders clips of every style, learns to tell them, and asks of others.

  Args:
    size: pixels of a frame's side; clips of other sizes look otherwise.
    per_style: clips to learn from, of each.
    held_out: clips to ask about afterwards, of each.
  """
  seen, of = _examples(size, 0, per_style)
  found = Classifier(
    mean=seen.mean(0),
    scale=seen.std(0) + 1e-6,
    weights=np.zeros((seen.shape[1] + 1, len(STYLES))),
  )
  inputs, wanted = _inputs(found, seen), np.eye(len(STYLES))[of]
  weights = found.weights
  for _ in range(_STEPS):
    gap = _softmax(inputs @ weights) - wanted
    weights = weights - _RATE * (inputs.T @ gap / len(gap) + _DECAY * weights)
  found = dataclasses.replace(found, weights=weights)
  seen, of = _examples(size, per_style, held_out)
  right = _logits(found, seen).argmax(1) == of
  return dataclasses.replace(
    found, accuracy=float(right.mean()), count=len(right)
  )


def _examples(
  size: int, first: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
  """Looks [N, F] and numbers of styles [N] of some clips of each style."""
  seen, of = [], []
  for number, style in enumerate(STYLES):
    split = "test" if style == LIT else f"styled_{style}"
    for index in range(first, first + count):
      clip = render.footage(
        world.scene(split, index), size, num_frames=_SHOWN, fps=1
      )
      seen.append(looks(clip.frames))
      of.append(number)
  return np.stack(seen), np.array(of)


def _inputs(found: Classifier, seen: np.ndarray) -> np.ndarray:
  scaled = (seen - found.mean) / found.scale
  return np.concatenate([scaled, np.ones((len(seen), 1))], axis=1)


def _logits(found: Classifier, seen: np.ndarray) -> np.ndarray:
  return _inputs(found, seen) @ found.weights


def _softmax(logits: np.ndarray) -> np.ndarray:
  shifted = np.exp(logits - logits.max(1, keepdims=True))
  return shifted / shifted.sum(1, keepdims=True)
