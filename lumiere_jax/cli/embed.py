r"""The captions of a dataset to embeddings, once, before training.

  lumiere embed --weights out/t2i --dataset cache/clips --out cache/text
  lumiere train --config=configs/tiny.py:base --workdir=out/base \
    --config.init_from=out/t2i --config.data.dataset=cache/clips \
    --config.data.embeddings=cache/text

A frozen text encoder says the same of the same caption in every epoch; here
it runs once for each, and training reads the answers. What is there already
is not made again, so the command goes on where it was stopped.
"""

from collections.abc import Iterator
import dataclasses
import itertools
import pathlib
import sys

import jax
import numpy as np
import tyro

from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.data import source
from lumiere_jax.data import spec
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.stages import encoding
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights
from lumiere_jax.text import cache


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere embed`.

  Attributes:
    weights: training run whose text encoder to use.
    dataset: as in data.dataset of a recipe.
    out: folder of embeddings to make or to add to.
    split: split of the dataset.
    batch: captions encoded at once, rounded up to a multiple of the devices.
  """

  weights: str
  dataset: str
  out: pathlib.Path
  split: str = "train"
  batch: int = 32


def main(argv: list[str] | None = None) -> None:
  """Embeds captions; see the module for the command."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere embed", description=__doc__)
  stage, params, _ = weights.load(flags.weights)
  known = cache.EmbeddingCache(
    str(flags.out), weights.text_digest(stage, params["text"])
  )
  sources = [
    source.ClipSource(part, flags.split) for part in spec.parse(flags.dataset)
  ]
  devices = jax.local_devices()
  batch = -(-flags.batch // len(devices)) * len(devices)
  mesh = meshes.make({"data": -1}, devices)
  encode = encoding.program(stage, mesh)
  text = stages.in_compute_dtype(stage, {"text": params["text"]})
  text = jax.device_put(text, meshes.replicated(mesh))

  def embed(texts):
    tokens, mask = stage.tokenizer([*texts, *[""] * (batch - len(texts))])
    rows, mask = encode(text, tokens, mask)
    return np.asarray(rows)[: len(texts)], np.asarray(mask)[: len(texts)]

  total = sum(len(one) for one in sources)
  done, made, bar = 0, 0, progress.Bar(sys.stderr)
  captions = _captions(sources)
  while texts := list(itertools.islice(captions, batch)):
    missing = known.missing(texts)
    if missing:
      known(missing, embed)
    done, made = done + len(texts), made + len(missing)
    bar("embed", min(done, total), total)
  known.describe()
  print(f"wrote {flags.out}: {made} captions embedded, {done - made} known")


def _captions(sources) -> Iterator[str]:
  for one in sources:
    for index in range(len(one)):
      yield from one.captions(index)


if __name__ == "__main__":
  exits.run(main)
