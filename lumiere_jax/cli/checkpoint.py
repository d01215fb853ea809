r"""Looks after the checkpoints of a run.

  lumiere checkpoint list out/base
  lumiere checkpoint verify out/base
  lumiere checkpoint export out/base --out base.safetensors --dtype bfloat16
  lumiere checkpoint export out/base --out b.safetensors --advise num_steps=32

"list" says what there is. "verify" reads every checkpoint against its
checksums, changes nothing, and leaves with code 1 if one is damaged. "export"
writes the averaged weights of the newest good one, for `lumiere sample`: a
safetensors file, or a folder where the name has no such ending.
"""

from collections.abc import Sequence
import dataclasses
import json
import pathlib
import time
from typing import Annotated

import tyro

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.checkpoints import checksums
from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import newest
from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.generation import plans
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights

Workdir = Annotated[
  pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="WORKDIR")
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class List:
  """What checkpoints there are.

  Attributes:
    workdir: folder of the run.
  """

  workdir: Workdir

  def run(self) -> None:
    """Prints a line for each."""
    for step in _steps(self.workdir):
      path = folder.of(self.workdir, step)
      when = time.strftime("%F %T", time.localtime(path.stat().st_mtime))
      print(f"step {step}, {_size(path)}, {when}, {path}")
    for path in sorted((folder.root(self.workdir) / folder.DAMAGED).glob("*")):
      problems = json.loads((path / folder.REPORT).read_text())["problems"]
      print(f"set aside: {path}: {newest.said(problems)}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verify:
  """Whether they are what was written.

  Attributes:
    workdir: folder of the run.
  """

  workdir: Workdir

  def run(self) -> None:
    """Prints a line for each; leaves with code 1 if one is damaged."""
    damaged = False
    for step in _steps(self.workdir):
      path = folder.of(self.workdir, step)
      problems = checksums.problems(path, progress.amounts("MB", 10**6))
      damaged |= bool(problems)
      for problem in problems:
        print(f"step {step}: {problem}")
      if not problems:
        print(f"step {step}: as it was written, {_size(path)}")
    if damaged:
      raise SystemExit(1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export:
  """The averaged weights alone, for sampling.

  Attributes:
    workdir: folder of the run; or weights that were exported, or that ship
      under a name, such as "nano/base".
    out: file that ends with .safetensors, or a folder.
    dtype: float32 or bfloat16.
    advise: how to sample, NAME=VALUE of the recipe's `sampling` section, where
      the recipe was not right; whoever samples without saying more gets it.
  """

  workdir: Workdir
  out: pathlib.Path
  dtype: str = "float32"
  advise: tuple[str, ...] = ()

  def run(self) -> None:
    """Writes them, and says what."""
    stage, params, digest = weights.load(self.workdir)
    record = export.record(shipped.find(self.workdir))
    if self.advise:
      record = _advising(record, stage, self.advise)
    if stages.STYLE in params:  # which is trained for a network that is there
      params = {stages.STYLE: params[stages.STYLE]}
    export.write(self.out, params, record, self.dtype)
    print(f"{self.out}: weights {digest[:12]} in {self.dtype}")


def _advising(
  record: run_record.RunRecord, stage: stages.Stage, words: Sequence[str]
) -> run_record.RunRecord:
  """The record with other advice on how to sample."""
  if stage.name in stages.PAINTLESS:
    raise errors.ConfigError(
      f"--advise {words[0]}: weights of a stage {stage.name!r} paint nothing; "
      "leave it out."
    )
  advice = dict(record.recipe.get("sampling") or {})
  for word in words:
    name, is_said, value = word.partition("=")
    if not is_said:
      raise errors.ConfigError(
        f"--advise {word}: expected NAME=VALUE, for instance num_steps=32."
      )
    advice[name] = _value(value)
  recipe = dict(record.recipe) | {"sampling": advice}
  plans.defaults(dataclasses.replace(stage, recipe=recipe))  # or it is refused
  return dataclasses.replace(record, recipe=recipe)


def _value(said: str):
  """A number, true, false or null; any other word is itself."""
  try:
    return json.loads(said)
  except json.JSONDecodeError:
    return said


def _steps(workdir: pathlib.Path) -> list[int]:
  if steps := folder.steps(workdir):
    return steps
  raise errors.WeightsError(
    f"{workdir} has no checkpoints; give the --workdir of `lumiere train`."
  )


def _size(path: pathlib.Path) -> str:
  files = (p for p in path.rglob("*") if p.is_file())
  return f"{sum(p.stat().st_size for p in files) / 1e6:.1f} MB"


def main(argv: list[str] | None = None) -> None:
  """Looks after checkpoints; see the module for the commands."""
  chosen = tyro.extras.subcommand_cli_from_dict(
    {"list": List, "verify": Verify, "export": Export},
    args=argv,
    prog="lumiere checkpoint",
    description=__doc__,
  )
  chosen.run()


if __name__ == "__main__":
  exits.run(main)
