r"""A clip made wider or higher than it was; what is beyond it is painted.

  lumiere outpaint --video ball.mp4 --aspect 16:9 \
    --prompt "a red ball rolls over the grass" --out wide.mp4
"""

import dataclasses
import pathlib

import tyro

from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import outpaint
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

  def tell(shape, fps):
    clip = footages.load(
      flags.video, num_frames=shape[0], rate=fps, start=flags.start
    )
    return outpaint.tell(clip, aspect, shape)

  application.run("outpaint", flags, tell)


if __name__ == "__main__":
  exits.run(main)
