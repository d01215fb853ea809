"""What the applications' commands share: flags, notes, preview, files."""

from collections.abc import Callable
import dataclasses
import hashlib
import pathlib
from typing import Any

import numpy as np
import tyro

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.apps import told
from lumiere_jax.cli import progress as bars
from lumiere_jax.cli import request_flags
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import progress
from lumiere_jax.generation import publish
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.video import still
from lumiere_jax.video import write

# ((T, S, S) of the clip, frames a second) -> what the generator is told
Tell = Callable[[tuple[int, int, int], float], told.Told]
_VEIL = np.array([255, 0, 80])  # over what is made anew, in a preview


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of every application.

  Attributes:
    out: mp4 to write.
    request: what to make.
    weights: a name of weights that ship with the package, or a folder that
      holds conditional/ and ssr/.
    overwrite: replace files that exist.
    save_frames: write the frames losslessly too, as .npy.
    preview_mask: PNG to draw before painting: the first, middle and last
      frame, with a veil over what is made anew.
  """

  out: pathlib.Path
  request: tyro.conf.OmitArgPrefixes[request_flags.RequestFlags] = (
    dataclasses.field(default_factory=request_flags.RequestFlags)
  )
  weights: str = shipped.DEFAULT
  overwrite: bool = False
  save_frames: bool = False
  preview_mask: pathlib.Path | None = None


def run(
  app: str,
  flags: Flags,
  tell: Tell,
  *,
  is_conditional: bool = True,
) -> results.Result:
  """Paints what an application tells, and writes it.

  Args:
    app: its name.
    flags: as given.
    tell: the application.
    is_conditional: whether pixels are given.

  Raises:
    LumiereError: the request, the inputs or the weights do not fit.
  """
  generator, request = begin(flags, is_conditional=is_conditional)
  what = tell(generator.shape(request), generator.fps)
  announce(flags, what)
  result = generator(request, on_step(), given=what.given, source=what.source)
  placed = np.stack([what.place(frames) for frames in result.frames])
  result = dataclasses.replace(
    result,
    placed=placed,
    fps=what.fps or result.fps,
    sound=what.sound,
  )
  return finish(app, flags, result)


def begin(
  flags: Flags,
  *,
  is_conditional: bool,
  needs_prompt: bool = True,
  paints: bool = True,
) -> tuple[generators.Generator, requests.Request]:
  """Loads the weights and completes the request, before minutes of work."""
  said = {"prompt": None} | request_flags.said(flags.request)
  if said["prompt"] is None and needs_prompt:
    raise errors.ConfigError(
      'no prompt is given; say what the clip shows, such as --prompt "a red '
      'ball rolls".'
    )
  request = requests.Request(**said)
  for mp4 in results.output_paths(flags.out, request.num_videos):
    publish.refuse_existing(results.sidecars(mp4), overwrite=flags.overwrite)
  generator = generators.load(
    flags.weights, is_conditional=is_conditional, paints=paints
  )
  return generator, generator.complete(request)


def announce(flags: Flags, what: told.Told) -> None:
  """Says what was done to what the person gave, and draws what is made anew."""
  for note in what.notes:
    print(f"note: {note}")
  if flags.preview_mask and what.given:
    write.write_png(flags.preview_mask, veiled(what))
    print(f"wrote {flags.preview_mask}")


def on_step() -> progress.OnStep:
  """A bar with the time left."""
  bar = bars.Bar()
  return lambda event: bar(event.stage, event.step, event.num_steps)


def finish(app: str, flags: Flags, result: results.Result) -> results.Result:
  """Writes clips with a record of what they were made from."""
  result = dataclasses.replace(result, told={"app": app} | recorded(flags))
  mp4s = result.write(
    flags.out, overwrite=flags.overwrite, save_frames=flags.save_frames
  )
  _, num_frames, height, width, _ = result.frames.shape
  for mp4 in mp4s:
    print(f"wrote {mp4} ({num_frames} frames of {width}x{height})")
  return result


def veiled(what: told.Told) -> np.ndarray:
  """Three frames beside one another, a veil over what is made anew."""
  given = what.given
  places = [0, len(given.known) // 2, len(given.known) - 1]
  frames = [
    np.where(
      given.known[k, ..., None],
      given.video[k],
      (given.video[k] // 2 + _VEIL / 2).astype(np.uint8),
    )
    for k in places
  ]
  return np.concatenate(frames, axis=1).astype(np.uint8)


def recorded(flags: Flags) -> dict[str, Any]:
  """What was said to one application alone, ready for JSON.

  Returns:
    {"flags": as a command line, "files": path -> SHA-256 of what is in it}.
  """
  shared = {field.name for field in dataclasses.fields(Flags)}
  said, files = [], {}
  for field in dataclasses.fields(flags):
    value = getattr(flags, field.name)
    if field.name in shared or value is None:
      continue
    for one in value if isinstance(value, tuple) else (value,):
      said += [f"--{field.name.replace('_', '-')}", f"{one}"]
      path = pathlib.Path(f"{one}".rpartition("=")[2])  # 0=first.png
      if path.is_file():
        files[f"{path}"] = digest(path)
  return {"flags": said, "files": files}


def digest(path: pathlib.Path) -> str:
  """SHA-256 of what is in a file, hex."""
  return hashlib.sha256(path.read_bytes()).hexdigest()


def picture(path: pathlib.Path) -> np.ndarray:
  """A picture that a person names: [H, W, 3] uint8.

  Raises:
    VideoError: it is not there, or no picture.
  """
  try:
    data = path.read_bytes()
  except OSError as error:
    raise errors.VideoError(
      f"{path} cannot be read ({error.strerror}); give a picture."
    ) from error
  return still.decode(data, name=f"{path}")
