r"""That a clip is in a dataset, for someone who has only the dataset's root.

  lumiere prove datasets/mine --clip dogs/17.mp4 > proof.json
  lumiere prove --check proof.json --root 5dc9da79a706...

The root stands in the dataset's manifest.json, in the run.json of what was
trained on it, and in the JSON beside every video made with that. The proof
holds the clip's line of the manifest and one hash for each doubling of the
dataset's size; checking it takes no dataset.

A dataset that only grew proves that too, to someone who kept its old root:

  lumiere prove datasets/mine --grown-from 1000 > growth.json
  lumiere prove --check growth.json --root NEW --old-root OLD

Without this program, in plain Python:

  import base64, hashlib, json
  entry = json.load(open("proof.json"))
  size, index = entry["proof"]["size"], entry["proof"]["index"]
  path, h = base64.b64decode(entry["proof"]["path"]), hashlib.sha256
  def climb(found, index, size, path):
    if size == 1: return found
    left, beside = 1 << (size - 1).bit_length() - 1, path[-32:]
    if index < left:
      return h(b"\1" + climb(found, index, left, path[:-32]) + beside).digest()
    found = climb(found, index - left, size - left, path[:-32])
    return h(b"\1" + beside + found).digest()
  leaf = h(b"\0" + entry["clip"].encode()).digest()
  print(climb(leaf, index, size, path).hex())  # must be the root
"""

import dataclasses
import json
import pathlib
from typing import Annotated

import tyro

from lumiere_jax import errors
from lumiere_jax.cli import exits
from lumiere_jax.provenance import proof


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere prove`.

  Attributes:
    dataset: folder that `lumiere prepare` made.
    clip: id of the clip to prove.
    grown_from: number of clips the dataset had, to prove that it only grew.
    check: proof to check instead.
    root: with --check, the root that is trusted, 64 hex digits.
    old_root: with --check, the root known before the dataset grew.
  """

  dataset: Annotated[
    pathlib.Path | None,
    tyro.conf.Positional,
    tyro.conf.arg(metavar="DATASET"),
  ] = None
  clip: str | None = None
  grown_from: int | None = None
  check: pathlib.Path | None = None
  root: str | None = None
  old_root: str | None = None


def main(argv: list[str] | None = None) -> None:
  """Prints a proof, or checks one and leaves with code 1 if it is none."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere prove", description=__doc__)
  _require_one_task(flags)
  if flags.check is not None:
    check(flags)
    return
  if flags.clip is not None:
    found = proof.prove(flags.dataset, flags.clip)
  else:
    found = proof.prove_growth(flags.dataset, flags.grown_from)
  print(json.dumps(found, ensure_ascii=False))


def check(flags: Flags) -> None:
  """Says in a sentence whether a proof holds."""
  try:
    entry = json.loads(flags.check.read_text(encoding="utf-8"))
    kind = entry["kind"]
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise errors.DataError(
      f"{flags.check} is no proof ({error}); give the JSON that `lumiere "
      "prove` printed."
    ) from error
  if not proof.check(entry, flags.root, flags.old_root):
    print(f"no: {flags.check} does not lead to the root {flags.root}.")
    raise SystemExit(1)
  size = entry["proof"]["size"]
  if kind == "growth":
    old = entry["proof"]["old_size"]
    print(f"yes: the {size} clips begin with the {old} of the old root.")
    return
  clip = proof.clip_of(entry)
  print(
    f"yes: {clip.id} (sha256 {clip.sha256}) is clip "
    f"{entry['proof']['index'] + 1} of {size} in the dataset with that root."
  )


def _require_one_task(flags: Flags) -> None:
  if flags.check is not None:
    if flags.root is None:
      raise errors.ConfigError(
        "--check needs the root that is trusted: --root HEX, from run.json, "
        "from a video's JSON, or from whoever made the dataset."
      )
    return
  if flags.dataset is None or (flags.clip is None) == (
    flags.grown_from is None
  ):
    raise errors.ConfigError(
      "say what to prove: lumiere prove DATASET --clip ID, or --grown-from "
      "NUMBER, or check a proof with --check FILE --root HEX."
    )


if __name__ == "__main__":
  exits.run(main)
