"""The samplers of a recipe, before any of their arrays exist."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lumiere_jax.aot import train_step
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.sampling import base
from lumiere_jax.sampling import pmapped
from lumiere_jax.sampling import settings as sampler_settings
from lumiere_jax.sampling import sharded
from lumiere_jax.sampling import ssr
from lumiere_jax.stages import spread
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Condition, Guided, Params

FRONTS = ("pmap", "sharded")


def lower_pmapped(
  recipe: Mapping[str, Any],
  devices: Sequence[jax.Device],
  num_clips: int,
  num_frames: int,
) -> tuple[jax.stages.Lowered, Params]:
  """Traces the sampler in which each device holds the whole network.

  Args:
    recipe: of the stage to sample.
    devices: of one host; they need not be here.
    num_clips: clips sampled together.
    num_frames: frames of a clip.

  Returns:
    The traced program, and the abstract parameters that it takes.
  """
  stage = stages.build(recipe)
  mesh = meshes.make({"data": -1}, devices)
  params = {"network": _params(stage, mesh)["network"]}
  make = _maker(pmapped, stage)
  shape = (num_frames, *stage.frame_shape[1:])
  front = make(stage.denoise, stage.schedule, settings(recipe), shape, devices)
  shapes = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), params
  )
  return front.lower(shapes, *told(stage, num_clips, num_frames)), params


def lower_sharded(
  recipe: Mapping[str, Any],
  mesh: jax.sharding.Mesh,
  num_clips: int,
  num_frames: int,
) -> tuple[jax.stages.Lowered, Params]:
  """Traces the sampler whose network is cut over a mesh; as `lower_pmapped`."""
  stage = stages.build(recipe)
  params = {"network": _params(stage, mesh)["network"]}
  front = _maker(sharded, stage)(
    spread.over(stage, mesh).denoise,
    stage.schedule,
    settings(recipe),
    (num_frames, *stage.frame_shape[1:]),
    mesh,
    batch_axes=spread.clip_axes(stage),
  )
  return front.lower(params, *told(stage, num_clips, num_frames)), params


def settings(recipe: Mapping[str, Any]) -> sampler_settings.SamplerSettings:
  """How the recipe samples."""
  return sampler_settings.SamplerSettings(**recipe["sampling"])


def _maker(front, stage: stages.Stage):
  is_ssr = stage.name == stages.SUPER_RESOLUTION
  return front.make_ssr if is_ssr else front.make_base


def _params(stage: stages.Stage, mesh: jax.sharding.Mesh) -> Params:
  """Abstract weights as sampling holds them: no copy in more digits."""
  params = train_step.abstract_params(stage, mesh)
  return train_step.in_compute_dtype(stage, params)


def plain(stage: stages.Stage, num_frames: int):
  """The sampler itself, on one device."""
  make = ssr.make if stage.name == stages.SUPER_RESOLUTION else base.make
  shape = (num_frames, *stage.frame_shape[1:])
  return make(stage.denoise, stage.schedule, settings(stage.recipe), shape)


def told(stage: stages.Stage, num_clips: int, num_frames: int):
  """Abstract keys and conditions of a batch."""
  abstract = jax.ShapeDtypeStruct
  length, width = stage.text_shape
  low_res = None
  if stage.name == stages.SUPER_RESOLUTION:
    side = stage.recipe["diffusion"]["low_res"]
    low_res = abstract((num_clips, num_frames, side, side, 3), jnp.float32)
  condition = Condition(
    text=abstract((num_clips, length, width), jnp.float32),
    text_mask=abstract((num_clips, length), jnp.bool_),
    low_res=low_res,
  )
  keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), num_clips))
  if stage.recipe["sampling"]["guidance_scale"] == 1:
    return keys, condition
  return keys, Guided(positive=condition, negative=condition)
