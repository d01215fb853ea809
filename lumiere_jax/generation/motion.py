"""How much a clip moves, so that a still one is noticed.

Shown for each sample: networks that learnt images before motion like to paint
five seconds of photograph.
"""

import itertools

import numpy as np


def score(frames: np.ndarray) -> float:
  """Mean absolute difference of consecutive frames, in levels of 255.

  Args:
    frames: [T, H, W, 3] uint8 in [0, 255].

  Returns:
    0 for a still or a single frame; real footage at 16 fps has 1 to 10.
  """
  return float(np.mean(differences(frames))) if len(frames) > 1 else 0.0


def differences(frames: np.ndarray) -> np.ndarray:
  """Returns [T - 1] float64: mean |frame k + 1 - frame k|, in levels.

  Args:
    frames: [T, H, W, 3] uint8, or any float in levels of 255.
  """
  steps = itertools.pairwise(frames)
  return np.array(
    [np.mean(np.abs(b.astype(np.float32) - a)) for a, b in steps], np.float64
  )
