"""Loading what a run trained: the averaged weights, and their digest."""

from collections.abc import Collection
import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import newest
from lumiere_jax.checkpoints import store
from lumiere_jax.models import inflate
from lumiere_jax.models import sameness
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Params

# As `training.checkpoint` writes them.
ITEMS = ("ema", "frozen")


def load(
  workdir: str | os.PathLike, parts: Collection[str] | None = None
) -> tuple[stages.Stage, Params, str]:
  """Loads the newest averaged weights of a run, or exported ones.

  Args:
    workdir: the folder given to `lumiere train --workdir`, what `lumiere
      checkpoint export` or `lumiere import` wrote, or what ships under a name,
      such as "nano/base".
    parts: of the stage's parameters that must be there; None for all. What was
      imported may be a network without a text encoder.

  Returns:
    The stage, its parameters as numpy arrays, and their digest.

  Raises:
    WeightsError: no run, no checkpoint, or weights that do not fit the
      recipe.
  """
  asked, workdir = workdir, shipped.find(workdir)
  if export.is_export(workdir):
    params, record = export.read(workdir)
    stage = stages.build(_on_this_machine(record.recipe))
    abstract = _unboxed(stage)
    _require(abstract.keys() if parts is None else parts, params, workdir)
    _check({part: abstract.get(part, {}) for part in params}, params, workdir)
    return stage, params, digest(params)
  if not workdir.is_dir():
    raise errors.WeightsError(
      f"there is no folder {workdir}; give the --workdir of `lumiere train`, "
      "or a folder with base/ and ssr/ inside."
    )
  _require_one(asked, workdir)
  stage = stages.build(_on_this_machine(run_record.read(workdir).recipe))
  params = _restore(workdir)
  _check(_unboxed(stage), params, workdir)
  return stage, params, digest(params)


def _require_one(asked: str | os.PathLike, where: pathlib.Path) -> None:
  """Refuses a cascade where one stage of it is wanted."""
  inside = sorted(path.stem for path in where.glob("*.safetensors"))
  if inside and not (where / run_record.FILE).exists():
    raise errors.WeightsError(
      f"{asked} holds several stages, {', '.join(inside)}; give one of them, "
      f"such as {pathlib.Path(asked, inside[0])}."
    )


def _on_this_machine(recipe: dict[str, Any]) -> dict[str, Any]:
  """The recipe, in float32 on a CPU.

  What was trained in bfloat16 on an accelerator is not faster in it there:
  CPUs convert to float32 and back around every operation.
  """
  model = dict(recipe.get("model") or {})
  if jax.default_backend() != "cpu" or "dtype" not in model:
    return recipe
  return dict(recipe, model=model | {"dtype": "float32"})


def require_same(
  parent: stages.Stage, stage: stages.Stage, name: str, parts: Collection[str]
) -> None:
  """Refuses to begin with weights that a stage would read as another's.

  Of weights that were imported, or descend from such: they are of networks
  that have many relatives with the same shapes.

  Args:
    parent: whose weights they are.
    stage: what is to begin with them.
    name: of the weights.
    parts: what is taken of them.

  Raises:
    WeightsError: a field that changes what the weights say differs.
  """
  found = {}
  if "network" in parts and parent.recipe.get("model", {}).get("variant"):
    width = parent.text_shape[1]
    specs = [one.network.spec for one in (parent, stage)]
    explicit = [sameness.explicit(spec, width) for spec in specs]
    found = {
      f"model.{field}": values
      for field, values in sameness.differences(*explicit).items()
      if field not in ("given", "dropout", "out_channels")
    }
  if "text" in parts and "vocab_size" in parent.recipe["text"]:
    ours, theirs = _encoder(stage), _encoder(parent)
    found |= {
      f"text.encoder.{field}": (value, ours[field])
      for field, value in theirs.items()
      if ours[field] != value and field not in ("dtype", "vocab_size")
    }
  for field, (theirs, ours) in found.items():
    raise errors.WeightsError(
      f"{name} has {field} = {theirs!r} and the recipe {ours!r}, so the same "
      f"weights would say something else; give --config.{field}={theirs}."
    )


def latest_step(workdir: str | os.PathLike) -> int | None:
  """Newest complete checkpoint of a run, or None."""
  return folder.newest(workdir)


def digest(params: Params) -> str:
  """SHA-256 over names, shapes, dtypes and values, hex."""
  total = hashlib.sha256()
  leaves = jax.tree_util.tree_flatten_with_path(params)[0]
  for path, value in leaves:
    value = np.asarray(value)
    name = jax.tree_util.keystr(path)
    total.update(f"{name} {value.shape} {value.dtype}\n".encode())
    total.update(np.ascontiguousarray(value).tobytes())
  return total.hexdigest()


def text_digest(stage: stages.Stage, text_params: Params) -> str:
  """Identifies what a stage's text encoder says of any text, hex.

  By its weights as it reads them, which may have fewer digits than they are
  kept with.
  """
  text_params = stages.in_compute_dtype(stage, {"text": text_params})["text"]
  said = json.dumps([digest(text_params), _said_of_text(stage)], sort_keys=True)
  return hashlib.sha256(said.encode()).hexdigest()


def _said_of_text(stage: stages.Stage) -> dict[str, Any]:
  """The text section; a tokenizer's file by what it holds, wherever it lies."""
  text = dict(stage.recipe["text"])
  if not text.get("spiece"):
    return text
  return {
    "tokenizer": text["tokenizer"],
    "max_length": text["max_length"],
    "spiece": stage.tokenizer.digest,
    "sentinels": stage.tokenizer.sentinels,
    "padding": text.get("padding", stages.HIDDEN),
    "encoder": _encoder(stage),
  }


def _encoder(stage: stages.Stage) -> dict[str, Any]:
  """All fields of a stage's text encoder."""
  encoder = stage.text_encoder
  names = [field.name for field in dataclasses.fields(encoder)]
  return {k: getattr(encoder, k) for k in names if k not in ("parent", "name")}


def _require(parts: Collection[str], params: Params, workdir) -> None:
  """Refuses weights that lack a part."""
  lacking = sorted(set(parts) - params.keys())
  if lacking:
    raise errors.WeightsError(
      f"{workdir} holds {' and '.join(sorted(params)) or 'nothing'} and no "
      f"{lacking[0]}; import it again with both (lumiere import --text "
      "ENCODER)."
    )


def _restore(workdir: pathlib.Path) -> Params:
  step = newest.readable(workdir)
  if step is None:
    raise errors.WeightsError(
      f"{workdir} has no complete checkpoint yet; wait for the run's first, "
      "or lower every.checkpoint."
    )
  path = folder.of(workdir, step)
  trained, frozen = store.read_host(path, ITEMS)
  if set(frozen) == {"none"}:
    frozen = {}
  return inflate.merge(trained, frozen)


def _check(abstract: Params, params: Params, workdir) -> None:
  want = {
    jax.tree_util.keystr(path): leaf.shape
    for path, leaf in jax.tree_util.tree_flatten_with_path(abstract)[0]
  }
  have = {
    jax.tree_util.keystr(path): np.shape(leaf)
    for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]
  }
  for name in sorted(want.keys() | have.keys()):
    if want.get(name) != have.get(name):
      raise errors.WeightsError(
        f"{workdir}: {name} is {have.get(name)} in the checkpoint and "
        f"{want.get(name)} in the recipe of its {run_record.FILE}; they are "
        "not of the same run."
      )


def _unboxed(stage: stages.Stage) -> Params:
  """Shapes of all parameters."""
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, np.float32),
    nn.unbox(stage.abstract_params()),
  )
