"""Clips to measure: from lossless frames, or decoded from a video."""

import os
import pathlib

import numpy as np

from lumiere_jax import errors
from lumiere_jax.video import crop
from lumiere_jax.video import read


def load(
  path: str | os.PathLike,
  *,
  num_frames: int,
  fps: float,
  height: int,
  width: int,
  start: float = 0.0,
) -> np.ndarray:
  """Reads a clip as training reads it: short side resized, centre cut out.

  Args:
    path: NAME.npy from `--save-frames`, which must have the size asked for,
      or any video.
    num_frames: T.
    fps: rate at which frames are taken from a video.
    height: pixels.
    width: pixels.
    start: seconds into a video.

  Returns:
    [T, H, W, 3] uint8.

  Raises:
    VideoError: the file is missing, too short, or not of the size.
  """
  path = pathlib.Path(path)
  if path.suffix == ".npy":
    return lossless(path)
  frames = read.decode(
    path,
    start=start,
    num_frames=num_frames,
    fps=fps,
    short_side=max(height, width),
  )
  return crop.centre(frames, height, width)


def lossless(path: str | os.PathLike) -> np.ndarray:
  """Reads the [T, H, W, 3] uint8 frames that `--save-frames` left.

  Raises:
    VideoError: there is no such array.
  """
  try:
    frames = np.load(path)
  except (OSError, ValueError) as error:
    raise errors.VideoError(
      f"{path} holds no frames ({error}); give the .npy that `lumiere sample "
      "--save-frames` writes."
    ) from error
  if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
    raise errors.VideoError(
      f"{path} holds {frames.dtype} of shape {frames.shape}; frames are uint8 "
      "of shape [T, H, W, 3]."
    )
  return frames
