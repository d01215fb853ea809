"""How much moves in a clip and how bright it is, from small grey pictures."""

import numpy as np


def motion(thumbs: np.ndarray, fps: float) -> float:
  """Mean absolute change, in grey levels a second.

  Per second and not per frame, so that one threshold serves all rates.

  Args:
    thumbs: [T, 27, 48] uint8 grey.
    fps: frames per second.
  """
  if len(thumbs) < 2:
    return 0.0
  changes = np.abs(np.diff(thumbs.astype(np.int16), axis=0))
  return float(changes.mean() * fps)


def brightness(thumbs: np.ndarray) -> float:
  """Grey level that one pixel in ten exceeds: high at night under a lamp.

  A mean would call a lit face in the dark too dark.

  Args:
    thumbs: [T, 27, 48] uint8 grey.
  """
  return float(np.percentile(thumbs, 90))
