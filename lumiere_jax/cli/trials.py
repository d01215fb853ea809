"""`lumiere evaluate applications`: each application on clips of known truth."""

from collections.abc import Callable, Mapping
import dataclasses
import json
import pathlib

import numpy as np

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.apps import cinemagraph
from lumiere_jax.apps import edit
from lumiere_jax.apps import extend
from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import inpaint
from lumiere_jax.apps import keyframes
from lumiere_jax.apps import outpaint
from lumiere_jax.apps import told
from lumiere_jax.cli import progress
from lumiere_jax.cli import suite
from lumiere_jax.cli import trial_cases
from lumiere_jax.cli import trial_findings
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.video import atomic
from lumiere_jax.video import pixels


def _narrow(case: trial_cases.Case) -> footages.Footage:
  whole = case.footage
  return dataclasses.replace(
    whole,
    frames=np.ascontiguousarray(whole.frames[:, :, trial_cases.columns(case)]),
  )


# What each application is told; (T, S, S) is the shape of the result.
TELL: Mapping[str, Callable[..., told.Told]] = {
  "animate": lambda case, shape, strength: keyframes.tell(
    {0: case.frames[0]}, shape
  ),
  "keyframes": lambda case, shape, strength: keyframes.tell(
    {0: case.frames[0], -1: case.frames[-1]}, shape
  ),
  "inpaint": lambda case, shape, strength: inpaint.tell(
    case.footage, case.box, case.box, shape
  ),
  "outpaint": lambda case, shape, strength: outpaint.tell(
    _narrow(case), 1.0, shape
  ),
  "cinemagraph": lambda case, shape, strength: cinemagraph.tell(
    case.frames[0], case.region, shape
  ),
  "edit": lambda case, shape, strength: edit.tell(
    case.footage, strength, shape
  ),
  "extend": lambda case, shape, strength: told.Told(),
  "stylize": lambda case, shape, strength: told.Told(),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trials:
  """Measure applications on real clips of the toybox.

  Attributes:
    weights: a name of weights that ship with the package, or a folder.
    apps: which.
    num_clips: of each.
    seed: clip k is painted with this seed plus k.
    strength: of "edit".
    alpha: of "stylize", whose styles are those that ship with the weights.
    judge: as for the toybox suite.
    out: folder for clips and findings.json; the same command goes on in it.
  """

  weights: str = shipped.DEFAULT
  apps: tuple[str, ...] = tuple(TELL)
  num_clips: int = 128
  seed: int = 0
  strength: float = 0.7
  alpha: float = 0.7
  judge: str = shipped.DEFAULT
  out: pathlib.Path = pathlib.Path("out/applications")
  _styled: dict[str, generators.Generator] = dataclasses.field(
    default_factory=dict, init=False, repr=False
  )

  def run(self) -> None:
    """Paints what is not there yet, measures all, prints the table."""
    for app in self.apps:
      errors.require_one_of("--apps", app, TELL)
    if "stylize" in self.apps and not shipped.styles(self.weights):
      raise errors.ConfigError(
        f"no styles stand beside {self.weights}; leave stylize out of --apps."
      )
    if self.num_clips < 1:
      raise errors.ConfigError(
        f"--num-clips is {self.num_clips}; give 1 or more."
      )
    judge = suite.find_judge(self.judge, *judges.FINE)
    findings = {}
    for app in self.apps:
      is_conditional = app not in ("edit", "stylize")
      generator = generators.load(self.weights, is_conditional=is_conditional)
      chosen = trial_cases.cases(app, self.num_clips, self.out / "real")
      bar, made = progress.amounts(f"clips of {app}"), []
      for case in chosen:
        made.append(self._paint(app, generator, case))
        bar(len(made), len(chosen), case.text)
      findings[app] = trial_findings.MEASURE[app](chosen, made, judge)
      print(f"\n{app}, {len(chosen)} clips")
      print("\n".join(map(str, findings[app])))
    entries = {
      app: [dataclasses.asdict(one) | {"is_met": one.is_met} for one in found]
      for app, found in findings.items()
    }
    text = json.dumps({"weights": self.weights, "findings": entries}, indent=1)
    atomic.write_text(self.out / "findings.json", text + "\n")

  def _paint(
    self,
    app: str,
    generator: generators.Generator,
    case: trial_cases.Case,
  ) -> trial_cases.Made:
    """Paints a case, or reads what was painted before."""
    request = generator.complete(
      requests.Request(
        prompt=case.text, seed=self.seed + case.index, guard=False
      )
    )
    what = TELL[app](case, generator.shape(request), self.strength)
    path = self.out / self._folder(app) / f"{case.index:06d}.npz"
    if not path.exists():
      runs = self._stages(app, generator, request, case, what)
      clips = {"base": runs[0].clips[0], "last": runs[-1].clips[0]}
      if app == "stylize":
        clips["plain"] = generator(request).stages[-1].clips[0]
      toybox_suite.save(
        path, {name: pixels.to_uint8(clip) for name, clip in clips.items()}
      )
    with np.load(path) as kept:
      clips = dict(kept)
    return trial_cases.Made(
      told=what,
      placed=what.place(clips["last"]),
      style=self._style(case) if app == "stylize" else None,
      **clips,
    )

  def _style(self, case: trial_cases.Case) -> str:
    """In which style a case is painted: they take turns."""
    known = shipped.styles(self.weights)
    return known[case.index % len(known)]

  def _folder(self, app: str) -> str:
    """Where clips of an application and its settings are kept."""
    said = {"edit": self.strength, "stylize": self.alpha}.get(app)
    return app if said is None else f"{app}_{said:g}"

  def _stages(self, app, generator, request, case, what):
    """What each stage paints."""
    if app == "extend":
      return extend.paint(
        *(generator, request, case.frames),
        num_frames=4 * len(case.frames),
        overlap=trial_cases.CONTEXT,
      )
    if app == "stylize":
      style = self._style(case)
      if style not in self._styled:  # each compiles its programs once
        self._styled[style] = generator.styled(style, self.alpha)
      generator = self._styled[style]
    return generator(request, given=what.given, source=what.source).stages
