"""`lumiere evaluate hearing`: at which noise words are listened to."""

from collections.abc import Mapping
import dataclasses
import json
import pathlib

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import progress
from lumiere_jax.evaluation import hearing
from lumiere_jax.stages import weights
from lumiere_jax.toybox import world
from lumiere_jax.video import atomic


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hearing:
  """Measure at which noise a network listens to what captions say.

  Attributes:
    weights: a stage that ships with the package, such as nano/base, or the
      workdir of a run, of stage base.
    num_clips: real ones, for each thing that is said otherwise.
    split: of the toybox.
    out: JSON file to write the numbers to.
  """

  weights: str = f"{shipped.DEFAULT}/base"
  num_clips: int = 8
  split: str = "test"
  out: pathlib.Path | None = None

  def run(self) -> None:
    """Prints the table and writes the JSON."""
    if self.num_clips < 1:
      raise errors.ConfigError(
        f"--num-clips is {self.num_clips}; listen to one or more."
      )
    errors.require_one_of("--split", self.split, world.NAMES)
    stage, params, digest = weights.load(self.weights)
    found = hearing.listen(
      hearing.Listener(stage, params),
      self.split,
      self.num_clips,
      progress.amounts("clips"),
    )
    print(table(found))
    if self.out:
      numbers = {
        what: {"gain": [*one.gain], "won": [*one.won], "clips": one.count}
        for what, one in found.items()
      }
      told = {"weights": digest, "split": self.split, "times": hearing.TIMES}
      text = json.dumps(told | {"heard": numbers}, indent=1)
      atomic.write_text(self.out, text + "\n")


def table(found: Mapping[str, hearing.Hearing]) -> str:
  """How much more error a wrong word leaves at each time, in per cent."""
  lines = [f"{'t':<15}" + "".join(f"{t:>17g}" for t in hearing.TIMES)]
  for what, one in found.items():
    pairs = zip(one.gain, one.won, strict=True)
    cells = [f"{gain:+.1%} ({won:.0%})" for gain, won in pairs]
    lines.append(f"{what:<15}" + "".join(f"{cell:>17}" for cell in cells))
  told = "more error told one wrong word (share of clips where it is more)"
  return "\n".join([told, *lines])
