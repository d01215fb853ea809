"""What each application is told of a real clip, and what it paints of it."""

from collections.abc import Callable, Mapping
import dataclasses
import pathlib

import numpy as np

from lumiere_jax import shipped
from lumiere_jax.apps import cinemagraph
from lumiere_jax.apps import edit
from lumiere_jax.apps import extend
from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import inpaint
from lumiere_jax.apps import keyframes
from lumiere_jax.apps import outpaint
from lumiere_jax.apps import told
from lumiere_jax.apps import wider as widers
from lumiere_jax.cli import trial_cases
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.video import pixels

_FREE = ("edit", "stylize")  # paint without pixels that are to be kept


def _narrow(case: trial_cases.Case) -> footages.Footage:
  whole = case.footage
  return dataclasses.replace(
    whole,
    frames=np.ascontiguousarray(whole.frames[:, :, trial_cases.columns(case)]),
  )


def _wider(app: str, case: trial_cases.Case, shape) -> widers.Wider:
  """The middle of a clip to be made whole again, or a clip to be made wider."""
  if app == "outpaint":
    return widers.frame(_narrow(case), 1.0, shape[1])
  return widers.frame(case.footage, trial_cases.WIDE, shape[1])


# What each application is told; (T, S, S) is the shape of the result, `value`
# its setting.
TELL: Mapping[str, Callable[..., told.Told]] = {
  "animate": lambda case, shape, value: keyframes.tell(
    {0: case.frames[0]}, shape
  ),
  "keyframes": lambda case, shape, value: keyframes.tell(
    {0: case.frames[0], -1: case.frames[-1]}, shape
  ),
  "inpaint": lambda case, shape, value: inpaint.tell(
    case.footage, case.box, case.box, shape
  ),
  "outpaint": lambda case, shape, value: _wider("outpaint", case, shape).told,
  "widen": lambda case, shape, value: _wider("widen", case, shape).told,
  "cinemagraph": lambda case, shape, value: cinemagraph.tell(
    case.frames[0], case.region, shape
  ),
  "edit": lambda case, shape, value: edit.tell(case.footage, value, shape),
  "extend": lambda case, shape, value: told.Told(),
  "stylize": lambda case, shape, value: told.Told(),
}


class Painter:
  """Paints cases, or reads what was painted before.

  Args:
    weights: a name of weights that ship with the package, or a folder.
    seed: clip k is painted with this seed plus k.
    out: folder of a folder of clips for each application and setting.
  """

  def __init__(self, weights: str, seed: int, out: pathlib.Path):
    self._weights, self._seed, self._out = weights, seed, out
    self._generators: dict[bool, generators.Generator] = {}

  def __call__(
    self, app: str, value: float | None, case: trial_cases.Case
  ) -> trial_cases.Made:
    """What an application makes of a case.

    Args:
      app: key of `TELL`.
      value: strength of "edit", alpha of "stylize", None of the others.
      case: the clip.
    """
    generator = self._generator(app)
    request = requests.Request(
      prompt=case.text, seed=self._seed + case.index, guard=False
    )
    request = generator.complete(request)
    what = TELL[app](case, generator.shape(request), value)
    clips = lambda value: self._clips(
      app, value, case, lambda: self._stages(app, value, request, case, what)
    )
    made = clips(value)
    found = trial_cases.Made(told=what, **made, placed=what.place(made["last"]))
    if app != "stylize":
      return found
    style = self._style(case)
    return dataclasses.replace(
      found,
      style=style,
      plain=clips(0.0)["last"],
      drawn=trial_cases.drawn(case, style, self._out / "real"),
    )

  def _generator(self, app: str) -> generators.Generator:
    """One for all applications that it serves: each compiles its programs."""
    is_conditional = app not in _FREE
    if is_conditional not in self._generators:
      self._generators[is_conditional] = generators.load(
        self._weights, is_conditional=is_conditional
      )
    return self._generators[is_conditional]

  def _style(self, case: trial_cases.Case) -> str:
    """In which style a case is painted: they take turns."""
    known = shipped.styles(self._weights)
    return known[case.index % len(known)]

  def _clips(
    self,
    app: str,
    value: float | None,
    case: trial_cases.Case,
    paint: Callable[[], list],
  ) -> dict[str, np.ndarray]:
    """The clip of the first stage, and of the last."""
    folder = app if value is None else f"{app}_{value:g}"
    path = self._out / folder / f"{case.index:06d}.npz"
    if not path.exists():
      runs = paint()
      clips = {"base": runs[0].clips[0], "last": runs[-1].clips[0]}
      toybox_suite.save(
        path, {name: pixels.to_uint8(clip) for name, clip in clips.items()}
      )
    with np.load(path) as kept:
      return {name: kept[name] for name in ("base", "last")}

  def _stages(self, app, value, request, case, what):
    """What each stage paints."""
    generator = self._generator(app)
    if app == "extend":
      return extend.paint(
        *(generator, request, case.frames),
        num_frames=4 * len(case.frames),
        overlap=trial_cases.CONTEXT,
      )
    if app in ("outpaint", "widen"):
      wider = _wider(app, case, generator.shape(request))
      return outpaint.paint(generator, request, wider).stages
    if app == "stylize" and value:
      generator = generator.styled(self._style(case), value)
    return generator(request, given=what.given, source=what.source).stages
