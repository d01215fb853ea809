r"""Whether a dataset is still what `lumiere prepare` made of it.

  lumiere verify datasets/mine
  lumiere verify datasets/mine --root 5dc9da79a706... --public-key key.pub

Hashes every file and every clip again, and names each that changed, is
missing, is unreadable or was not there before. The exit code is 0 if all is
well and 1 if not. With --root, the manifest must also be the one of which a
checkpoint or a video keeps the root; with --public-key, the dataset must be
signed by the owner of that key (needs the extra `credentials`).
"""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.data import verify


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere verify`.

  Attributes:
    dataset: folder that `lumiere prepare` made.
    public_key: PEM file; the dataset must be signed with the key it belongs
      to.
    root: that the manifest must have, 64 hex digits.
  """

  dataset: Annotated[
    pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")
  ]
  public_key: pathlib.Path | None = None
  root: str | None = None


def main(argv: list[str] | None = None) -> None:
  """Verifies a dataset; leaves with code 1 if something is wrong with it."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere verify", description=__doc__)
  report = verify.verify(
    flags.dataset,
    public_key=flags.public_key,
    root=flags.root,
    on_bytes=progress.amounts("MB", 10**6),
  )
  for finding in report.findings:
    print(finding)
  print(f"{flags.dataset}: {sentence(report, flags.public_key is not None)}")
  if report.findings:
    raise SystemExit(1)


def sentence(report: verify.Report, is_key_given: bool) -> str:
  """What was found, in one line."""
  size = f"{report.num_clips} clips, {report.num_bytes / 1e6:.1f} MB"
  if not report.findings:
    signed = ", not signed"
    if report.is_signed:
      signed = ", signed with that key"
      if not is_key_given:
        signed = ", signed (by whom tells --public-key)"
    return f"all is as it was sealed: {size}{signed}; root {report.root}"
  counts = {
    kind: len([f for f in report.findings if f.kind == kind])
    for kind in verify.KINDS
  }
  said = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)
  clips = {f.name for f in report.findings if f.name.startswith("clip ")}
  return (
    f"not what was sealed: {said}, which touches {len(clips)} of {size}; get "
    "those files again from where the dataset was made."
  )


if __name__ == "__main__":
  exits.run(main)
