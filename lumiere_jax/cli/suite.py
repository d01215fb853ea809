"""`lumiere evaluate --suite`: paints, judges, and writes what it found."""

from collections.abc import Sequence
import dataclasses
import hashlib
import json
import pathlib
from typing import Literal

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import completing
from lumiere_jax.cli import progress
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import suite_report
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.video import atomic

_SETTINGS, _SCORES = "settings.json", "scores.json"
_TABLE, _PAGE = "scores.txt", "index.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite:
  """Measure weights on a suite of prompts whose truth is known.

  Attributes:
    weights: a name of weights that ship with the package, or a folder.
    suite: which prompts: "toybox" has captions of its test splits.
    num_prompts: of each split.
    splits: which; test_unseen has pairs of attributes that training never
      shows, paraphrases 64 prompts by hand in words that it never reads.
    seed: prompt k is painted with this seed plus k.
    ssr: upsample too, and judge the clips of both stages.
    num_inference_steps: denoising steps; what the weights advise if not given.
    guidance_scale: guidance weight; what the weights advise if not given.
    complete: say what prompts leave open, as `lumiere sample --complete` does;
      clips are still asked only for what the prompts themselves say.
    judge: where the judges are: a folder that holds a judge of the clips of
      each size (judge, judge128), or a name as for `weights`; without judge128
      clips are shrunk and shown to judge.
    out: folder for clips, scores and the page; the same command goes on in it.
  """

  weights: str = shipped.DEFAULT
  suite: Literal["toybox"] = "toybox"
  num_prompts: int = 256
  splits: tuple[str, ...] = toybox_suite.SPLITS
  seed: int = 0
  ssr: bool = True
  num_inference_steps: int | None = None
  guidance_scale: float | None = None
  complete: bool = False
  judge: str = "nano"
  out: pathlib.Path = pathlib.Path("out/evaluation")

  def run(self) -> None:
    """Paints what is not there yet, judges all, prints the table."""
    self._require()
    known = [find_judge(self.judge, "judge")]
    if self.ssr:
      known.append(find_judge(self.judge, *judges.FINE))
    generator = generators.load(self.weights)
    self._keep_settings(generator)
    complete = completing.Completer(generator) if self.complete else None
    wanted = {split: self._prompts(split, complete) for split in self.splits}
    scores = []
    for split, prompts in wanted.items():
      toybox_suite.paint(
        generator,
        prompts,
        self.out,
        self._request(),
        progress.amounts(f"clips of {split}"),
      )
      scores += self._scores(prompts, known)
    self._write(scores, wanted, [judge.digest for judge in known])

  def _require(self) -> None:
    for split in self.splits:
      errors.require_one_of("--splits", split, toybox_suite.SPLITS)
    if self.num_prompts < 2:
      raise errors.ConfigError(
        f"--num-prompts is {self.num_prompts}; rates need 2 or more."
      )

  def _prompts(
    self, split: str, complete: completing.Completer | None
  ) -> list[toybox_suite.Prompt]:
    """The prompts of a split, as they are painted."""
    found = toybox_suite.prompts(split, self.num_prompts)
    if complete is None:
      return found
    asked = [
      requests.Request(prompt=one.text, seed=self.seed + one.index)
      for one in found
    ]
    return [
      dataclasses.replace(one, text=complete(request).prompt)
      for one, request in zip(found, asked, strict=True)
    ]

  def _request(self):
    return dict(
      seed=self.seed,
      ssr=self.ssr,
      num_inference_steps=self.num_inference_steps,
      guidance_scale=self.guidance_scale,
    )

  def _keep_settings(self, generator: generators.Generator) -> None:
    """Refuses a folder whose clips were painted otherwise."""
    settings = {"weights": generator.digests, "request": self._request()}
    if self.complete:  # folders from before this could be asked for go on
      settings["complete"] = True
    now = json.dumps(settings, indent=2)
    path = self.out / _SETTINGS
    if path.exists() and path.read_text("utf-8") != now:
      raise errors.ConfigError(
        f"{self.out} holds clips of other weights or settings (see {path}); "
        "give another --out, or delete it."
      )
    atomic.write_text(path, now)

  def _scores(
    self, prompts: Sequence[toybox_suite.Prompt], known: Sequence[judges.Judge]
  ) -> list[suite_report.Scores]:
    """Judges the clips of each stage."""
    split, real_dir = prompts[0].split, self.out / "real"
    others = toybox_suite.other_scenes(prompts)
    stages = toybox_suite.painted(self.out, prompts[0])
    found = []
    for stage, judge in zip(stages, known, strict=False):
      first = next(toybox_suite.read(self.out, prompts, stage))
      size = first.shape[1]
      real, other = (
        toybox_suite.measure(
          toybox_suite.rendered(
            some,
            size,
            real_dir,
            progress.amounts(f"real clips of {split} at {size} px"),
          ),
          judge,
        )
        for some in (prompts, others)
      )
      made = toybox_suite.measure(
        toybox_suite.read(self.out, prompts, stage), judge
      )
      found.append(suite_report.score(prompts, stage, size, made, real, other))
    return found

  def _write(self, scores, wanted, digests) -> None:
    protocol = {
      "suite": self.suite,
      "weights": self.weights,
      "num_prompts": self.num_prompts,
      "judges": digests,
      "prompts_sha256": {
        split: _digest(prompts) for split, prompts in wanted.items()
      },
      "intervals": "95 %, bootstrap over clips",
      "settings": json.loads((self.out / _SETTINGS).read_text("utf-8")),
    }
    entries = [dataclasses.asdict(one) for one in scores]
    text = json.dumps({"protocol": protocol, "scores": entries}, indent=1)
    atomic.write_text(self.out / _SCORES, text + "\n")
    table = suite_report.table(scores)
    atomic.write_text(self.out / _TABLE, table + "\n")
    title = f"{self.weights} on {self.suite}"
    suite_report.page(title, scores, self.out, wanted, self.out / _PAGE)
    print(table)
    print(f"wrote {_SCORES}, {_TABLE} and {_PAGE} in {self.out}")


def find_judge(where: str, *names: str) -> judges.Judge:
  """Loads the first judge of some names that stands in a folder, or ships.

  Raises:
    WeightsError: there is none.
  """
  folder = shipped.find(where)
  for name in names:
    for path in (folder / name, folder / f"{name}.safetensors"):
      if path.exists():
        return judges.Judge(path)
  raise errors.WeightsError(
    f"no {names[0]} in {folder}; give --judge a folder that holds one, such as "
    "launch/nano.sh trains."
  )


def _digest(prompts: Sequence[toybox_suite.Prompt]) -> str:
  said = "\n".join(prompt.text for prompt in prompts)
  return hashlib.sha256(said.encode()).hexdigest()
