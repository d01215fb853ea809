r"""A clip in a style: some of the image network's weights, moved towards it.

  lumiere stylize --style neon --alpha 0.7 --out neon.mp4 \
    --prompt "a red ball bounces on the grass"
  lumiere stylize --style out/style --sweep sweep.png --out clip.mp4 \
    --prompt "a red ball bounces on the grass"

A style is the name of one that ships with the weights, or a run of
configs/nano.py:style or :style_clips (train your own on a picture), or of stage
t2i.  --sweep draws what alpha does: the same clip at 0, 0.25, 0.5, 0.75 and 1.
"""

import dataclasses
import pathlib

import numpy as np
import tyro

from lumiere_jax.cli import application
from lumiere_jax.cli import exits
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.video import write

SWEEP = (0.0, 0.25, 0.5, 0.75, 1.0)
_STILLS = 7


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere stylize`.

  Attributes:
    style: name of a style that ships with the weights, or a trained one.
    alpha: how much of the style, from 0 to 1.
    sweep: PNG to draw before: stills of the clip, a row for each of five
      alphas.
  """

  style: str
  alpha: float = 0.7
  sweep: pathlib.Path | None = None


def main(argv: list[str] | None = None) -> None:
  """Paints in a style; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere stylize", description=__doc__
  )
  plain, request = application.begin(flags, is_conditional=False)
  styled = plain.styled(flags.style, flags.alpha)
  if flags.sweep:
    write.write_png(flags.sweep, _sweep(plain, request, flags.style))
    print(f"wrote {flags.sweep}: alpha {', '.join(map(str, SWEEP))}")
  result = styled(request, application.on_step())
  application.finish("stylize", flags, result)


def _sweep(
  plain: generators.Generator, request: requests.Request, style: str
) -> np.ndarray:
  """Stills, a row for each alpha: [H, W, 3] uint8."""
  rows = []
  for alpha in SWEEP:
    result = plain.styled(style, alpha)(
      request, application.on_step(), indices=(0,)
    )
    frames = result.frames[0]
    shown = np.linspace(0, len(frames) - 1, _STILLS).round().astype(int)
    rows.append(np.concatenate(list(frames[shown]), axis=1))
  return np.concatenate(rows)


if __name__ == "__main__":
  exits.run(main)
