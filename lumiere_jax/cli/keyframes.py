r"""Some frames in, a clip that passes through them out.

  lumiere keyframes --keyframe 0=first.png --keyframe 79=last.png \
    --prompt "a red ball rolls to the right" --out ball.mp4
"""

import dataclasses
import pathlib

import tyro

from lumiere_jax import errors
from lumiere_jax.apps import keyframes
from lumiere_jax.cli import application
from lumiere_jax.cli import exits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere keyframes`.

  Attributes:
    keyframe: NUMBER=PICTURE, from 0; -1 is the last. Give one or more.
  """

  keyframe: tyro.conf.UseAppendAction[tuple[str, ...]] = ()


def main(argv: list[str] | None = None) -> None:
  """Paints between pictures; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere keyframes", description=__doc__
  )
  pairs = [_parse(text) for text in flags.keyframe]
  numbers = [number for number, _ in pairs]
  for number in numbers:
    if numbers.count(number) > 1:
      raise errors.ConfigError(
        f"frame {number} is given twice; give each frame once."
      )
  pictures = {k: application.picture(path) for k, path in pairs}
  application.run(
    "keyframes",
    flags,
    lambda shape, fps: keyframes.tell(pictures, shape),
  )


def _parse(text: str) -> tuple[int, pathlib.Path]:
  number, equals, path = text.partition("=")
  if not (equals and path and number.strip().lstrip("-").isdecimal()):
    raise errors.ConfigError(
      f"--keyframe is {text!r}; it is NUMBER=PICTURE, such as 0=first.png."
    )
  return int(number), pathlib.Path(path)


if __name__ == "__main__":
  exits.run(main)
