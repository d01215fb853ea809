"""A clip made wider or higher than it was; what is beyond it is new.

Networks paint squares.  Where one cannot show all of the result at the source's
scale, it is painted twice:

  +-----+----------+-----+   first all of it, squeezed into a square, so that
  | new |  source  | new |   what the prompt names is painted once;
  +-----+----------+-----+
  [  window 1 ]              then squares that are as wide as it is high, each
            [  window 2 ]    given what is there, source or painted, and going
                             on from what was squeezed (SDEdit).

Windows alone, each of which is told of the prompt and shown a part of the
source, would paint the prompt's ball wherever they do not see it.
"""

import dataclasses
import re

import numpy as np

from lumiere_jax import errors
from lumiere_jax.apps import canvas
from lumiere_jax.apps import wider as widers
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import given as givens
from lumiere_jax.generation import progress
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.video import pixels
from lumiere_jax.video import resize

# To where what was squeezed is noised: from 0.6 on, windows paint things anew.
_STRENGTH = 0.5


def parse_aspect(text: str) -> float:
  """Reads "16:9"; raises `ConfigError` where it is no such thing."""
  found = re.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", text.strip())
  numbers = [float(x) for x in found.groups()] if found else [0.0]
  if not all(numbers):
    raise errors.ConfigError(
      f"the aspect is {text!r}; give width and height as in 16:9."
    )
  return numbers[0] / numbers[1]


def paint(
  generator: generators.Generator,
  request: requests.Request,
  wider: widers.Wider,
  on_step: progress.OnStep | None = None,
) -> results.Result:
  """Paints what is new.

  Args:
    generator: of networks that may be given pixels.
    request: completed; window k is painted with its seed plus k.
    wider: see `wider.frame`, with S as `generator.shape(request)` has it.
    on_step: told of each step of each window.

  Returns:
    The clips; those of the last stage are strips.
  """
  clips = [
    _paint_one(generator, request, wider, index, on_step)
    for index in range(request.num_videos)
  ]
  first = clips[0]
  stages = tuple(
    dataclasses.replace(runs[0], clips=np.concatenate([r.clips for r in runs]))
    for runs in zip(*(clip.stages for clip in clips), strict=True)
  )
  strips = pixels.to_uint8(stages[-1].clips)
  return dataclasses.replace(
    first,
    indices=tuple(range(request.num_videos)),
    stages=stages,
    warnings=tuple(dict.fromkeys(x for clip in clips for x in clip.warnings)),
    placed=np.stack([wider.place(strip) for strip in strips]),
    fps=wider.footage.fps,
    sound=wider.footage.sound,
  )


def _paint_one(generator, request, wider, index, on_step) -> results.Result:
  """One of the clips of a request, each window upon those before it."""
  strip, is_unknown, warnings = wider.strip, wider.is_unknown.copy(), ()
  layout = None
  if len(wider.windows) > 1:
    layout = _squeezed(generator, request, wider, index, on_step)
  for k, window in enumerate(wider.windows):
    seed = (request.seed + k) % (requests.MAX_SEED + 1)
    found = generator(
      dataclasses.replace(request, seed=seed),
      on_step,
      indices=(index,),
      given=widers.give(strip[:, *window], is_unknown[window]),
      source=None
      if layout is None
      else givens.Source(video=layout[:, *window], strength=_STRENGTH),
    )
    strip, warnings = strip.copy(), warnings + found.warnings
    strip[:, *window] = found.frames[0]  # what was given is there as it was
    is_unknown[window] = False
  last = dataclasses.replace(
    found.stages[-1], clips=pixels.to_float(strip[None])
  )
  return dataclasses.replace(
    found, request=request, stages=(*found.stages[:-1], last), warnings=warnings
  )


def _squeezed(generator, request, wider, index, on_step) -> np.ndarray:
  """[T, h, w, 3] uint8: the strip, painted by the first stage as a square."""
  side = min(wider.strip.shape[1:3])
  run = generator.paint(
    request,
    (index,),
    given=widers.give(
      resize.resize(wider.strip, side, side),
      canvas.any_of(wider.is_unknown[None], side, side)[0],
    ),
    on_step=on_step,
  )
  painted = pixels.to_uint8(run.clips[0])
  return resize.resize(painted, *wider.strip.shape[1:3])
