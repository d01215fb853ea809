r"""How a run went: loss, speed, where the time went, what happened.

  lumiere report out/base
  lumiere report out/base --out base.html

Writes one page that needs no other file, and says the most important here.
"""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from lumiere_jax.cli import exits
from lumiere_jax.evaluation import run_report
from lumiere_jax.training import ledger


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere report`.

  Attributes:
    workdir: folder of the run.
    out: the page; report.html in that folder unless given.
  """

  workdir: Annotated[
    pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="WORKDIR")
  ]
  out: pathlib.Path | None = None


def main(argv: list[str] | None = None) -> None:
  """Writes the page of a run, and a summary to standard output."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere report", description=__doc__)
  path = run_report.write(flags.workdir, flags.out)
  print(summary(ledger.goodput(ledger.read(flags.workdir))))
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
