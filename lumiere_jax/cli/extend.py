r"""A clip made longer: what follows it is painted.

  lumiere extend --video ball.mp4 --seconds 20 \
    --prompt "a red ball rolls over the grass" --out longer.mp4

The square in the middle of the clip is used, at the rate that the weights
paint.  --preview-mask has nothing to show here.
"""

import dataclasses
import pathlib

import jax
import tyro

from lumiere_jax.apps import canvas
from lumiere_jax.apps import extend
from lumiere_jax.apps import footage as footages
from lumiere_jax.cli import application
from lumiere_jax.cli import exits
from lumiere_jax.generation import result as results
from lumiere_jax.video import read


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere extend`.

  Attributes:
    video: the clip; all of it is used.
    seconds: length of the result, the clip included.
    context: frames that each stretch is given of what was painted before.
  """

  video: pathlib.Path
  seconds: float = 20.0
  context: int = 24


def main(argv: list[str] | None = None) -> None:
  """Makes a clip longer; see the module for the command."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere extend", description=__doc__)
  generator, request = application.begin(flags, is_conditional=True)
  _, side, _ = generator.shape(request)
  have = max(1, round(read.probe(flags.video).duration * generator.fps))
  want = round(flags.seconds * generator.fps)
  extend.check(have, want, request.num_frames, flags.context, generator.fps)
  clip = footages.load(flags.video, num_frames=have, rate=generator.fps)
  square = canvas.Canvas.cropped(*clip.frames.shape[1:3], side)
  if square.sentence:
    print(f"note: {square.sentence}")
  runs = extend.paint(
    generator,
    request,
    square.to_square(clip.for_network),
    num_frames=want,
    overlap=flags.context,
    on_step=application.on_step(),
  )
  result = results.Result(
    request=request,
    indices=(0,),
    fps=generator.fps,
    stages=tuple(runs),
    weights=generator.weights,
    device=f"{jax.devices()[0].device_kind} x {jax.local_device_count()}",
    # It ends with the source: nothing is made up to be heard.
    sound=clip.sound,
  )
  application.finish("extend", flags, result)


if __name__ == "__main__":
  exits.run(main)
