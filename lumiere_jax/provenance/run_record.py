"""The run record: what a run was, so that its weights can be rebuilt and used.

`run.json` in the run's folder holds the resolved recipe, the versions of what
computed it and the digest of the data; generation rebuilds the networks from
it and from nothing else.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
from typing import Any

from lumiere_jax import errors

VERSION = 1
FILE = "run.json"
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord:
  """One training run.

  Attributes:
    recipe: the resolved recipe, plain JSON values.
    versions: package -> version.
    mesh: mesh axis -> size.
    dataset_digest: digest of the data's manifest, or None.
    datasets: what was trained on: {"name": folder or TFDS name, "split",
      "root": Merkle root of its manifest or "" if it has none, "num_clips"},
      and "through": the run whose weights this one began with, where it was
      that run that saw the data; see `all_datasets`. Empty in records of
      older versions of this code.
    parents: role -> digest of weights the run started from.
    xla_flags: what the compilers were told; "" also in older records.
    version: of this format.
  """

  recipe: Mapping[str, Any]
  versions: Mapping[str, str]
  mesh: Mapping[str, int]
  dataset_digest: str | None = None
  datasets: Sequence[Mapping[str, Any]] = ()
  parents: Mapping[str, str] = dataclasses.field(default_factory=dict)
  xla_flags: str = ""
  version: int = VERSION


def versions() -> dict[str, str]:
  """Versions of Python and of the packages that numbers depend on."""
  found = {"python": platform.python_version()}
  for name in PACKAGES:
    try:
      found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return found


def write(workdir: str | os.PathLike, record: RunRecord) -> None:
  """Writes the record, atomically."""
  folder = pathlib.Path(workdir)
  folder.mkdir(parents=True, exist_ok=True)
  part = folder / f".{FILE}.part"
  part.write_text(json.dumps(dataclasses.asdict(record), indent=2) + "\n")
  part.replace(folder / FILE)


def read(workdir: str | os.PathLike) -> RunRecord:
  """Reads the record of a run.

  Raises:
    WeightsError: there is none, or it is of another version.
  """
  path = pathlib.Path(workdir) / FILE
  if not path.is_file():
    raise errors.WeightsError(
      f"{os.fspath(workdir)} has no {FILE}, so it is not the folder of a "
      "training run; give the --workdir of `lumiere train`."
    )
  try:
    entry = json.loads(path.read_text())
    found = entry["version"]
  except (ValueError, KeyError, TypeError) as error:
    raise errors.WeightsError(
      f"{path} is damaged ({error}); copy it again from where the run was "
      "trained."
    ) from error
  if found != VERSION:
    raise errors.WeightsError(
      f"{path} has version {found}; this code reads version {VERSION}."
    )
  return RunRecord(**entry)


def all_datasets(
  own: Sequence[Mapping[str, Any]],
  *,
  earlier: str | os.PathLike | None = None,
  parents: Sequence[tuple[str, RunRecord]] = (),
) -> list[dict[str, Any]]:
  """What weights saw: now, earlier in the run, and before it began.

  Kept in full with each run, since the folder of a parent may be gone by the
  time that someone asks.

  Args:
    own: the run's datasets, as in `RunRecord.datasets`.
    earlier: folder of the same run, if it goes on from a checkpoint there.
    parents: weights that this one begins with, and what each says of itself.

  Raises:
    WeightsError: `earlier` holds no run.
  """
  found = [dict(one) for one in own]
  if earlier is not None:
    found += read(earlier).datasets
    parents = ()
  for name, record in parents:
    # The nearest run is named; from there one can walk on.
    found += [{**d, "through": name} for d in record.datasets]
  kept = []
  for one in found:
    if one not in kept:
      kept.append(one)
  return kept


def differences(
  old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
  """Dotted field -> (old, new) wherever two recipes differ."""
  found = {}
  for key in sorted(old.keys() | new.keys()):
    name, a, b = f"{prefix}{key}", old.get(key), new.get(key)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
      found |= differences(a, b, f"{name}.")
    elif a != b:
      found[name] = (a, b)
  return found
