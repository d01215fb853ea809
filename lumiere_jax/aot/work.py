"""From a recipe to the programs that a plan compiles."""

from collections.abc import Mapping
import copy
import time
from typing import Any

import jax

from lumiere_jax import errors
from lumiere_jax.aot import embed_step
from lumiere_jax.aot import plan as plans
from lumiere_jax.aot import sample_step
from lumiere_jax.aot import topology
from lumiere_jax.aot import train_step
from lumiere_jax.models import inflate
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import model_flops
from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages

PROGRAMS = ("train", "sample", "embed")


def training(recipe: Mapping[str, Any], where: topology.Topology) -> plans.Work:
  """The training step of a recipe on a topology."""
  started = time.monotonic()
  mesh = meshes.make(recipe["mesh"], where.devices())
  data = recipe["data"]
  meshes.check_batch(data["global_batch"], data["num_frames"], mesh)
  step = train_step.make(recipe, mesh)
  lowered = step.lower()
  return plans.Work(
    lowered=lowered,
    classes={
      "trained": step.state.params,
      "average": step.state.ema_params,
      "optimizer": step.state.opt_state,
      "frozen": step.frozen,
      "batch": step.batch,
    },
    flops=training_flops(recipe),
    what=said(recipe, mesh) | {"program": "train"},
    trace_seconds=time.monotonic() - started,
  )


def training_flops(recipe: Mapping[str, Any]) -> float:
  """Model FLOPs of a step, all clips of the global batch together."""
  recipe = one_pass(recipe)
  clips = recipe["data"]["global_batch"]
  # By itself: what clips share in training changes no arithmetic of theirs.
  recipe["data"] |= {"global_batch": 1, "together": 1}
  mesh = meshes.make({}, jax.devices()[:1])
  step = train_step.make(recipe, mesh)
  loss = objective.make(step.stage, train_step.objective_options(recipe))

  def gradient(params, frozen, batch, key):
    whole = lambda params: inflate.join(params, frozen)
    return jax.grad(lambda params: loss(whole(params), batch, key)[0])(params)

  key = jax.eval_shape(lambda: jax.random.key(0))
  return clips * model_flops.count(
    gradient, step.state.params, step.frozen, step.batch, key
  )


def one_pass(recipe: Mapping[str, Any]) -> dict[str, Any]:
  """The recipe with nothing computed twice: what the mathematics asks for."""
  plain = copy.deepcopy(dict(recipe))
  plain["model"]["remat"] = "none"
  plain["model"] |= {"attention_chunk": None, "scan": False}
  return plain


def sampling(
  recipe: Mapping[str, Any],
  where: topology.Topology,
  front: str,
  num_frames: int,
) -> plans.Work:
  """The sampler of a recipe on the devices of one host.

  Args:
    recipe: of the stage to sample; its mesh is that of the sharded front.
    where: a topology of one host.
    front: "pmap" or "sharded".
    num_frames: frames of a clip.
  """
  errors.require_one_of("front", front, sample_step.FRONTS)
  started = time.monotonic()
  devices = where.devices()
  is_windowed = recipe["sampling"].get("window") is not None
  if front == "pmap":
    mesh = meshes.make({"data": -1}, devices)
    # Windows of one clip keep all devices busy; whole clips do so one each.
    num_clips = 1 if is_windowed else len(devices)
    lowered, params = sample_step.lower_pmapped(
      recipe, devices, num_clips, num_frames
    )
    # Each device holds all weights.
    params = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(
        x.shape, x.dtype, sharding=meshes.replicated(mesh)
      ),
      params,
    )
  else:
    mesh = meshes.make(recipe["mesh"], devices)
    num_clips = 1
    lowered, params = sample_step.lower_sharded(
      recipe, mesh, num_clips, num_frames
    )
  return plans.Work(
    lowered=lowered,
    classes={"weights": params},
    flops=sampling_flops(recipe, num_clips, num_frames),
    what=said(recipe, mesh)
    | {"program": "sample", "front": front, "clips": num_clips},
    trace_seconds=time.monotonic() - started,
  )


def sampling_flops(
  recipe: Mapping[str, Any], num_clips: int, num_frames: int
) -> float:
  """Model FLOPs of all steps of a sampler, windows and guidance included."""
  stage = stages.build(one_pass(recipe))
  mesh = meshes.make({}, jax.devices()[:1])
  params = {"network": train_step.abstract_params(stage, mesh)["network"]}
  sampler = sample_step.plain(stage, num_frames)
  told = sample_step.told(stage, num_clips, num_frames)
  return model_flops.count(sampler, params, *told)


def embedding(
  recipe: Mapping[str, Any], where: topology.Topology, num_captions: int
) -> plans.Work:
  """The text encoder of a recipe, a copy on each device.

  Args:
    recipe: of any stage.
    where: a topology of one host.
    num_captions: encoded together, on each device.

  Raises:
    ConfigError: fewer than one.
  """
  if num_captions < 1:
    raise errors.ConfigError(
      f"--captions is {num_captions}; a device embeds 1 or more at once."
    )
  started = time.monotonic()
  mesh = meshes.make({"data": -1}, where.devices())
  count = num_captions * mesh.size
  lowered, params = embed_step.lower(recipe, mesh, count)
  stage = stages.build(recipe)
  flops = model_flops.count(
    stage.encode, params, *embed_step.captions(stage, count)
  )
  return plans.Work(
    lowered=lowered,
    classes={"weights": params},
    flops=flops,
    what={
      "stage": "text",
      "mesh": dict(mesh.shape),
      "clips": count,
      "remat": None,
      "layout": None,
      "program": "embed",
    },
    trace_seconds=time.monotonic() - started,
  )


def said(recipe: Mapping[str, Any], mesh) -> dict[str, Any]:
  """What a plan says of its recipe."""
  model = recipe["model"]
  return {
    "stage": recipe["stage"],
    "mesh": dict(mesh.shape),
    "clips": recipe["data"]["global_batch"],
    "remat": model["remat"],
    "layout": (model.get("temporal") or {}).get("layout"),
  }


def changed(recipe: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
  """A copy of the recipe with some knobs turned.

  Args:
    recipe: resolved.
    **changes: "remat", "layout", "clips" and axes of the mesh.
  """
  new = copy.deepcopy(dict(recipe))
  for name, value in changes.items():
    if name == "remat":
      new["model"]["remat"] = value
    elif name == "layout":
      new["model"]["temporal"]["layout"] = value
    elif name == "clips":
      new["data"]["global_batch"] = value
    else:
      errors.require_one_of("knob", name, meshes.AXES)
      new["mesh"][name] = value
  return new
