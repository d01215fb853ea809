r"""What generated clips are worth, as a table and as JSON.

  lumiere evaluate --weights nano --suite toybox --num-prompts 256 --seed 0
  lumiere evaluate judge --num-clips 256
  lumiere evaluate applications --apps animate inpaint --num-clips 128
  lumiere evaluate reconstruction --generated ball.npy --reference ball.mp4
  lumiere evaluate reconstruction --weights runs/cascade --video ball.mp4 \
    --prompt "a red ball rolls"
  lumiere evaluate seams --weights runs/cascade --prompt "a red ball rolls" \
    --out seams/
  lumiere evaluate reading --weights nano/base --num-captions 512
  lumiere evaluate hearing --weights nano/base --num-clips 8
  lumiere evaluate upscaling --weights nano --num-clips 8

The first form, of the command "suite", paints captions whose truth is known
and says how well the clips follow them, beside real clips of the same scenes.
"judge" asks who says so about real clips that it was not trained on.
"applications" gives real clips to each application and measures what came of
them.  "reconstruction" compares a clip with the real one it was trained on:
PSNR, and its motion over the real one's. "seams" upsamples a clip with and
without MultiDiffusion and compares the jumps where windows meet with those
elsewhere.  "reading" asks a text encoder what captions of the toybox say, and
"hearing" a base at which noise it listens to them.  "upscaling" shrinks real
clips, upsamples them and compares with what they were.
"""

import dataclasses
import json
import pathlib
import sys
from typing import Annotated, Any

