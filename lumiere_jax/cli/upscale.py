r"""A clip made larger, by super-resolution alone.

  lumiere upscale --video small.mp4 --out large.mp4
  lumiere upscale --video small.mp4 --prompt "a red ball" --out large.mp4

Any size, rate and length; sound comes along. --weights may name a run of
super-resolution, or an imported upsampler, with no base beside it.
--preview-mask has nothing to show here.
"""

import dataclasses
import pathlib

import jax
import tyro

from lumiere_jax import errors
from lumiere_jax.apps import upscale
from lumiere_jax.cli import application
from lumiere_jax.cli import exits
from lumiere_jax.generation import result as results
from lumiere_jax.video import read
from lumiere_jax.video import sound as sounds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere upscale`.

  Attributes:
    video: the clip.
    start: seconds into the clip.
    seconds: of the clip, at most.
    longest_side: pixels of the clip's longer side that are enlarged; a larger
      clip is shrunk first.
  """

  video: pathlib.Path
  start: float = 0.0
  seconds: float = 5.0
  longest_side: int = 128


def main(argv: list[str] | None = None) -> None:
  """Makes a clip larger; see the module for the command."""
  flags = tyro.cli(
    Flags, args=argv, prog="lumiere upscale", description=__doc__
  )
  found = _check(flags)
  generator, request = application.begin(
    flags, is_conditional=False, needs_prompt=False, paints=False
  )
  upscale.upsampler(generator)
  seconds = min(flags.seconds, found.duration - flags.start)
  frames = read.decode(
    flags.video,
    start=flags.start,
    num_frames=max(1, round(seconds * found.fps)),
    fps=found.fps,
    hold=True,
  )
  if flags.start + seconds < found.duration - 1 / found.fps:
    print(f"note: {seconds:g} s of {found.duration:.2f} are enlarged")
  frames, note = upscale.fitted(frames, flags.longest_side)
  if note:
    print(f"note: {note}")
  run, painted = upscale.paint(
    generator, request, frames, on_step=application.on_step()
  )
  result = results.Result(
    request=request,
    indices=(0,),
    fps=found.fps,
    stages=(run,),
    weights=generator.weights,
    device=f"{jax.devices()[0].device_kind} x {jax.local_device_count()}",
    placed=painted[None],
    sound=sounds.read(flags.video, flags.start, len(painted) / found.fps),
  )
  application.finish("upscale", flags, result)


def _check(flags: Flags) -> read.Probe:
  """Refuses numbers that make no sense; returns what the clip is."""
  for name, value, least in (
    ("start", flags.start, 0),
    ("seconds", flags.seconds, 0.01),
    ("longest_side", flags.longest_side, 2),
  ):
    if value < least:
      raise errors.ConfigError(f"{name} is {value}; it is at least {least}.")
  found = read.probe(flags.video)
  if flags.start >= found.duration:
    raise errors.VideoError(
      f"{flags.video} is {found.duration:.2f} s long and was to be read from "
      f"{flags.start:g} s on; start earlier."
    )
  return found


if __name__ == "__main__":
  exits.run(main)
