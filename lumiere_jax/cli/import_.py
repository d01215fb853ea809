r"""Weights of other frameworks in: DeepFloyd IF, T5.

  lumiere import --source IF-I-M-v1.0 --out out/if_1
  lumiere train --config=configs/if_64.py:m --workdir=out/base \
    --config.init_from=out/if_1 --config.text.spiece=out/if_1/spiece.model ...
  lumiere import --source IF-II-M-v1.0 --text IF-I-M-v1.0 --out out/if_2

SOURCE is a folder in the format of diffusers or transformers: a pixel-space
U-Net, a T5 text encoder, or a pipeline with both. It is read from disk, nothing
is downloaded. What is written is read by `lumiere train` (init_from), `lumiere
embed` and `lumiere sample`. docs/interop.md says what is taken and what is
refused; whose weights they are, and on what terms, is for you to see to.
"""

from collections.abc import Mapping
import dataclasses
import pathlib
from typing import Any

import tyro

from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.interop import importing

_SHOWN = 10  # unused tensors that are named before the rest is counted


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere import`.

  Attributes:
    source: folder to read.
    out: folder to write; nothing may stand there.
    text: folder to take the text encoder from, where SOURCE has none.
    dtype: float32, float16 or bfloat16 to round parameters to; what each is
      stored as, unless given.
    compute_dtype: what the imported networks compute in.
    variant: which of several precisions to read, such as fp16; the plain one,
      or the only one, unless given.
    max_length: tokens of a caption; 77 is DeepFloyd IF's.
    padding: whether networks attend to what is behind a caption, hidden or
      seen; seen where there is a U-Net, unless given.
    allow_pickle: read .bin files too, by an unpickler that makes nothing but
      tensors.
  """

  source: pathlib.Path
  out: pathlib.Path
  text: pathlib.Path | None = None
  dtype: str | None = None
  compute_dtype: str = "bfloat16"
  variant: str | None = None
  max_length: int = 77
  padding: str | None = None
  allow_pickle: bool = False


def main(argv: list[str] | None = None) -> None:
  """Imports weights; see the module for the command."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere import", description=__doc__)
  options = importing.Options(
    variant=flags.variant,
    allow_pickle=flags.allow_pickle,
    compute_dtype=flags.compute_dtype,
    max_length=flags.max_length,
    padding=flags.padding,
  )
  what = importing.plan(flags.source, flags.text, options)
  tell = progress.amounts("tensors")
  importing.write(
    what, flags.out, flags.dtype, lambda done, of: tell(done, of, "")
  )
  for part in what.parts:
    print(
      f"{part.name}: {len(part.matches)} tensors, {part.num_params:,} "
      f"parameters, from {part.shelf.path}"
    )
  for line in (*_sizes(what.recipe), *_unused(what.unused), *what.notes):
    print(line)
  print(f"wrote {flags.out}")


def _sizes(recipe: Mapping[str, Any]) -> list[str]:
  """What a recipe must say of the network, as its fields."""
  model = recipe.get("model")
  if not model:
    return []
  said = (f"{k}={model[k]}" for k in ("widths", "blocks", "attention"))
  side = recipe["data"]["resolution"]
  return [f"network: {', '.join(said)}, {side} pixels"]


def _unused(names) -> list[str]:
  """A line for each thing that nothing was made of."""
  if not names:
    return ["every tensor was used"]
  more = len(names) - _SHOWN
  lines = [f"not used: {name}" for name in names[:_SHOWN]]
  if more > 0:
    lines.append(f"not used: {more} more, named in {importing.REPORT}")
  return lines


if __name__ == "__main__":
  exits.run(main)
