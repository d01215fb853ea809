"""The text encoder of a stage alone, a part of the captions on each device.

Weights are an argument of the program: T5-XXL has 9 GB of them in bfloat16,
which no compiler wants among its constants, and they are held as they are
computed with.
"""

from typing import Any

import jax

from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.stages import stage as stages


def program(stage: stages.Stage, mesh: jax.sharding.Mesh) -> Any:
  """({"text": weights}, tokens [B, L], mask [B, L]) -> as `Stage.encode`.

  Args:
    stage: whose encoder it is.
    mesh: whose devices hold all weights, and share captions; B must divide.
  """
  everywhere, rows = meshes.replicated(mesh), meshes.batch_sharding(mesh, 2)
  return jax.jit(stage.encode, in_shardings=(everywhere, rows, rows))
