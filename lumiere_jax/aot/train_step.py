"""The training step of a recipe, before any of its arrays exist.

Shapes first, then where they belong: `lumiere train` compiles the step from
this and only then draws parameters there, and `lumiere plan` compiles it for
TPUs that are not here and draws none.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import optax

from lumiere_jax.models import inflate
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import pjit
from lumiere_jax.parallel import rules
from lumiere_jax.stages import judging
from lumiere_jax.stages import objective
from lumiere_jax.stages import reading
from lumiere_jax.stages import spread
from lumiere_jax.stages import stage as stages
from lumiere_jax.toybox import truth
from lumiere_jax.training import optimizer as optimizers
from lumiere_jax.training import step as steps
from lumiere_jax.types import (
  Batch,
  CaptionBatch,
  Params,
  TruthBatch,
  VideoBatch,
)

# Which parameters a recipe trains: everything; all but the text encoder; what
# inflation added; that, and the convolution that is told more; a thin change of
# the image network.
TRAINABLE: dict[str, Callable[[tuple[str, ...]], bool]] = {
  "all": lambda path: True,
  "network": lambda path: path[0] == "network",
  "temporal": inflate.is_temporal,
  "conditional": lambda path: inflate.is_temporal(path) or "conv_in" in path,
  stages.STYLE: lambda path: path[0] == stages.STYLE,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainStep:
  """A step that is yet to be compiled.

  Attributes:
    stage: the stage, on one device.
    spread: the same, over the mesh.
    mesh: where it runs.
    optimizer: what updates the trained parameters.
    is_trained: path of a parameter -> whether it is trained.
    state: abstract `steps.TrainState`, sharded.
    frozen: abstract parameters that never change, sharded.
    batch: abstract global batch, sharded.
    program: (state, frozen, batch) -> (state, metrics); takes over the memory
      of the state.
  """

  stage: stages.Stage
  spread: stages.Stage
  mesh: jax.sharding.Mesh
  optimizer: optax.GradientTransformation
  is_trained: Callable[[tuple[str, ...]], bool]
  state: steps.TrainState
  frozen: Params
  batch: Batch
  program: Any

  def lower(self) -> jax.stages.Lowered:
    """Traces the step for its shapes and places."""
    return self.program.lower(self.state, self.frozen, self.batch)


def make(recipe: Mapping[str, Any], mesh: jax.sharding.Mesh) -> TrainStep:
  """Puts the step of a recipe together.

  Args:
    recipe: resolved.
    mesh: of devices that need not be here.
  """
  stage = stages.build(recipe)
  spread_out = spread.over(stage, mesh)
  options = dict(recipe["optimizer"])
  ema_decay, accumulate = options.pop("ema_decay"), options.pop("accumulate")
  optimizer = optimizers.build(num_steps=recipe["num_steps"], **options)
  is_trained = TRAINABLE[recipe["trainable"]]
  trained, frozen = inflate.split(abstract_params(stage, mesh), is_trained)
  state = abstract_state(trained, optimizer, mesh)
  step = steps.make_train_step(
    make_loss(spread_out, recipe),
    optimizer,
    join=inflate.join,
    ema_decay=ema_decay,
    accumulate=accumulate,
  )
  places = jax.tree.map(lambda x: x.sharding, state)
  return TrainStep(
    stage=stage,
    spread=spread_out,
    mesh=mesh,
    optimizer=optimizer,
    is_trained=is_trained,
    state=state,
    frozen=in_compute_dtype(stage, frozen),
    batch=abstract_batch(recipe, mesh),
    program=pjit.pjit(step, mesh, out_specs=(places, P()), donate_argnums=(0,)),
  )


def make_loss(stage: stages.Stage, recipe: Mapping[str, Any]):
  """What a stage is trained to do; see `objective.LossFn`."""
  if stage.name == stages.TEXT:
    return reading.make(stage)
  if stage.name == stages.JUDGE:
    return judging.make(stage)
  return objective.make(stage, objective_options(recipe))


def abstract_batch(recipe: Mapping[str, Any], mesh) -> Batch:
  """Shapes and places of a global batch."""
  data, text = recipe["data"], recipe["text"]
  count, length = data["global_batch"], text["max_length"]
  on = lambda shape, dtype: jax.ShapeDtypeStruct(
    shape, dtype, sharding=meshes.batch_sharding(mesh, len(shape))
  )
  if recipe["stage"] == stages.TEXT:
    return CaptionBatch(
      tokens=on((count, length), jnp.int32),
      text_mask=on((count, length), jnp.bool_),
      labels=on(
        (count, sum(map(len, text["encoder"]["questions"]))), jnp.int32
      ),
    )
  side = data["crop"] or data["resolution"]
  video = on((count, data["num_frames"], side, side, 3), jnp.uint8)
  if recipe["stage"] == stages.JUDGE:
    cells = (data["num_frames"] // 2, truth.CELLS, truth.CELLS)
    return TruthBatch(
      video=video,
      labels=on((count, truth.SIZE), jnp.int32),
      places=on((count, *cells), jnp.int32),
    )
  embedding, seen = None, length
  if data.get("embeddings"):
    seen = len(text["encoder"].get("questions", ())) or length
    width = text["encoder"]["width"]
    embedding = on((count, seen, width), jnp.float32)
  return VideoBatch(
    video=video,
    tokens=on((count, length), jnp.int32),
    text_mask=on((count, seen), jnp.bool_),
    embedding=embedding,
  )


def objective_options(recipe: Mapping[str, Any]) -> dict[str, Any]:
  """The diffusion section without what the stage itself reads."""
  section = dict(recipe["diffusion"])
  return {
    k: v for k, v in section.items() if k not in ("schedule", "prediction")
  }


def abstract_params(stage: stages.Stage, mesh: jax.sharding.Mesh) -> Params:
  """Shapes of all parameters, float32, and where they lie."""
  abstract = stage.abstract_params()
  places = rules.DEFAULT.shardings(abstract, mesh)
  return place(nn.unbox(abstract), places)


def in_compute_dtype(stage: stages.Stage, frozen: Params) -> Params:
  """`stages.in_compute_dtype` of abstract parameters, which stay in place."""
  places = jax.tree.map(lambda x: x.sharding, frozen)
  cast = jax.eval_shape(lambda x: stages.in_compute_dtype(stage, x), frozen)
  return place(cast, places)


def place(abstract, places):
  """Gives a tree of shapes its shardings."""
  return jax.tree.map(
    lambda x, to: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=to),
    abstract,
    places,
  )


def abstract_state(
  trained: Params,
  optimizer: optax.GradientTransformation,
  mesh: jax.sharding.Mesh,
) -> steps.TrainState:
  """Train state whose moments live where their parameters do."""
  everywhere = meshes.replicated(mesh)
  places = jax.tree.map(lambda x: x.sharding, trained)
  abstract = jax.eval_shape(
    lambda params: steps.init_state(params, optimizer, jax.random.key(0)),
    trained,
  )
  # Where a part of the optimizer leaves a parameter to another.
  is_nothing = lambda x: isinstance(x, optax.MaskedNode)

  def place_of(moment, to, param):
    if is_nothing(moment):
      return moment
    return to if moment.shape == param.shape else everywhere

  moments = optax.tree_map_params(
    optimizer,
    place_of,
    abstract.opt_state,
    places,
    trained,
    transform_non_params=lambda _: everywhere,
    is_leaf=is_nothing,
  )
  shardings = steps.TrainState(
    step=everywhere,
    params=places,
    ema_params=places,
    opt_state=moments,
    key=everywhere,
  )
  return place(abstract, shardings)