import tyro

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import exits
from lumiere_jax.cli import hearing
from lumiere_jax.cli import judging
from lumiere_jax.cli import progress as bars
from lumiere_jax.cli import suite
from lumiere_jax.cli import trials
from lumiere_jax.cli import upscaling
from lumiere_jax.evaluation import footage
from lumiere_jax.evaluation import reading
from lumiere_jax.evaluation import reconstruction
from lumiere_jax.evaluation import seams
from lumiere_jax.evaluation import windows
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.toybox import world
from lumiere_jax.video import atomic


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reconstruction:
  """Compare a generated clip with the real one.

  Attributes:
    video: the real clip.
    generated: frames of the generated clip (.npy of `lumiere sample
      --save-frames`), or an mp4 if there is nothing better.
    weights: instead of frames, weights to sample from.
    prompt: caption of the real clip, with `weights`.
    seed: same seed, same clip.
    ssr: upsample before comparing, rather than compare the base's clip.
    num_inference_steps: denoising steps; what the weights advise if not given.
    guidance_scale: guidance weight; what the weights advise if not given.
    resolution: with an mp4, its height and width in pixels.
    num_frames: with an mp4, its length in frames.
    fps: frames a second to take from the real clip.
    start: seconds into the real clip.
    out: JSON file to write the numbers to.
  """

  video: Annotated[pathlib.Path, tyro.conf.arg(aliases=("--reference",))]
  generated: pathlib.Path | None = None
  weights: str | None = None
  prompt: str | None = None
  seed: int = 0
  ssr: bool = False
  num_inference_steps: int | None = None
  guidance_scale: float | None = None
  resolution: int | None = None
  num_frames: int = 80
  fps: float = 16.0
  start: float = 0.0
  out: pathlib.Path | None = None

  def run(self) -> None:
    """Prints the table and writes the JSON."""
    frames, fps = self._generated()
    reference = footage.load(
      self.video,
      num_frames=len(frames),
      fps=fps,
      height=frames.shape[1],
      width=frames.shape[2],
      start=self.start,
    )
    found = reconstruction.measure(frames, reference)
    report(found.as_dict(), self.out)

  def _generated(self):
    if (self.generated is None) == (self.weights is None):
      raise errors.ConfigError(
        "give either --generated FRAMES.npy, or --weights DIR with --prompt."
      )
    if self.weights is None:
      return self._read(), self.fps
    result = generators.load(self.weights)(
      requests.Request(
        prompt=self.prompt or "",
        seed=self.seed,
        ssr=self.ssr,
        num_inference_steps=self.num_inference_steps,
        guidance_scale=self.guidance_scale,
        guard=False,  # a poor clip is to be measured, not refused
      ),
      _watch(),
    )
    return result.frames[0], result.fps

  def _read(self):
    if self.generated.suffix == ".npy":
      return footage.lossless(self.generated)
    if self.resolution is None:
      raise errors.ConfigError(
        f"{self.generated} is a video; say its --resolution, --num-frames and "
        "--fps, or better, give the .npy of `lumiere sample --save-frames`."
      )
    return footage.load(
      self.generated,
      num_frames=self.num_frames,
      fps=self.fps,
      height=self.resolution,
      width=self.resolution,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seams:
  """Measure jumps between windows, with MultiDiffusion and without.

  Attributes:
    weights: a name of weights that ship with the package, or a folder that
      holds base/ and ssr/.
    prompt: what to show; something that moves.
    out: folder for seams.json and seams.png.
    seed: same seed, same clip.
    window: frames in a window; what the weights advise if not given.
    overlap: frames that neighbouring windows share, with MultiDiffusion.
  """

  weights: str = shipped.DEFAULT
  prompt: str
  out: pathlib.Path
  seed: int = 0
  window: int | None = None
  overlap: int = 2

  def run(self) -> None:
    """Prints the table, writes the JSON and the plot."""
    request = requests.Request(
      prompt=self.prompt,
      seed=self.seed,
      window=self.window,
      overlap=self.overlap,
    )
    found = windows.compare(generators.load(self.weights), request)
    for name, entry in found.items():
      print(f"{name:<16} border / elsewhere {entry.ratio:6.3f}")
    with atomic.replacing(self.out / "seams.png") as path:
      seams.plot(found, path)
    text = json.dumps({name: s.as_dict() for name, s in found.items()})
    atomic.write_text(self.out / "seams.json", text + "\n")
    print(f"wrote {self.out / 'seams.json'} and {self.out / 'seams.png'}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
  """Measure what a text encoder reads of captions of the toybox.

  Attributes:
    weights: a stage that ships with the package, such as nano/base, or the
      workdir of a run.
    num_captions: of each split.
    splits: of the toybox; test_unseen has pairs that training never shows.
    out: JSON file to write the numbers to.
  """

  weights: str = f"{shipped.DEFAULT}/base"
  num_captions: int = 512
  splits: tuple[str, ...] = ("test", "test_unseen")
  out: pathlib.Path | None = None

  def run(self) -> None:
    """Prints the table and writes the JSON."""
    if self.num_captions < 1:
      raise errors.ConfigError(
        f"--num-captions is {self.num_captions}; read one or more."
      )
    for split in self.splits:
      errors.require_one_of("--splits", split, world.NAMES)
    reader = reading.load(self.weights)
    numbers = {}
    for split in self.splits:
      found = reader(reading.captions(split, self.num_captions))
      numbers[f"{split}, answers"] = found.right
      numbers[f"{split}, captions"] = found.whole
    report(numbers, self.out)


def report(numbers: dict[str, Any], out: pathlib.Path | None) -> None:
  """Prints numbers as a table and as JSON, and writes the JSON if asked."""
  for name, value in numbers.items():
    print(f"{name:<20} {'-' if value is None else f'{value:.3f}'}")
  text = json.dumps(numbers)
  print(text)
  if out:
    atomic.write_text(out, text + "\n")


def _watch():
  bar = bars.Bar()
  return lambda event: bar(event.stage, event.step, event.num_steps)


def main(argv: list[str] | None = None) -> None:
  """Evaluates; see the module for the commands."""
  argv = sys.argv[1:] if argv is None else list(argv)
  if argv and argv[0].startswith("--") and argv[0] != "--help":
    argv.insert(0, "suite")
  verb = tyro.extras.subcommand_cli_from_dict(
    {
      "suite": suite.Suite,
      "judge": judging.Judging,
      "applications": trials.Trials,
      "reconstruction": Reconstruction,
      "seams": Seams,
      "reading": Reading,
      "hearing": hearing.Hearing,
      "upscaling": upscaling.Upscaling,
    },
    args=argv,
    prog="lumiere evaluate",
    description=__doc__,
  )
  verb.run()


if __name__ == "__main__":
  exits.run(main)
