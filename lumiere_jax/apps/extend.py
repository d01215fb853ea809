"""A clip made longer: its end is the beginning of what is painted next.

The network is given the last frames and paints what follows, again and again;
super-resolution then sees the whole in overlapping windows, so that it has no
seams of its own.
"""

import dataclasses

import numpy as np

from lumiere_jax import errors
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import given as givens
from lumiere_jax.generation import progress
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.video import pixels
from lumiere_jax.video import resize

_MOST_SECONDS = 120.0


def paint(
  generator: generators.Generator,
  request: requests.Request,
  source: np.ndarray,
  *,
  num_frames: int,
  overlap: int,
  on_step: progress.OnStep | None = None,
) -> list[results.StageRun]:
  """Paints a clip that begins with a source.

  Args:
    generator: of networks that may be given pixels.
    request: completed; stretch k is painted with its seed plus k.
    source: [N, S, S, 3] uint8 at the size of the result.
    num_frames: of the result, more than N.
    overlap: frames of what is there that each stretch is given.
    on_step: told of each step of each stretch.

  Returns:
    The stages' runs; the clip of each has `num_frames` frames.

  Raises:
    ConfigError: nothing is to be added, or too much.
  """
  length = request.num_frames
  check(len(source), num_frames, length, overlap, generator.fps)
  small = resize.resize(source, *generator.stages[0].frame_shape[1:3])
  runs, begin = [], request.seed
  while len(small) < num_frames:
    kept = min(overlap, len(small))
    given = _beginning(small[-kept:], length)
    stretch = dataclasses.replace(
      request, seed=(begin + len(runs)) % (requests.MAX_SEED + 1)
    )
    runs.append(generator.paint(stretch, (0,), given=given, on_step=on_step))
    painted = pixels.to_uint8(runs[-1].clips[0])
    small = np.concatenate([small, painted[kept:]])
  low_res = pixels.to_float(small[None, :num_frames])
  base = dataclasses.replace(runs[-1], clips=low_res)
  if not request.ssr:
    return [base]
  given = _beginning(source, num_frames)
  upsampled = generator.upsample(
    request, (0,), low_res, given=given, on_step=on_step
  )
  return [base, upsampled]


def check(have: int, want: int, length: int, overlap: int, fps: float) -> None:
  """Raises `ConfigError` where a clip cannot be made so much longer."""
  if want <= have:
    raise errors.ConfigError(
      f"the clip has {have / fps:.2f} s already and {want / fps:.2f} are asked "
      "for; ask for more --seconds."
    )
  if want / fps > _MOST_SECONDS:
    raise errors.ConfigError(
      f"{want / fps:.0f} s are asked for; at most {_MOST_SECONDS:.0f} are "
      "painted in one go."
    )
  if not 1 <= overlap < length:
    raise errors.ConfigError(
      f"the context is {overlap} frames; it is from 1 to {length - 1}, one "
      "less than the network paints."
    )


def _beginning(frames: np.ndarray, length: int) -> givens.Given:
  """Frames given as the first of a clip of `length`."""
  video = np.zeros((length, *frames.shape[1:]), np.uint8)
  video[: len(frames)] = frames
  known = np.zeros(video.shape[:3], bool)
  known[: len(frames)] = True
  return givens.Given(video=video, known=known)
