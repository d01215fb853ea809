"""`lumiere evaluate upscaling`: what is upsampled, beside what was real."""

from collections.abc import Mapping
import dataclasses
import json
import math
import pathlib

import numpy as np

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import progress
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.evaluation import upscaling
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.toybox import render
from lumiere_jax.toybox import world
from lumiere_jax.video import atomic
from lumiere_jax.video import pixels
from lumiere_jax.video import sheet
from lumiere_jax.video import write

_STILLS = 5
_PICTURE = "upscaling.png"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Upscaling:
  """Measure super-resolution on real clips, whose fine picture is known.

  Attributes:
    weights: a name of weights that ship with the package, or a folder that
      holds base/ and ssr/.
    num_clips: real ones.
    num_frames: of each, from its beginning on.
    split: of the toybox.
    seed: same seed, same clips.
    ssr_num_inference_steps: denoising steps; what the weights advise if not
      given.
    noise_level: by which the small clip is noised first; what the weights
      advise if not given.
    out: folder for upscaling.json and upscaling.png, stills of the first clip.
  """

  weights: str = shipped.DEFAULT
  num_clips: int = 8
  num_frames: int = 32
  split: str = "test"
  seed: int = 0
  ssr_num_inference_steps: int | None = None
  noise_level: float | None = None
  out: pathlib.Path = pathlib.Path("out/upscaling")

  def run(self) -> None:
    """Prints the table, writes the JSON and the picture."""
    for name, least in (("num_clips", 1), ("num_frames", 3)):
      value = getattr(self, name)
      if value < least:
        option = "--" + name.replace("_", "-")
        raise errors.ConfigError(f"{option} is {value}; use {least} or more.")
    errors.require_one_of("--split", self.split, world.NAMES)
    generator = generators.load(self.weights)
    if len(generator.stages) < 2:
      raise errors.WeightsError(
        f"{self.weights} holds stage {generator.stages[0].name!r} only; "
        "upsampling needs one of super-resolution beside it."
      )
    found = self._compare(generator)
    print(table(found))
    told = {"weights": generator.digests, "split": self.split}
    told |= {"clips": self.num_clips, "frames": self.num_frames}
    numbers = {name: _plain(one) for name, one in found.items()}
    text = json.dumps(told | {"found": numbers}, indent=1)
    atomic.write_text(self.out / "upscaling.json", text + "\n")
    print(f"wrote {self.out / 'upscaling.json'} and {self.out / _PICTURE}")

  def _compare(
    self, generator: generators.Generator
  ) -> dict[str, upscaling.Likeness]:
    """Of all clips; draws the first."""
    bar = progress.amounts("clips upsampled")
    small, large = (stage.frame_shape[1] for stage in generator.stages)
    all_found = []
    for prompt in toybox_suite.prompts(self.split, self.num_clips):
      real = render.footage(
        prompt.scene, large, num_frames=self.num_frames, fps=upscaling.FPS
      ).frames
      upsample = lambda clip, prompt=prompt: self._upsample(
        generator, prompt, clip
      )
      found, clips = upscaling.compare(real, small, upsample)
      if not all_found:
        self._draw([*clips.values()])
      all_found.append(found)
      bar(len(all_found), self.num_clips, self.split)
    return {
      name: upscaling.mean([found[name] for found in all_found])
      for name in all_found[0]
    }

  def _upsample(self, generator, prompt, clip: np.ndarray) -> np.ndarray:
    request = requests.Request(
      prompt=prompt.text,
      seed=self.seed,
      ssr_num_inference_steps=self.ssr_num_inference_steps,
      noise_level=self.noise_level,
    )
    run = generator.upsample(
      generator.complete(request), [prompt.index], pixels.to_float(clip[None])
    )
    return pixels.to_uint8(run.clips[0])

  def _draw(self, clips: list[np.ndarray]) -> None:
    picked = np.linspace(0, self.num_frames - 1, _STILLS).round().astype(int)
    rows = np.concatenate([clip[picked] for clip in clips])
    picture = sheet.contact_sheet(rows, columns=_STILLS)
    with atomic.replacing(self.out / _PICTURE) as path:
      write.write_png(path, picture)


def _plain(found: upscaling.Likeness) -> dict[str, float | None]:
  """Ready for JSON, which knows no infinity."""
  return {
    name: value if math.isfinite(value) else None
    for name, value in dataclasses.asdict(found).items()
  }


def table(found: Mapping[str, upscaling.Likeness]) -> str:
  """A row for each kind of clip."""
  names = [field.name for field in dataclasses.fields(upscaling.Likeness)]
  lines = [f"{'':<12}" + "".join(f"{name:>10}" for name in names)]
  for kind, one in found.items():
    cells = "".join(f"{getattr(one, name):>10.2f}" for name in names)
    lines.append(f"{kind:<12}{cells}")
  return "\n".join(lines)
