"""The world drawn instead of lit: looks for stylisation, held from training."""

from collections.abc import Sequence

import numpy as np

from lumiere_jax.toybox import looks


def draw(
  style: str,
  linear: np.ndarray,
  things: np.ndarray,
  colors: Sequence[np.ndarray],
  ground: np.ndarray,
) -> np.ndarray:
  """One frame in a style.

  Args:
    style: key of `words.STYLES`.
    linear: [S, S, 3] float32, the lit frame.
    things: [S, S], number of the thing at each pixel, 0 for none.
    colors: [3] linear colour of each thing.
    ground: [3] linear mean colour of the ground.

  Returns:
    [S, S, 3] uint8.
  """
  own = np.concatenate([[ground * 0], np.stack(colors)])[things]
  return looks.to_pixels(_STYLES[style](linear, things, own))


def _edges(things: np.ndarray) -> np.ndarray:
  """Where one thing ends and another begins: [S, S, 1] 0 or 1."""
  padded = np.pad(things, 1, mode="edge")
  middle = padded[1:-1, 1:-1]
  beside = (padded[:-2, 1:-1], padded[2:, 1:-1])
  beside += (padded[1:-1, :-2], padded[1:-1, 2:])
  inner = np.any([middle != other for other in beside], axis=0)
  return (inner & (middle > 0)).astype(np.float32)[..., None]


def _bright(linear: np.ndarray) -> np.ndarray:
  """Brightness as pixels would show it: [S, S, 1], 0 to 1."""
  grey = linear @ np.array([0.30, 0.59, 0.11], np.float32)
  return np.sqrt(np.clip(grey, 0, 1))[..., None]


def _cartoon(linear, things, own):
  """Few tones and dark outlines."""
  shown = np.sqrt(np.clip(linear, 0, 1))
  bright = np.maximum(_bright(linear), 1e-3)
  tones = shown * (np.ceil(bright * 3) / 3 / bright)
  return np.square(np.clip(tones, 0, 1)) * (1 - 0.95 * _edges(things))


def _sketch(linear, things, own):
  """Graphite on paper: outlines, and hatching where it is dark."""
  side = np.arange(len(things))
  hatch = ((side[:, None] + side) % 4 < 2)[..., None]
  dark = (_bright(linear) < 0.45) & (things > 0)[..., None] & hatch
  tone = 0.92 - 0.14 * (1 - _bright(linear)) - 0.4 * dark
  tone = tone * (1 - 0.85 * _edges(things))
  return np.square(tone * np.array([1.0, 0.985, 0.94], np.float32))


def _neon(linear, things, own):
  """Outlines that glow in the things' own colours, in the dark."""
  glow = own / np.maximum(own.max(-1, keepdims=True), 0.05)
  inside = (things > 0)[..., None] * 0.10
  ground = np.array([0.02, 0.01, 0.05], np.float32) * (0.5 + _bright(linear))
  return ground + glow * (inside + 0.95 * _edges(things))


def _blueprint(linear, things, own):
  """White lines on blue paper."""
  paper = np.array([0.010, 0.055, 0.30], np.float32)
  tone = 0.06 * _bright(linear) * (things > 0)[..., None]
  return paper * (0.7 + 0.5 * _bright(linear)) + tone + 0.85 * _edges(things)


_STYLES = {
  "cartoon": _cartoon,
  "sketch": _sketch,
  "neon": _neon,
  "blueprint": _blueprint,
}
