r"""A part of a clip made anew, the rest kept to the pixel.

  lumiere inpaint --video street.mp4 --mask box=40,20,90,100 \
    --prompt "a blue cube stands on the street" --out cube.mp4

A mask is a box in pixels (box=x0,y0,x1,y1, or with ,t0,t1 in seconds), a
picture, a folder with a picture a frame, or a video; white is made anew.
"""

import dataclasses
import pathlib

import tyro

from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import inpaint
from lumiere_jax.apps import mask_spec
from lumiere_jax.apps import told
from lumiere_jax.cli import application
from lumiere_jax.cli import exits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere inpaint`.

  Attributes:
    video: the clip; its first seconds are used.
    mask: what of it is made anew: box=x0,y0,x1,y1[,t0,t1], or a file or folder.
    start: seconds into the clip.
  """

  video: pathlib.Path
  mask: str
  start: float = 0.0


def main(argv: list[str] | None = None) -> None:
  """Paints into a clip; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere inpaint", description=__doc__
  )
  application.run(
    "inpaint",
    flags,
    lambda shape, fps: _tell(flags, shape, fps),
  )


def _tell(flags: Flags, shape: tuple[int, int, int], fps: float) -> told.Told:
  clip = footages.load(
    flags.video, num_frames=shape[0], rate=fps, start=flags.start
  )
  height, width = clip.frames.shape[1:3]
  mask, said = mask_spec.load(
    flags.mask, times=clip.times, height=height, width=width
  )
  found = inpaint.tell(clip, mask, mask[clip.shown], shape)
  return dataclasses.replace(found, notes=told.notes(said, *found.notes))


if __name__ == "__main__":
  exits.run(main)
