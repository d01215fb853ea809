"""The text encoder of a recipe, before any of its arrays exist."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from lumiere_jax.aot import train_step
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.stages import encoding
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Params


def lower(
  recipe: Mapping[str, Any], mesh: jax.sharding.Mesh, num_captions: int
) -> tuple[jax.stages.Lowered, Params]:
  """Traces what `lumiere embed` runs.

  Args:
    recipe: of any stage that has a text encoder.
    mesh: of devices that need not be here; each holds all weights.
    num_captions: encoded together.

  Returns:
    The traced program, and the abstract weights that it takes.
  """
  stage = stages.build(recipe)
  params = {"text": train_step.abstract_params(stage, mesh)["text"]}
  cast = train_step.in_compute_dtype(stage, params)
  everywhere = meshes.replicated(mesh)
  weights = train_step.place(cast, jax.tree.map(lambda _: everywhere, cast))
  told = captions(stage, num_captions)
  return encoding.program(stage, mesh).lower(weights, *told), weights


def captions(stage: stages.Stage, count: int) -> tuple[Any, Any]:
  """Abstract tokens and mask of some captions."""
  shape = (count, stage.recipe["text"]["max_length"])
  return tuple(
    jax.ShapeDtypeStruct(shape, dtype) for dtype in (jnp.int32, jnp.bool_)
  )
