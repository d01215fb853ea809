r"""A picture in which one region moves (Lumiere, section 4).

  lumiere cinemagraph --image scene.png --mask box=20,40,80,100 \
    --prompt "a red ball bounces on the grass" --out moving.mp4

The mask is a box in pixels (box=x0,y0,x1,y1) or a picture; white moves.
"""

import dataclasses
import pathlib

import numpy as np
import tyro

from lumiere_jax.apps import cinemagraph
from lumiere_jax.apps import mask_spec
from lumiere_jax.apps import told
from lumiere_jax.cli import application
from lumiere_jax.cli import exits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere cinemagraph`.

  Attributes:
    image: the picture.
    mask: where it moves: box=x0,y0,x1,y1, or a picture.
  """

  image: pathlib.Path
  mask: str


def main(argv: list[str] | None = None) -> None:
  """Makes a region move; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere cinemagraph", description=__doc__
  )
  picture = application.picture(flags.image)
  region, said = mask_spec.load(
    flags.mask,
    times=np.zeros(1),
    height=picture.shape[0],
    width=picture.shape[1],
  )

  def tell(shape, fps):
    del fps
    found = cinemagraph.tell(picture, region[0], shape)
    return dataclasses.replace(found, notes=told.notes(said, *found.notes))

  application.run("cinemagraph", flags, tell)


if __name__ == "__main__":
  exits.run(main)
