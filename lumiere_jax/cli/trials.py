"""`lumiere evaluate applications`: each application on clips of known truth."""

import dataclasses
import json
import pathlib

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import progress
from lumiere_jax.cli import suite
from lumiere_jax.cli import trial_cases
from lumiere_jax.cli import trial_findings
from lumiere_jax.cli import trial_painting
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import trial_plots
from lumiere_jax.evaluation import trials
from lumiere_jax.video import atomic

# Application -> the flag that says how much of it.
SETTINGS = {"edit": "strength", "stylize": "alpha"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trials:
  """Measure applications on real clips of the toybox.

  Attributes:
    weights: a name of weights that ship with the package, or a folder.
    apps: which.
    num_clips: of each.
    seed: clip k is painted with this seed plus k.
    strength: of "edit"; several are measured one by one, and drawn in edit.png.
    alpha: of "stylize", whose styles are those that ship with the weights;
      several likewise, in stylize.png.
    judge: as for the toybox suite.
    out: folder for clips, findings.json and plots; the same command goes on in
      it.
  """

  weights: str = shipped.DEFAULT
  apps: tuple[str, ...] = tuple(trial_painting.TELL)
  num_clips: int = 128
  seed: int = 0
  strength: tuple[float, ...] = (0.7,)
  alpha: tuple[float, ...] = (0.7,)
  judge: str = shipped.DEFAULT
  out: pathlib.Path = pathlib.Path("out/applications")

  def run(self) -> None:
    """Paints what is not there yet, measures all, prints the tables."""
    self._check()
    judge = suite.find_judge(self.judge, *judges.FINE)
    paint = trial_painting.Painter(self.weights, self.seed, self.out)
    entries = {}
    for app in self.apps:
      values = self._values(app)
      found = {
        value: self._measure(app, value, paint, judge) for value in values
      }
      for value, some in found.items():
        entries[_label(app, value if len(values) > 1 else None)] = [
          dataclasses.asdict(one) | {"is_met": one.is_met} for one in some
        ]
      if len(values) > 1:
        path = self.out / f"{app}.png"
        names = trial_findings.PLOTTED[app]
        plot = trial_plots.against(SETTINGS[app], found, names)
        atomic.write_bytes(path, plot)
        print(f"\nwrote {path}")
    text = json.dumps({"weights": self.weights, "findings": entries}, indent=1)
    atomic.write_text(self.out / "findings.json", text + "\n")

  def _check(self) -> None:
    """Refuses what cannot be measured before anything is painted."""
    for app in self.apps:
      errors.require_one_of("--apps", app, trial_painting.TELL)
    if "stylize" in self.apps and not shipped.styles(self.weights):
      raise errors.ConfigError(
        f"no styles stand beside {self.weights}; leave stylize out of --apps."
      )
    if self.num_clips < 1:
      raise errors.ConfigError(
        f"--num-clips is {self.num_clips}; give 1 or more."
      )
    for name in SETTINGS.values():
      self._check_setting(name, getattr(self, name))

  def _check_setting(self, name: str, values: tuple[float, ...]) -> None:
    # An edit of strength 0 would change nothing, and is refused.
    is_inside = lambda x: 0 <= x <= 1 and (x > 0 or name == "alpha")
    wrong = [value for value in values if not is_inside(value)]
    if wrong or not values or len(set(values)) < len(values):
      least = "0" if name == "alpha" else "above 0"
      raise errors.ConfigError(
        f"--{name} is {' '.join(map(str, values)) or 'empty'}; give one number "
        f"from {least} to 1, or several, each once."
      )

  def _values(self, app: str) -> tuple[float | None, ...]:
    """The settings at which an application is measured; None: it has none."""
    return getattr(self, SETTINGS[app]) if app in SETTINGS else (None,)

  def _measure(
    self,
    app: str,
    value: float | None,
    paint: trial_painting.Painter,
    judge: judges.Judge,
  ) -> list[trials.Finding]:
    """Paints, measures and prints an application at one setting."""
    label = _label(app, value)
    chosen = trial_cases.cases(app, self.num_clips, self.out / "real")
    bar, made = progress.amounts(f"clips of {label}"), []
    for case in chosen:
      made.append(paint(app, value, case))
      bar(len(made), len(chosen), case.text)
    found = trial_findings.MEASURE[app](chosen, made, judge)
    print(f"\n{label}, {len(chosen)} clips")
    print("\n".join(map(str, found)))
    return found


def _label(app: str, value: float | None) -> str:
  return app if value is None else f"{app} at {value:g}"
