"""A stage whose network runs on many devices at once.

The network is one program for each device (`jax.shard_map`, all axes manual):
it sees its own clips, its own frames of them and its own parts of the weights,
and says itself when it needs those of others.  Left to the compiler's
partitioner, temporal convolutions on cut frames cost three times their FLOPs
and weights decide where activations live.  What surrounds the network (noise,
loss, optimizer) is plain `jax.jit` over global arrays.
"""

import dataclasses

import jax

from lumiere_jax.nn import axes
from lumiere_jax.parallel import gather
from lumiere_jax.parallel import rules
from lumiere_jax.parallel import timeline
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Array, Condition, Params

# Parts of the network whose blocks gather their own weights.
_LEVELS = ("down_", "up_", "middle")


def over(
  stage: stages.Stage,
  mesh: jax.sharding.Mesh,
  table: rules.AxisRules = rules.DEFAULT,
) -> stages.Stage:
  """Returns the stage with its network spread over a mesh.

  Its `predict` and `denoise` then take global arrays, inside `jax.jit`, whose
  number of clips the axes of "batch" must divide and whose number of frames
  that of "frames"; parameters lie as `table` says.  On one device it is the
  stage itself.
  """
  if mesh.size == 1:
    return stage
  network = stage.network
  specs = table.specs(stage.abstract_params()["network"], mesh)
  bring = gather.gatherer(specs, network.dtype)
  execution = dataclasses.replace(
    network.execution,
    timeline=timeline.over(mesh),
    gather=bring if mesh.shape["fsdp"] > 1 else None,
  )
  network = network.clone(execution=execution)
  video, clip = table.of(axes.VIDEO), table.of(axes.PER_CLIP)

  def local(params, noisy, t, condition) -> Array:
    small = {k: v for k, v in params.items() if not k.startswith(_LEVELS)}
    return network.apply(
      {"params": params | {k: bring((k,), v) for k, v in small.items()}},
      noisy,
      t,
      condition,
    )

  def apply(
    params: Params, noisy: Array, t: Array, condition: Condition
  ) -> Array:
    told = condition.map(lambda _: clip, lambda _: video)
    return jax.shard_map(
      local,
      mesh=mesh,
      in_specs=(specs, video, clip, told),
      out_specs=video,
      check_vma=False,
    )(params, noisy, t, condition)

  return dataclasses.replace(stage, apply=apply)
