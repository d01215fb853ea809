"""Averaged weights alone, for whoever only samples: a file or a folder.

A `.safetensors` file has the run record in its header, so that it says itself
what network it is of, what it was trained on and by what; a folder has it as
`run.json`, beside weights and their checksums: those that Orbax wrote, or one
safetensors file, as `lumiere import` leaves it with the text encoder's
`spiece.model`.
"""

import dataclasses
import json
import os
import pathlib

import flax
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import safetensors
import safetensors.flax

from lumiere_jax import errors
from lumiere_jax.checkpoints import checksums
from lumiere_jax.checkpoints import store
from lumiere_jax.provenance import run_record
from lumiere_jax.types import Params
from lumiere_jax.video import atomic

SUFFIX = ".safetensors"
FOLDER = "weights"
# Of a folder, the weights in one file instead of Orbax's.
FILE = f"params{SUFFIX}"
DTYPES = ("float32", "bfloat16")
_RECORD = "lumiere"
_KINDS = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}


def write(
  out: str | os.PathLike,
  params: Params,
  record: run_record.RunRecord,
  dtype: str = "float32",
) -> None:
  """Writes a file, where the name ends with `.safetensors`, or a folder.

  Args:
    out: where; nothing may stand there.
    params: nested dicts of arrays.
    record: of the run.
    dtype: to round to; of the `DTYPES`.

  Raises:
    ConfigError: an unknown dtype, or something stands there.
    OutputError: it could not be written.
  """
  errors.require_one_of("dtype", dtype, DTYPES)
  out = pathlib.Path(out)
  if out.exists():
    raise errors.ConfigError(
      f"{out} is there already; give another --out, or delete it."
    )
  params = jax.tree.map(lambda x: jnp.asarray(x, dtype), params)
  if out.suffix == SUFFIX:
    flat = flax.traverse_util.flatten_dict(params, sep="/")
    atomic.write_bytes(out, safetensors.flax.save(flat, metadata(record)))
    return
  with atomic.replacing_folder(out) as folder:
    with ocp.StandardCheckpointer() as writer:
      writer.save((folder / FOLDER).absolute(), params)
    checksums.write(folder / FOLDER)
    run_record.write(folder, record)


def is_export(path: str | os.PathLike) -> bool:
  """Whether a path is what `write` leaves."""
  path = pathlib.Path(path)
  is_file = path.suffix == SUFFIX and path.is_file()
  return is_file or (path / FOLDER).is_dir()


def read(path: str | os.PathLike) -> tuple[Params, run_record.RunRecord]:
  """Reads what `write` wrote; parameters as float32 numpy arrays.

  Those that a file holds as float32 stay there until they are looked at.

  Raises:
    WeightsError: it is damaged, or of something else.
  """
  path = pathlib.Path(path)
  params = (_read_file if path.is_file() else _read_folder)(path)
  return jax.tree.map(lambda x: np.asarray(x, np.float32), params), record(path)


def record(path: str | os.PathLike) -> run_record.RunRecord:
  """What an export, or a run, says of itself."""
  path = pathlib.Path(path)
  if path.is_file():
    return _read_record(path)
  return _with_spiece(run_record.read(path), path)


def metadata(record: run_record.RunRecord) -> dict[str, str]:
  """The record as text by name, for a file's header."""
  return {_RECORD: json.dumps(dataclasses.asdict(record))}


def _with_spiece(
  record: run_record.RunRecord, folder: pathlib.Path
) -> run_record.RunRecord:
  """The record, whose tokenizer's file is looked for beside the weights."""
  text = record.recipe.get("text") or {}
  beside = folder / (text.get("spiece") or "")
  if not beside.is_file():
    return record
  text = dict(text, spiece=str(beside))
  return dataclasses.replace(record, recipe=dict(record.recipe, text=text))


def _read_folder(path: pathlib.Path) -> Params:
  if problems := checksums.problems(path / FOLDER):
    raise errors.WeightsError(
      f"{path} is damaged: {problems[0]}; copy it again from where it was made."
    )
  if (path / FOLDER / FILE).is_file():
    return _read_file(path / FOLDER / FILE)
  (params,) = store.read_host(path.absolute(), [FOLDER])
  return params


def _read_file(path: pathlib.Path) -> Params:
  try:
    with safetensors.safe_open(path, "np"):  # is it whole?
      pass
  except (safetensors.SafetensorError, OSError) as error:
    raise _damaged(path, error) from error
  return flax.traverse_util.unflatten_dict(_mapped(path), sep="/")


def _mapped(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Tensors by name where they lie in a file that is known to be whole.

  The library would read all of them, and knows no bfloat16 in numpy.
  """
  with path.open("rb") as file:
    start = 8 + int.from_bytes(file.read(8), "little")
    said = json.loads(file.read(start - 8))
  whole = np.memmap(path, np.uint8, "r")
  found = {}
  for name, it in said.items():
    if name == "__metadata__":
      continue
    low, high = (start + offset for offset in it["data_offsets"])
    dtype = jnp.dtype(_KINDS[it["dtype"]])
    found[name] = whole[low:high].view(dtype).reshape(it["shape"])
  return found


def _read_record(path: pathlib.Path) -> run_record.RunRecord:
  try:
    with safetensors.safe_open(path, "np") as file:
      said = (file.metadata() or {}).get(_RECORD)
  except (safetensors.SafetensorError, OSError) as error:
    raise _damaged(path, error) from error
  if said is None:
    raise errors.WeightsError(
      f"{path} does not say of what network it is; give a file that "
      "`lumiere checkpoint export` wrote."
    )
  return run_record.RunRecord(**json.loads(said))


def _damaged(path: pathlib.Path, error: Exception) -> errors.WeightsError:
  return errors.WeightsError(
    f"{path} is no whole safetensors file ({error}); copy it again from where "
    "it was made."
  )
