"""The one door between stored pixels and the range the networks work in."""

import numpy as np


def to_float(frames: np.ndarray) -> np.ndarray:
  """[..., 3] uint8 in [0, 255] to float32 in [-1, 1]."""
  return frames.astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(video: np.ndarray) -> np.ndarray:
  """[..., 3] float in [-1, 1] to uint8, rounded; what lies outside is cut."""
  scaled = (np.asarray(video, np.float32) + 1) * 127.5
  return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
