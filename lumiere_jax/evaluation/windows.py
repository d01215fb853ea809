"""The same clip upsampled with and without MultiDiffusion, and its seams."""

import dataclasses

import numpy as np

from lumiere_jax import errors
from lumiere_jax.evaluation import seams
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import guard
from lumiere_jax.generation import request as requests
from lumiere_jax.sampling import multidiffusion
from lumiere_jax.video import pixels


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
  """One way to upsample the clip.

  Attributes:
    frames: [T, H, W, 3] uint8.
    borders: [T - 1] bool, transitions between windows.
  """

  frames: np.ndarray
  borders: np.ndarray


def compare(
  generator: generators.Generator, request: requests.Request
) -> dict[str, seams.Seams]:
  """Samples one clip, upsamples it in each way, measures the borders.

  Args:
    generator: a cascade with a super-resolution stage.
    request: what the clip shows; its `overlap`, which must be above 0, is
      that of "multidiffusion". The first of its clips is taken.

  Returns:
    Name of the variant -> its seams:
      multidiffusion  windows averaged over their overlap at every step
      shared noise    no overlap; one noise tensor for the clip, cut
      separate        no overlap; each window with noise of its own, as if it
                      were a clip of its own

  Raises:
    ConfigError: the clip is not cut into windows.
    WeightsError: there is no super-resolution stage.
    QualityError: the clip to upsample is no video and `request.guard` is on.
  """
  request = generator.complete(request)
  if request.window is None:
    raise errors.ConfigError(
      "these weights upsample whole clips, which have no seams; say --window "
      "with the frames that a window shall have, for example 8."
    )
  low_res = generator.paint(request, (0,)).clips
  if request.guard:
    guard.check(generator.stages[0].name, low_res)
  variants = {
    "multidiffusion": _windowed(generator, request, low_res, request.overlap),
    "shared noise": _windowed(generator, request, low_res, 0),
    "separate": _separate(generator, request, low_res),
  }
  shown = pixels.to_uint8(low_res[0])
  return {
    name: seams.measure(variant.frames, shown, variant.borders)
    for name, variant in variants.items()
  }


def _windowed(generator, request, low_res, overlap: int) -> Variant:
  """Upsamples as the generator does, at a given overlap."""
  request = dataclasses.replace(request, overlap=overlap)
  plan = _plan(request, low_res, overlap)
  run = generator.upsample(request, (0,), low_res)
  return Variant(
    frames=pixels.to_uint8(run.clips[0]),
    borders=seams.averaged_borders(plan.frames, low_res.shape[1]),
  )


def _separate(generator, request, low_res) -> Variant:
  """Upsamples each window as a clip of its own; the later one is kept."""
  plan = _plan(request, low_res, overlap=0)
  request = dataclasses.replace(request, overlap=0)
  indices = tuple(range(len(plan.frames)))
  run = generator.upsample(request, indices, low_res[0][plan.frames])
  painted = pixels.to_uint8(run.clips)
  frames = np.zeros((low_res.shape[1], *painted.shape[2:]), np.uint8)
  for window, held in zip(painted, plan.frames, strict=True):
    frames[held] = window
  return Variant(
    frames=frames,
    borders=seams.owned_borders(plan.frames, low_res.shape[1]),
  )


def _plan(request, low_res, overlap: int) -> multidiffusion.WindowPlan:
  return multidiffusion.WindowPlan(
    num_frames=low_res.shape[1], window=request.window, overlap=overlap
  )
