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
from jax.sharding import PartitionSpec as P

from lumiere_jax.nn import axes
from lumiere_jax.nn import timeline as timelines
from lumiere_jax.parallel import gather
from lumiere_jax.parallel import rules
from lumiere_jax.parallel import timeline
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Array, Condition, Params

# Parts of the network whose blocks gather their own weights.
_LEVELS = ("down_", "up_", "middle")


def clip_axes(
  stage: stages.Stage, table: rules.AxisRules = rules.DEFAULT
) -> tuple[str, ...]:
  """Axes of the mesh that clips are dealt out over.

  For the image network, to which each frame is a clip of its own, those that
  frames would take as well.
  """
  names = ("batch", "frames") if stage.name == stages.IMAGES else ("batch",)
  spec = [table.table[name] for name in names]
  return tuple(
    axis
    for axes_ in spec
    if axes_
    for axis in ((axes_,) if isinstance(axes_, str) else axes_)
  )


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
  # What is small is left to the partitioner.
  if mesh.size == 1 or stage.name in stages.PAINTLESS:
    return stage
  network = stage.network
  is_images = stage.name == stages.IMAGES
  # No collectives among one device: the TPU compiler (libtpu 0.0.42) aborts on
  # some of them.
  is_whole = is_images or mesh.shape["frames"] == 1
  specs = table.specs(stage.abstract_params()["network"], mesh)
  bring = gather.gatherer(specs, network.dtype)
  execution = dataclasses.replace(
    network.execution,
    timeline=timelines.Whole if is_whole else timeline.over(mesh),
    gather=bring if mesh.shape["fsdp"] > 1 else None,
  )
  network = network.clone(execution=execution)
  clip = P(clip_axes(stage, table))
  video = clip if is_images else table.of(axes.VIDEO)

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
