r"""How a run went: loss, speed, where the time went, what happened.

  lumiere report out/base
  lumiere report out/base --out base.html
  lumiere report out/t2i out/base out/ssr --picture curves.png

Writes one page of each run, which needs no other file, and says the most
important here.
"""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from lumiere_jax import errors
from lumiere_jax.cli import exits
from lumiere_jax.evaluation import run_report
from lumiere_jax.training import ledger
from lumiere_jax.video import atomic


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere report`.

  Attributes:
    workdirs: folders of the runs.
    out: the page of a single run; report.html in its folder unless given.
    picture: instead of pages, a PNG of the loss of all runs.
  """

  workdirs: Annotated[
    tuple[pathlib.Path, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="WORKDIR"),
  ]
  out: pathlib.Path | None = None
  picture: pathlib.Path | None = None


def main(argv: list[str] | None = None) -> None:
  """Writes the page of a run, and a summary to standard output."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere report", description=__doc__)
  if not flags.workdirs:
    raise errors.ConfigError(
      "no run is named; give the --workdir of `lumiere train`, or several."
    )
  if flags.picture:
    names = [path.name for path in flags.workdirs]
    runs = {
      path.name if names.count(path.name) == 1 else f"{path}": (
        run_report.metrics(path)
      )
      for path in flags.workdirs
    }
    atomic.write_bytes(flags.picture, run_report.losses(runs))
    print(flags.picture)
    return
  if flags.out and len(flags.workdirs) > 1:
    raise errors.ConfigError(
      f"--out is {flags.out} and {len(flags.workdirs)} runs are named; leave "
      "it out, and each gets its report.html."
    )
  for workdir in flags.workdirs:
    path = run_report.write(workdir, flags.out)
    print(summary(ledger.goodput(ledger.read(workdir))))
    print(path)


def summary(found: ledger.Goodput) -> str:
  """Goodput and what it is made of, in a line."""
  if not found.total:
    return "goodput unknown: the run has no ledger"
  parts = {**found.seconds, "lost steps": found.lost}
  said = ", ".join(f"{k} {v:,.0f} s" for k, v in parts.items() if v >= 0.5)
  return f"goodput {found.share:.1%}: {said}"


if __name__ == "__main__":
  exits.run(main)
