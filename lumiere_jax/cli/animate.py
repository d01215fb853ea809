r"""A picture in, a clip that begins with it out (Lumiere, section 4).

  lumiere animate --image ball.png --prompt "a red ball rolls to the right" \
    --out ball.mp4
"""

import dataclasses
import pathlib

import tyro

from lumiere_jax.apps import keyframes
from lumiere_jax.cli import application
from lumiere_jax.cli import exits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere animate`.

  Attributes:
    image: the first frame; of a picture that is no square, the middle.
  """

  image: pathlib.Path


def main(argv: list[str] | None = None) -> None:
  """Animates a picture; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere animate", description=__doc__
  )
  picture = application.picture(flags.image)
  application.run(
    "animate",
    flags,
    lambda shape, fps: keyframes.tell({0: picture}, shape),
  )


if __name__ == "__main__":
  exits.run(main)
