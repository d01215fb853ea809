r"""A clip made wider or higher than it was; what is beyond it is painted.

  lumiere outpaint --video ball.mp4 --aspect 16:9 \
    --prompt "a red ball rolls over the grass" --out wide.mp4
"""

import dataclasses
import pathlib

import tyro

from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import outpaint
from lumiere_jax.apps import wider as widers
from lumiere_jax.cli import application
from lumiere_jax.cli import exits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere outpaint`.

  Attributes:
    video: the clip; its first seconds are used.
    aspect: width and height of the result, such as 16:9.
    start: seconds into the clip.
  """

  video: pathlib.Path
  aspect: str
  start: float = 0.0


def main(argv: list[str] | None = None) -> None:
  """Paints around a clip; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere outpaint", description=__doc__
  )
  aspect = outpaint.parse_aspect(flags.aspect)
  generator, request = application.begin(flags, is_conditional=True)
  num_frames, side, _ = generator.shape(request)
  clip = footages.load(
    flags.video, num_frames=num_frames, rate=generator.fps, start=flags.start
  )
  wider = widers.frame(clip, aspect, side)
  application.announce(flags, wider.told)
  result = outpaint.paint(generator, request, wider, application.on_step())
  application.finish("outpaint", flags, result)


if __name__ == "__main__":
  exits.run(main)
