r"""Paints a file of prompts, and writes a page with stills of each.

  lumiere gallery --complete --prompts docs/gallery.txt --out docs/gallery.md

The page is Markdown; its pictures stand in img/NAME/ beside it. A line of the
file is a prompt; its line number, from 0, is its seed.
"""

import dataclasses
import io
import pathlib

import numpy as np
from PIL import Image
import tyro

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import application
from lumiere_jax.cli import completing
from lumiere_jax.cli import exits
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import prompt_file
from lumiere_jax.generation import request as requests
from lumiere_jax.video import atomic

_STILLS = 7  # first and last frame among them
_COLORS = 255  # of a picture on the page, which keeps it small
_HEAD = """# Gallery

Stills of five seconds each, the first and the last frame among them, made by

    {command}

with no choosing: the first seed of each prompt.{completed}

"""
_COMPLETED = """ What a prompt leaves open of
ground, sky and camera is said too, as `lumiere sample --complete` does."""
_ENTRY = """## {prompt}

![{prompt}]({picture})
{said}
    lumiere sample {flag}--prompt "{prompt}" --seed {seed} --out clip.mp4

"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere gallery`.

  Attributes:
    prompts: file of prompts, one a line.
    out: the page, a .md.
    weights: a name of weights that ship with the package, or a folder.
    complete: say what prompts leave open, as `lumiere sample --complete` does.
  """

  prompts: pathlib.Path
  out: pathlib.Path
  weights: str = shipped.DEFAULT
  complete: bool = False


def main(argv: list[str] | None = None) -> None:
  """Writes the page; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere gallery", description=__doc__
  )
  if flags.out.suffix != ".md":
    raise errors.OutputError(
      f"{flags.out} does not end in .md, and the page is Markdown; say "
      f"{flags.out.with_suffix('.md')}."
    )
  wanted = prompt_file.read(flags.prompts, {})
  generator = generators.load(flags.weights)
  folder = flags.out.parent / "img" / flags.out.stem
  folder.mkdir(parents=True, exist_ok=True)
  complete = completing.Completer(generator) if flags.complete else None
  flag = "--complete " if complete else ""
  page = _HEAD.format(
    command=f"lumiere gallery {flag}--prompts {flags.prompts} "
    f"--out {flags.out}",
    completed=_COMPLETED if complete else "",
  )
  for seed, request in enumerate(wanted):
    asked = dataclasses.replace(request, seed=seed)
    if complete:
      asked = complete(asked)
    picture = folder / f"{seed:02d}.png"
    atomic.write_bytes(picture, _png(_paint(generator, asked)))
    page += _ENTRY.format(
      prompt=request.prompt,
      picture=picture.relative_to(flags.out.parent).as_posix(),
      said=f'\nPainted as "{asked.prompt}":\n' if complete else "",
      flag=flag,
      seed=seed,
    )
    print(f"{picture}: {asked.prompt}")
  atomic.write_text(flags.out, page.rstrip() + "\n")
  print(flags.out)


def _paint(
  generator: generators.Generator, request: requests.Request
) -> np.ndarray:
  """Stills of a clip in a row: [H, W, 3] uint8."""
  result = generator(request, application.on_step())
  frames = result.frames[0]
  shown = np.linspace(0, len(frames) - 1, _STILLS).round().astype(int)
  return np.concatenate(list(frames[shown]), axis=1)


def _png(image: np.ndarray) -> bytes:
  """A picture of few colours, for a page in a repository."""
  buffer = io.BytesIO()
  Image.fromarray(image).quantize(_COLORS).save(buffer, "PNG", optimize=True)
  return buffer.getvalue()


if __name__ == "__main__":
  exits.run(main)
