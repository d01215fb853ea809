r"""Whether a clip was in the training set of given weights.

  lumiere audit out/base --clip mine.mp4
  lumiere audit out --clip mine.mp4 --dataset /new/place/of/the/dataset

WORKDIR is the folder of a run, or of runs as t2i/, base/ and ssr/; what they
were trained on, and what their parents were, stands in run.json. The clip is
found by the hash of its file and, if it was scaled or encoded again, by what
it and each of its shots look like. Only datasets made by `lumiere prepare`
can be searched. The exit code is 0 whichever the answer; --json adds the
file's hashes, which `lumiere prepare --exclude` takes as sha256:... and
fingerprint:...
"""

import dataclasses
import json
import pathlib
from typing import Annotated

import tyro

from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.data import audit
from lumiere_jax.data import looks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere audit`.

  Attributes:
    workdir: folder of a run, or of runs as t2i/, base/ and ssr/.
    clip: the video file to look for.
    dataset: where a dataset that the run names is now, if it was moved.
    max_distance: bits of 256 by which two copies of a clip may look
      different.
    json: print the answer for a program rather than a person.
  """

  workdir: Annotated[
    pathlib.Path, tyro.conf.Positional, tyro.conf.arg(metavar="WORKDIR")
  ]
  clip: pathlib.Path
  dataset: pathlib.Path | None = None
  max_distance: int = 15
  json: bool = False


def main(argv: list[str] | None = None) -> None:
  """Prints whether a clip was trained on."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere audit", description=__doc__)
  answer = audit.audit(
    flags.workdir,
    flags.clip,
    fingerprints=looks.of(flags.clip),
    dataset=flags.dataset,
    max_distance=flags.max_distance,
    on_clips=progress.amounts("clips"),
  )
  if flags.json:
    entry = {"verdict": verdict(answer), **dataclasses.asdict(answer)}
    print(json.dumps(entry, ensure_ascii=False))
    return
  print(sentence(answer, flags.workdir, flags.clip))


def verdict(answer: audit.Answer) -> str:
  """ "exact", "near", "no", or "unknown" if not all could be searched."""
  if answer.matches:
    return "exact" if answer.matches[0].distance is None else "near"
  return "unknown" if answer.unknown else "no"


def sentence(
  answer: audit.Answer, workdir: pathlib.Path, clip: pathlib.Path
) -> str:
  """The answer in a sentence, and another for what could not be searched."""
  only = " (it cannot be decoded, so only its hash was compared)"
  note = "" if answer.fingerprints else only
  size = f"{answer.searched} clips that"
  match verdict(answer):
    case "exact":
      said = f"yes: {clip} is {_where(answer)}, so {workdir} was trained on it"
    case "near":
      said = (
        f"yes, by its looks: {clip} is {_where(answer)}, so {workdir} was "
        "trained on it in another encoding"
      )
    case "no":
      said = (
        f"no: none of the {size} {workdir} was trained on is {clip} or looks "
        f"like it{note}"
      )
    case _:
      said = f"not known: {clip} is none of the {size} could be searched{note}"
  return " ".join([f"{said}.", *answer.unknown])


def _where(answer: audit.Answer) -> str:
  first, more = answer.matches[0], len(answer.matches) - 1
  said = f"{first.id} of {first.dataset}"
  if first.distance is not None:
    said = f"like {said} but for {first.distance} of 256 bits"
  if first.through:
    said += f", which {first.through} saw before it"
  return f"{said} (and {more} more)" if more else said


if __name__ == "__main__":
  exits.run(main)
