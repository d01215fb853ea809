"""From a resolved recipe to a training job: the one place that sees all rooms.

The order matters.  Shapes come first, then where they belong, then the
parameters are born there; the step is compiled for those places; data last,
since it starts processes.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import json
import pathlib
from typing import Any
import urllib.parse

from absl import logging
import jax
import numpy as np

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.aot import report
from lumiere_jax.aot import train_step
from lumiere_jax.aot import work
from lumiere_jax.checkpoints import newest
from lumiere_jax.cli import feed
from lumiere_jax.data import reading
from lumiere_jax.data import source
from lumiere_jax.data import spec
from lumiere_jax.models import inflate
from lumiere_jax.nn import initial
from lumiere_jax.parallel import machine
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import rules
from lumiere_jax.parallel import xla_flags
from lumiere_jax.provenance import run_record
from lumiere_jax.sampling import base as base_sampler
from lumiere_jax.sampling import noise as sampling_noise
from lumiere_jax.sampling import settings as sampler_settings
from lumiere_jax.sampling import sharded
from lumiere_jax.stages import export
from lumiere_jax.stages import spread
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights
from lumiere_jax.training import guards
from lumiere_jax.training import ledger
from lumiere_jax.training import loop
from lumiere_jax.training import metrics
from lumiere_jax.training import saving
from lumiere_jax.training import step as steps
from lumiere_jax.types import Condition, Params
from lumiere_jax.video import atomic
from lumiere_jax.video import pixels
from lumiere_jax.video import sheet

SECTIONS = {
  *("stage", "seed", "num_steps", "init_from", "init_parts", "trainable"),
  *("data", "text", "model", "diffusion", "optimizer", "mesh", "every"),
  *("checkpoints", "guards", "sampling"),
}
# What a run must not change between its parts.
FIXED_SECTIONS = ("stage", "seed", "text", "model", "diffusion", "trainable")
PREVIEW_STEPS = 10
SHEET_COLUMNS = 10
INIT_FILE = "init_from.json"


def job(
  recipe: Mapping[str, Any],
  workdir: str,
  on_step: Callable[[str, int, int], None] | None = None,
  program: str | None = None,
) -> loop.Job:
  """Builds everything a run consists of.

  Args:
    recipe: plain JSON values; see `configs/`.
    workdir: the run's folder.
    on_step: progress bar, called with (stage, step, num_steps).
    program: file of the compiled step (`lumiere plan --save`); None compiles.

  Raises:
    LumiereError: a recipe that contradicts itself, the machine or the run
      that `workdir` already holds.
  """
  check(recipe)
  is_first = jax.process_index() == 0
  book = ledger.Ledger(workdir, is_active=is_first)
  mesh = meshes.make(recipe["mesh"])
  data = recipe["data"]
  meshes.check_batch(data["global_batch"], data["num_frames"], mesh)
  stage = stages.build(recipe)
  stage.tokenizer.require_ready()
  # Opens the dataset, so that a wrong name fails first; starts no process yet.
  batches = feed.clips(stage, recipe, workdir, mesh)
  check_same_run(recipe, workdir)
  params, parents = place_params(stage, recipe, mesh, workdir)
  if weights.latest_step(workdir) is None:  # else they are yet to be restored
    feed.check_embeddings(stage, recipe, params.get("text"))
  plan = train_step.make(recipe, mesh)
  trained, frozen = inflate.split(params, plan.is_trained)
  frozen = stages.in_compute_dtype(stage, frozen)
  log_parameters(trained, frozen, data["global_batch"])
  with book.spending("compile"):
    compiled = compiled_step(plan, program)
  state = place_state(trained, plan, recipe["seed"])
  record = write_record(recipe, workdir, mesh, batches.sources, parents)
  return loop.Job(
    workdir=workdir,
    num_steps=recipe["num_steps"],
    train_step=compiled,
    state=state,
    frozen=frozen,
    batches=batches,
    place=feed.place(batches, mesh),
    every=loop.Every(**recipe["every"]),
    checkpoints=saving.Settings(**recipe["checkpoints"]),
    limits=guards.Settings(**recipe["guards"]),
    ledger=book,
    record=record,
    writer=metrics.Writer(workdir, is_active=is_first),
    sheet=functools.partial(sheet.contact_sheet, columns=SHEET_COLUMNS),
    preview=preview(plan.spread, mesh),
    on_step=functools.partial(on_step, stage.name)
    if on_step and is_first
    else None,
    flops=known_flops(recipe),
    clips=data["global_batch"],
  )


def check(recipe: Mapping[str, Any]) -> None:
  """Refuses a recipe with sections missing, unknown or contradictory."""
  sections = recipe.keys() - {stages.STYLE}
  if sections != SECTIONS:
    raise errors.ConfigError(
      f"recipe lacks {sorted(SECTIONS - sections)} and has unknown "
      f"{sorted(sections - SECTIONS)}; see configs/tiny.py."
    )
  errors.require_one_of(
    "trainable", recipe["trainable"], tuple(train_step.TRAINABLE)
  )
  if not recipe["data"]["dataset"]:
    raise errors.ConfigError(
      "no dataset is named; give --config.data.dataset=DATASET, a folder that "
      "`lumiere prepare` wrote."
    )
  check_shown(recipe)
  if (
    recipe["trainable"] in ("temporal", "conditional", stages.STYLE)
    and not recipe["init_from"]
  ):
    logging.warning(
      "trainable is %r but init_from is not given: the image network stays "
      "random",
      recipe["trainable"],
    )


def styled(recipe: Mapping[str, Any]) -> dict[str, Any]:
  """Puts pictures that a recipe names as a style in the place of its data."""
  style = recipe.get(stages.STYLE) or {}
  if not style.get("image"):
    return dict(recipe)
  name = f"{spec.IMAGES}{style['image']}"
  if style.get("caption"):
    name += "?" + urllib.parse.urlencode({"caption": style["caption"]})
  return dict(recipe, data=dict(recipe["data"], dataset=name))


def check_shown(recipe: Mapping[str, Any]) -> None:
  """Refuses data of which a stage can make nothing."""
  data, stage = recipe["data"], recipe["stage"]
  for name, found, wanted in (
    ("frames", data["frames"] == reading.NO_FRAMES, stage == stages.TEXT),
    ("truth", bool(data.get("truth")), stage == stages.JUDGE),
  ):
    if found != wanted:
      raise errors.ConfigError(
        f"data.{name} is {data.get(name)!r} in a {stage} recipe; captions "
        f"alone (frames={reading.NO_FRAMES!r}) are for stage {stages.TEXT} and "
        f"the truth of clips (truth=True) for stage {stages.JUDGE}."
      )


def check_same_run(recipe: Mapping[str, Any], workdir: str) -> None:
  """Refuses a recipe that contradicts the run that `workdir` holds."""
  folder = pathlib.Path(workdir)
  if not (folder / run_record.FILE).exists():
    return
  old = run_record.read(folder).recipe
  for section in FIXED_SECTIONS:
    changed = run_record.differences(
      {section: old.get(section)}, {section: recipe[section]}
    )
    for name, (before, now) in changed.items():
      raise errors.ConfigError(
        f"{workdir} was trained with {name}={before!r} and the recipe says "
        f"{now!r}; give another --workdir, or the old value."
      )


def is_finished(recipe: Mapping[str, Any], workdir: str) -> bool:
  """Whether the run in `workdir` has all its steps already.

  If so, its record takes over what a run may change, such as how to sample.

  Raises:
    ConfigError: the recipe contradicts that run.
  """
  check(recipe)
  if (newest.good(workdir) or 0) < recipe["num_steps"]:
    return False
  check_same_run(recipe, workdir)
  record = run_record.read(workdir)
  if jax.process_index() == 0:
    run_record.write(workdir, dataclasses.replace(record, recipe=recipe))
  return True


def write_record(
  recipe: Mapping[str, Any],
  workdir: str,
  mesh,
  sources: Sequence[source.ClipSource],
  parents: Mapping[str, str],
) -> dict[str, Any]:
  """Writes run.json, once all checks have passed; returns what it says."""
  goes_on = weights.latest_step(workdir) is not None
  names = [] if goes_on else parents_of(recipe)
  datasets = run_record.all_datasets(
    [feed.said_of(one) for one in sources],
    earlier=workdir if goes_on else None,
    parents=[(name, export.record(shipped.find(name))) for name in names],
  )
  record = run_record.RunRecord(
    recipe=recipe,
    versions=run_record.versions(),
    mesh=dict(mesh.shape),
    datasets=datasets,
    parents=parents,
    xla_flags=xla_flags.in_force(),
  )
  if jax.process_index() == 0:
    run_record.write(workdir, record)
  return dataclasses.asdict(record)


def place_params(
  stage: stages.Stage, recipe, mesh, workdir: str
) -> tuple[Params, dict[str, str]]:
  """Parameters where they belong: drawn, or taken from `init_from`.

  Returns:
    Parameters, and what they were taken from: run -> digest of its weights.
  """
  abstract = stage.abstract_params()
  shardings = rules.DEFAULT.shardings(abstract, mesh)
  params = initial.materialize(abstract, recipe["seed"], shardings)
  if not recipe["init_from"]:
    return params, {}
  if weights.latest_step(workdir) is not None:
    # The checkpoint holds them, and the source may be gone by now.
    return params, dict(run_record.read(workdir).parents)
  found, parents = {}, {}
  for name in parents_of(recipe):
    parent, found[name], parents[name] = weights.load(name, ())
    parts = [part for part in recipe["init_parts"] if part in found[name]]
    weights.require_same(parent, stage, name, parts)
  taken = {}
  for part in recipe["init_parts"]:
    params[part], report = inflate.inflate(first_of(part, found), params[part])
    taken[part] = dataclasses.asdict(report)
    logging.info("%s from %s: %s", part, recipe["init_from"], report)
  write_taken(workdir, parents, taken)
  return jax.device_put(params, shardings), parents


def parents_of(recipe: Mapping[str, Any]) -> list[str]:
  """Names of the weights that a run begins with, the first asked first."""
  return recipe["init_from"].split(",") if recipe["init_from"] else []


def first_of(part: str, found: Mapping[str, Params]) -> Params:
  """A part of the parameters, each from the first weights that have it.

  Raises:
    WeightsError: none has the part.
  """
  have = [params[part] for params in found.values() if part in params]
  if not have:
    raise errors.WeightsError(
      f"{' and '.join(found)} hold no {part}; name weights that do, after a "
      "comma, or leave that part out of init_parts."
    )
  return functools.reduce(inflate.merge, have)


def write_taken(workdir: str, parents: Mapping[str, str], taken) -> None:
  """Writes down what became of each parameter of `init_from`."""
  if jax.process_index():
    return
  found = {"sources": dict(parents), "parts": taken}
  path = pathlib.Path(workdir, INIT_FILE)
  atomic.write_text(path, json.dumps(found, indent=1) + "\n")


def place_state(
  trained: Params, plan: train_step.TrainStep, seed: int
) -> steps.TrainState:
  """The state before the first step, each part born where it belongs."""
  places = jax.tree.map(lambda x: x.sharding, plan.state)
  # The key is made inside: a process cannot put one on devices of others.
  make = jax.jit(
    lambda p: steps.init_state(p, plan.optimizer, jax.random.key(seed)),
    out_shardings=places,
  )
  return make(trained)


def compiled_step(plan: train_step.TrainStep, program: str | None):
  """The step for its places: compiled now, or by `lumiere plan` before."""
  if program is None:
    compiled = plan.lower().compile()
    machine.give_back_memory()
    return compiled
  return report.load_program(pathlib.Path(program))


def known_flops(recipe: Mapping[str, Any]) -> float:
  """Model FLOPs of a step; 0 on devices whose peak nobody would compare to."""
  known = jax.devices()[0].device_kind in metrics.PEAK_FLOPS
  if not known or recipe["stage"] in stages.PAINTLESS:
    return 0.0
  return work.training_flops(recipe)


def log_parameters(trained: Params, frozen: Params, batch: int) -> None:
  """What is trained, and the batch in three sizes."""
  logging.info(
    "parameters: %s trained, %s frozen",
    f"{initial.count(trained):,}",
    f"{initial.count(frozen):,}",
  )
  logging.info(
    "clips a step: %d in all, %d a process, %.3g a device",
    batch,
    batch // jax.process_count(),
    batch / jax.device_count(),
  )


def preview(stage: stages.Stage, mesh):
  """A function that samples one clip from the averaged weights, or None.

  Super-resolution needs a clip to upsample, and what paints nothing has none.
  """
  if stage.name in (stages.SUPER_RESOLUTION, *stages.PAINTLESS):
    return None
  options = dict(stage.recipe["sampling"]) | dict(
    num_steps=PREVIEW_STEPS, guidance_scale=1.0
  )
  settings = sampler_settings.SamplerSettings(**options)
  make = (stage.denoise, stage.schedule, settings, stage.frame_shape)
  if mesh.size == 1:
    run = jax.jit(base_sampler.make(*make))
  else:
    # One clip for each group of devices that share one; one of them is shown.
    run = sharded.make_base(*make, mesh, batch_axes=spread.clip_axes(stage))

  def sample(trained: Params, frozen: Params, step: int):
    del step
    params = inflate.merge(trained, frozen)
    tokens, mask = stage.tokenizer([""])
    text, mask = stage.encode(params, tokens, mask)
    keys = sampling_noise.clip_keys(0, [0])
    clip = run(params, keys, Condition(text=text, text_mask=mask))
    return {"preview": pixels.to_uint8(np.asarray(clip)[0])}

  return sample
