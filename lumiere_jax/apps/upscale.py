"""A clip made larger: super-resolution alone, on a clip from elsewhere.

The network of super-resolution is a convolution through and through, so it
takes frames of any size; along time it sees overlapping windows that
MultiDiffusion makes agree, as in a cascade.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

import numpy as np

from lumiere_jax import errors
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import progress
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.stages import stage as stages
from lumiere_jax.video import pixels
from lumiere_jax.video import resize


def fitted(frames: np.ndarray, longest: int) -> tuple[np.ndarray, str | None]:
  """Shrinks frames whose result would be too large.

  Args:
    frames: [T, H, W, 3] uint8.
    longest: pixels of the longer side that are enlarged at most.

  Returns:
    [T, h, w, 3] uint8, and what was done, or None.
  """
  height, width = frames.shape[1:3]
  if max(height, width) <= longest:
    return frames, None
  scale = longest / max(height, width)
  small = max(1, round(height * scale)), max(1, round(width * scale))
  return resize.resize(frames, *small), (
    f"{width}x{height}, of which {small[1]}x{small[0]} is kept and enlarged; "
    "raise --longest-side for more"
  )


def paint(
  generator: generators.Generator,
  request: requests.Request,
  frames: np.ndarray,
  *,
  on_step: progress.OnStep | None = None,
) -> tuple[results.StageRun, np.ndarray]:
  """Enlarges a clip by the factor that the network was trained for.

  Args:
    generator: with a stage of super-resolution.
    request: completed.
    frames: [T, h, w, 3] uint8.
    on_step: told of each step.

  Returns:
    The stage's run, and [T, factor h, factor w, 3] uint8 of it: a clip shorter
    than a window, or of sides that the network cannot halve, is filled up with
    its own edges, which are then cut off.

  Raises:
    WeightsError: the weights have no super-resolution.
  """
  stage = upsampler(generator)
  factor = enlargement(stage.recipe)
  unit = -(-stage.network.spec.spatial_factor // factor)
  count, height, width = frames.shape[:3]
  missing = (
    max(0, request.window - count),
    *(-side % unit for side in (height, width)),
  )
  filled = np.pad(frames, [(0, n) for n in missing] + [(0, 0)], mode="edge")
  run = generator.upsample(
    *(request, (0,), pixels.to_float(filled)[None]),
    size=(factor * filled.shape[1], factor * filled.shape[2]),
    on_step=on_step,
  )
  clip = run.clips[:, :count, : factor * height, : factor * width]
  run = dataclasses.replace(run, clips=clip)
  return run, pixels.to_uint8(clip[0])


def upsampler(generator: generators.Generator) -> stages.Stage:
  """The stage that enlarges; raises `WeightsError` where there is none."""
  found = generator.stages[-1]
  if found.name != stages.SUPER_RESOLUTION:
    raise errors.WeightsError(
      f"{generator.weights} holds no super-resolution; give a run of it, or "
      "a folder that holds ssr/."
    )
  return found


def enlargement(recipe: Mapping[str, Any]) -> int:
  """How much larger the clips of a super-resolution recipe become."""
  return recipe["data"]["resolution"] // recipe["diffusion"]["low_res"]
