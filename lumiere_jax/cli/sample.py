r"""Prompt in, mp4 out.

  lumiere sample --prompt "a red ball rolls on the grass" --out ball.mp4
  lumiere sample --weights runs/cascade --prompt "a cat" --out cat.mp4

WEIGHTS is the folder of one training run, or one with runs in base/ and ssr/;
without, those that ship with the package are used.
Beside ball.mp4 it writes ball.json, from which `lumiere sample --replay
ball.json --out again.mp4` makes the same pixels, and ball.png, a page of
stills.

Many prompts: --prompts FILE.txt (a prompt a line) or FILE.jsonl (a JSON
request a line) --out DIR/clip.mp4 writes DIR/clip_000.mp4, clip_001.mp4, ...
"""

from collections.abc import Iterator
import dataclasses
import pathlib
import sys

import tyro

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import completing
from lumiere_jax.cli import exits
from lumiere_jax.cli import progress as bars
from lumiere_jax.cli import replay
from lumiere_jax.cli import request_flags
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import progress
from lumiere_jax.generation import prompt_file
from lumiere_jax.generation import publish
from lumiere_jax.generation import record as records
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.video import write


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere sample`.

  Attributes:
    out: mp4 to write; several are numbered.
    request: what to make.
    weights: a name of weights that ship with the package, a training run's
      folder, or one that holds base/ and ssr/; what a replay's record says, or
      "nano", unless given.
    prompts: file of many prompts (.txt) or requests (.jsonl).
    replay: JSON beside a clip that is to be made again.
    complete: say what prompts leave open, ground, sky and a still camera, in
      the words of the toybox: what is not said may change within a clip.
    overwrite: replace files that exist.
    save_frames: write the frames losslessly too, as .npy.
    preview: PNG to redraw with the predicted clean frames while sampling.
    preview_every: steps between previews.
  """

  out: pathlib.Path
  request: tyro.conf.OmitArgPrefixes[request_flags.RequestFlags] = (
    dataclasses.field(default_factory=request_flags.RequestFlags)
  )
  weights: str | None = None
  prompts: pathlib.Path | None = None
  replay: pathlib.Path | None = None
  complete: bool = False
  overwrite: bool = False
  save_frames: bool = False
  preview: pathlib.Path | None = None
  preview_every: int = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
  """One request and where its clips go; `record` where it is a replay."""

  request: requests.Request
  out: pathlib.Path
  record: records.Record | None = None

  @property
  def indices(self) -> tuple[int, ...]:
    """Which of the request's clips to make."""
    if self.record:
      return (self.record.index,)
    return tuple(range(self.request.num_videos))


def main(argv: list[str] | None = None) -> None:
  """Generates clips; see the module for the command."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere sample", description=__doc__)
  jobs = list(_jobs(flags))
  if jobs[0].record and jobs[0].record.told:
    replay.run(jobs[0].record, flags)
    return
  if flags.preview_every < 1:
    raise errors.ConfigError(
      f"preview_every is {flags.preview_every}; it must be at least 1."
    )
  for job in jobs:  # before minutes of work, not after
    for mp4 in results.output_paths(job.out, len(job.indices)):
      publish.refuse_existing(results.sidecars(mp4), overwrite=flags.overwrite)
  generator = generators.load(_weights(flags, jobs[0]))
  if flags.complete:
    complete = completing.Completer(generator)
    jobs = [
      dataclasses.replace(job, request=complete(job.request)) for job in jobs
    ]
  for job in jobs:
    _run(generator, job, flags)


def _jobs(flags: Flags) -> Iterator[Job]:
  """Yields the jobs; refuses flags that contradict one another."""
  given = request_flags.said(flags.request)
  asked = [
    name
    for name, is_given in (
      ("--prompt", "prompt" in given),
      ("--prompts", flags.prompts),
      ("--replay", flags.replay),
    )
    if is_given
  ]
  if len(asked) != 1:
    raise errors.ConfigError(
      f"got {' and '.join(asked) or 'no prompt'}; give exactly one of "
      "--prompt TEXT, --prompts FILE or --replay FILE."
    )
  if flags.replay:
    if flags.complete:
      given["complete"] = True
    if given:
      flag = next(iter(given)).replace("_", "-")
      raise errors.ConfigError(
        f"--{flag} was given with --replay, which takes the whole request "
        "from the file; leave it out."
      )
    record = records.read(flags.replay)
    yield Job(request=record.request, out=flags.out, record=record)
  elif flags.prompts:
    for number, request in enumerate(prompt_file.read(flags.prompts, given)):
      out = flags.out.with_stem(f"{flags.out.stem}_{number:03d}")
      yield Job(request=request, out=out)
  else:
    yield Job(request=requests.Request(**given), out=flags.out)


def _weights(flags: Flags, job: Job) -> str:
  recorded = job.record.weights if job.record else None
  return flags.weights or recorded or shipped.DEFAULT


def _run(generator: generators.Generator, job: Job, flags: Flags) -> None:
  """Makes, writes and reports one request's clips."""
  if job.record:
    records.require_same_weights(
      job.record, generator.digests, generator.weights
    )
    generator = generator.advising(job.record.settings)
  print(f"seed {job.request.seed}: {job.request.prompt}")
  result = generator(job.request, _on_step(flags), indices=job.indices)
  mp4s = result.write(
    job.out, overwrite=flags.overwrite, save_frames=flags.save_frames
  )
  for warning in result.warnings:
    print(f"warning: {warning}", file=sys.stderr)
  _, num_frames, height, width, _ = result.frames.shape
  for mp4, motion in zip(mp4s, result.motion, strict=True):
    print(
      f"wrote {mp4} ({num_frames} frames of {width}x{height} at {result.fps} "
      f"fps, seed {result.request.seed}, motion {motion:.2f} levels a frame)"
    )
  if job.record:
    print(replay.compare(job.record, records.pixels_digest(result.frames[0])))


def _on_step(flags: Flags) -> progress.OnStep:
  """Returns what to do after each step: the bar, and the preview if asked."""
  bar = bars.Bar()

  def on_step(event: progress.Progress) -> None:
    bar(event.stage, event.step, event.num_steps)
    is_due = event.step % flags.preview_every == 0
    if flags.preview and (is_due or event.step == event.num_steps):
      write.write_png(flags.preview, results.stills(event.frames(0)))

  return on_step


if __name__ == "__main__":
  exits.run(main)
