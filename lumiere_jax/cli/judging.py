"""`lumiere evaluate judge`: what a judge sees in clips whose truth is known."""

import dataclasses
import json
import pathlib

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import progress
from lumiere_jax.cli import suite
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import prompt_following
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.toybox import world
from lumiere_jax.video import atomic

_RESULT = "judge.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judging:
  """Measure a judge on real clips that it was not trained on.

  Attributes:
    judge: where it is: a folder that holds it, or a name of weights that ship
      with the package.
    name: which of those there, such as judge128.
    num_clips: of each split.
    splits: of the toybox; test_unseen has pairs that training never shows.
    size: pixels of the side of the clips; what the judge reads if not given.
    out: folder for the clips and the numbers; the same command goes on in it.
  """

  judge: str = shipped.DEFAULT
  name: str = "judge"
  num_clips: int = 256
  splits: tuple[str, ...] = ("test", "test_unseen")
  size: int | None = None
  out: pathlib.Path = pathlib.Path("out/judge")

  def run(self) -> None:
    """Renders what is not there yet, asks the judge, prints the tables."""
    if self.num_clips < 2:
      raise errors.ConfigError(
        f"--num-clips is {self.num_clips}; rates need 2 or more."
      )
    for split in self.splits:
      errors.require_one_of("--splits", split, world.NAMES)
    judge = suite.find_judge(self.judge, self.name)
    if self.size is not None and self.size < judge.size:
      raise errors.ConfigError(
        f"--size is {self.size}; this judge reads clips of {judge.size} pixels "
        "or more."
      )
    found = {split: self._of(split, judge) for split in self.splits}
    for split, rates in found.items():
      print(f"\n{split}, {self.num_clips} clips")
      for name, rate in rates.items():
        print(f"{name:<28}{rate}")
    numbers = {
      split: {name: dataclasses.asdict(rate) for name, rate in rates.items()}
      for split, rates in found.items()
    }
    text = json.dumps({"judge": judge.digest, "rates": numbers}, indent=1)
    atomic.write_text(self.out / _RESULT, text + "\n")
    print(f"\nwrote {self.out / _RESULT}")

  def _of(
    self, split: str, judge: judges.Judge
  ) -> dict[str, prompt_following.Rate]:
    """How often it is right, and agrees with checks without a network."""
    wanted = toybox_suite.prompts(split, self.num_clips)
    size = self.size or judge.size
    clips = toybox_suite.rendered(
      wanted, size, self.out, progress.amounts(f"clips of {split}")
    )
    real = toybox_suite.measure(clips, judge)
    scenes = [prompt.scene for prompt in wanted]
    agreeing = toybox_suite.agreeing
    checks = {
      "agrees with check of": agreeing(real.checks, real.seen),
      "check is right of": agreeing(real.checks, scenes),
    }
    return prompt_following.rates(toybox_suite.truth(wanted, real.seen)) | {
      f"{title} {name}": rate
      for title, found in checks.items()
      for name, rate in prompt_following.rates(found).items()
    }
