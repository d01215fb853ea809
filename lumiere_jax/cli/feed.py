"""What a run is fed: batches, and where they come from."""

from collections.abc import Callable, Mapping
import dataclasses
import functools
import pathlib
from typing import Any

import jax

from lumiere_jax import errors
from lumiere_jax.data import pipeline
from lumiere_jax.data import resident
from lumiere_jax.data import source
from lumiere_jax.data import spec
from lumiere_jax.data import staged
from lumiere_jax.data import view as view_lib
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.rendering import footage
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights
from lumiere_jax.text import cache
from lumiere_jax.training import drawing
from lumiere_jax.training import refilling
from lumiere_jax.types import Batch, Params

REJECTED = "rejected"
DEVICE = "device"
# Of a world that is rendered on the device: clips there, how often each is
# drawn before another takes its place, and how many are rendered at once.
POOL, REUSE, CHUNK = 4096, 16, 64


def clips(
  stage: stages.Stage, recipe: Mapping[str, Any], workdir: str, mesh
) -> pipeline.ClipIterator | drawing.Drawn:
  """This process's part of the global batches, or what draws all of them.

  Args:
    stage: what is trained; its tokenizer runs in the workers.
    recipe: resolved.
    workdir: the run's folder, which gets the list of bad clips.
    mesh: says which clips the devices of this process work on.
  """
  data = dict(recipe["data"])
  pool, reuse = data.pop("pool", POOL), data.pop("reuse", REUSE)
  if data.get("keep") == DEVICE:
    parts = spec.parse(data["dataset"])
    if len(parts) == 1 and parts[0].name.startswith(spec.TOYBOX):
      return _rendered(stage, recipe, mesh, pool, reuse)
    return _drawn(stage, recipe, mesh)
  if data.pop("together", 1) != 1:
    raise errors.ConfigError(
      "data.together needs clips in tables on the device, from which they are "
      f"drawn, and data.keep is {data.get('keep')!r}; give "
      "--config.data.keep=device."
    )
  batch = data.pop("global_batch")
  part, parts = meshes.reader(batch, mesh)
  return pipeline.build(
    data.pop("dataset"),
    batch_size=batch // parts,
    seed=recipe["seed"],
    tokenizer=stage.tokenizer,
    embedder=_lookup(data.pop("embeddings", None)),
    host_index=part,
    host_count=parts,
    rejects=pathlib.Path(
      workdir, REJECTED, f"host_{jax.process_index():05d}.jsonl"
    ),
    **data,
  )


def place(batches, mesh) -> Callable[[Batch], Batch]:
  """What brings batches of `clips` to the devices."""
  if isinstance(batches, drawing.Drawn):
    return lambda batch: batch
  return functools.partial(meshes.place_batch, mesh=mesh)


def _drawn(stage: stages.Stage, recipe: Mapping[str, Any], mesh):
  """Tables of a whole dataset on the devices."""
  data = dict(recipe["data"])
  parts = spec.parse(data["dataset"])
  sources = [pipeline.open_part(part, data["split"]) for part in parts]
  view = _view(stage, data)
  tables = resident.build(
    sources, [part.weight for part in parts], view, data["num_workers"]
  )
  settings = _settings(view, recipe)
  for one in sources:
    drawing.require_groups(len(one), settings.together)
  return drawing.Drawn(vars(tables), settings, mesh, sources=sources)


def _rendered(stage, recipe, mesh, pool: int, reuse: int):
  """Tables of clips that the devices render, and then others."""
  data, view = recipe["data"], _view(stage, recipe["data"])
  source = pipeline.open_part(*spec.parse(data["dataset"]), data["split"])
  if source.size != view.resolution:
    raise errors.ConfigError(
      f"data.dataset is {source.dataset} and data.resolution "
      f"{view.resolution}; what is rendered on the device is rendered as it is "
      f"shown. Give --config.data.dataset={spec.TOYBOX}{view.resolution}."
    )
  resident.require_small(
    pool, staged.shown(view), "Give a smaller --config.data.pool."
  )
  size = min(CHUNK, max(1, pool // 2))
  stager = staged.Stager(split=source.split, size=size, view=view)

  def make(columns):
    columns = dict(columns)
    scenes = columns.pop(staged.SCENES)
    return columns | {"video": footage.render(scenes, view.resolution)}

  return refilling.Refilled(
    staged.Chunks(stager, data["num_workers"]),
    make,
    _settings(view, recipe),
    mesh,
    pool=pool,
    reuse=reuse,
    sources=[source],
  )


def _view(stage: stages.Stage, data: Mapping[str, Any]) -> view_lib.View:
  of_view = {field.name for field in dataclasses.fields(view_lib.View)}
  return view_lib.View(
    tokenizer=stage.tokenizer,
    embedder=_lookup(data.get("embeddings")),
    **{name: value for name, value in data.items() if name in of_view},
  )


def _settings(view: view_lib.View, recipe) -> drawing.Settings:
  return drawing.Settings(
    batch_size=recipe["data"]["global_batch"],
    num_frames=view.num_frames,
    frames=view.frames,
    crop=view.crop,
    flip=view.flip,
    together=recipe["data"].get("together", 1),
    seed=recipe["seed"],
  )


def _lookup(embeddings: str | None) -> cache.Lookup | None:
  return (
    cache.Lookup(cache.EmbeddingCache.open(embeddings)) if embeddings else None
  )


def check_embeddings(
  stage: stages.Stage, recipe: Mapping[str, Any], text_params: Params
) -> None:
  """Refuses embeddings that the run's own text encoder would not make.

  Raises:
    ConfigError: the encoder is being trained, or is another.
  """
  embeddings = recipe["data"].get("embeddings")
  if not embeddings:
    return
  if recipe["trainable"] == "all":
    raise errors.ConfigError(
      f"data.embeddings is {embeddings} but the text encoder is trained too "
      "(trainable='all'), so they would be out of date after one step; leave "
      "data.embeddings out."
    )
  made_by = cache.EmbeddingCache.open(embeddings).encoder_digest
  ours = weights.text_digest(stage, text_params)
  if made_by != ours:
    raise errors.ConfigError(
      f"the embeddings in {embeddings} are of the encoder {made_by[:12]} and "
      f"the run has {ours[:12]}; make them from the run named by init_from: "
      "lumiere embed --weights INIT_FROM --dataset DATASET --out CACHE"
    )


def said_of(one: source.ClipSource) -> dict[str, Any]:
  """What the run record says of a dataset."""
  return {
    "name": one.dataset,
    "split": one.split,
    "root": one.root,
    "num_clips": len(one),
  }
