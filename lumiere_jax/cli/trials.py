"""`lumiere evaluate applications`: each application on clips of known truth."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import json
import pathlib

import numpy as np

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.apps import cinemagraph
from lumiere_jax.apps import edit
from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import inpaint
from lumiere_jax.apps import keyframes
from lumiere_jax.apps import outpaint
from lumiere_jax.apps import told
from lumiere_jax.cli import progress
from lumiere_jax.cli import suite
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import prompt_following
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.evaluation import trials
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import request as requests
from lumiere_jax.toybox import caption as captions
from lumiere_jax.toybox import render
from lumiere_jax.video import atomic
from lumiere_jax.video import pixels
from lumiere_jax.video import resize

FPS = toybox_suite.FPS
_MARGIN = 8  # pixels of 128 around what moves
_CANDIDATES = 4  # clips looked through for one that will do


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
  """A real clip, what it shows, and what is asked for.

  Attributes:
    index: of the clip in the split "test".
    frames: [T, S, S, 3] uint8.
    things: [T, S, S] uint8; see `render.Footage`.
    wanted: what the result is to show.
    text: the prompt.
    source: what the real clip shows.
  """

  index: int
  frames: np.ndarray
  things: np.ndarray
  wanted: toybox_suite.Prompt
  text: str
  source: toybox_suite.Prompt

  @property
  def box(self) -> np.ndarray:
    """[T, S, S] bool around what acts."""
    return trials.around(self.things, _MARGIN)

  @property
  def region(self) -> np.ndarray:
    """[S, S] bool: wherever what acts comes."""
    return self.box.any(0)

  @property
  def footage(self) -> footages.Footage:
    """The clip as an application takes it."""
    count = len(self.frames)
    return footages.Footage(
      path=pathlib.Path(f"test {self.index}"),
      frames=self.frames,
      fps=FPS,
      shown=np.arange(count),
      rate=FPS,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made:
  """What was painted of a case.

  Attributes:
    told: what the networks were told.
    base: [T, s, s, 3] uint8 of the first stage.
    last: [T, S, S, 3] uint8 of the last.
    placed: what the person gets.
  """

  told: told.Told
  base: np.ndarray
  last: np.ndarray
  placed: np.ndarray


def _columns(case: Case) -> slice:
  """The middle of a clip, of which outpainting is to make the whole."""
  side = case.frames.shape[2]
  return slice(side * 7 // 32, side - side * 7 // 32)


def _narrow(case: Case) -> footages.Footage:
  whole = case.footage
  return dataclasses.replace(
    whole, frames=np.ascontiguousarray(whole.frames[:, :, _columns(case)])
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
    judge: as for the toybox suite.
    out: folder for clips and findings.json; the same command goes on in it.
  """

  weights: str = shipped.DEFAULT
  apps: tuple[str, ...] = tuple(TELL)
  num_clips: int = 128
  seed: int = 0
  strength: float = 0.7
  judge: str = shipped.DEFAULT
  out: pathlib.Path = pathlib.Path("out/applications")

  def run(self) -> None:
    """Paints what is not there yet, measures all, prints the table."""
    for app in self.apps:
      errors.require_one_of("--apps", app, TELL)
    if self.num_clips < 1:
      raise errors.ConfigError(
        f"--num-clips is {self.num_clips}; give 1 or more."
      )
    judge = suite.find_judge(self.judge, "judge128")
    findings = {}
    for app in self.apps:
      is_conditional = app != "edit"
      generator = generators.load(self.weights, is_conditional=is_conditional)
      chosen = cases(app, self.num_clips, self.out / "real")
      made = [
        self._paint(app, generator, case, done, len(chosen))
        for done, case in enumerate(chosen)
      ]
      findings[app] = MEASURE[app](chosen, made, judge)
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
    case: Case,
    done: int,
    total: int,
  ) -> Made:
    """Paints a case, or reads what was painted before."""
    request = generator.complete(
      requests.Request(
        prompt=case.text, seed=self.seed + case.index, guard=False
      )
    )
    what = TELL[app](case, generator.shape(request), self.strength)
    name = f"{app}_{self.strength:g}" if app == "edit" else app
    path = self.out / name / f"{case.index:06d}.npz"
    if not path.exists():
      result = generator(request, given=what.given, source=what.source)
      toybox_suite.save(
        path,
        {
          "base": pixels.to_uint8(result.stages[0].clips[0]),
          "last": pixels.to_uint8(result.stages[-1].clips[0]),
        },
      )
    progress.amounts(f"clips of {app}")(done + 1, total, case.text)
    with np.load(path) as kept:
      base, last = kept["base"], kept["last"]
    return Made(told=what, base=base, last=last, placed=what.place(last))


def cases(app: str, count: int, folder: pathlib.Path) -> list[Case]:
  """The first clips of the split "test" that will do for an application.

  What acts must be in sight at the start and at the end, and, for what is to
  move, must do more than stand.
  """
  found, size = [], 128
  for prompt in toybox_suite.prompts("test", _CANDIDATES * count):
    if len(found) == count:
      break
    if prompt.scene.action == "still" and app == "cinemagraph":
      continue
    path = folder / f"{prompt.index:06d}.npz"
    if not path.exists():
      real = render.footage(
        prompt.scene, size, num_frames=toybox_suite.NUM_FRAMES, fps=FPS
      )
      toybox_suite.save(path, {"frames": real.frames, "things": real.things})
    with np.load(path) as kept:
      frames, things = kept["frames"], kept["things"]
    wanted = _wanted(app, prompt)
    if not trials.visible(things) or wanted is None:
      continue
    found.append(
      Case(
        index=prompt.index,
        frames=frames,
        things=things,
        wanted=wanted,
        text=wanted.text,
        source=prompt,
      )
    )
  return found


def _wanted(app: str, prompt: toybox_suite.Prompt):
  """What the result is to show: all of the clip, or another colour."""
  scene = prompt.scene
  if app == "edit":
    scene = trials.recolored(scene, np.random.default_rng([prompt.index]))
    if scene is None:
      return None
  caption = captions.plain(scene)
  return dataclasses.replace(
    prompt, scene=scene, text=caption.text, said=caption.labels
  )


def _known(made: Sequence[Made]) -> list[trials.Finding]:
  """Whether what was given came back."""
  exact, psnr = [], []
  for one in made:
    given = one.told.given
    small = given.at(one.base.shape[:3])
    exact.append(
      trials.is_kept(
        one.base, pixels.to_uint8(small.video), small.known[..., 0] > 0.5
      )
    )
    psnr.append(trials.fidelity(one.last, given.video, given.known))
  return [
    trials.over("known pixels exact at the base's size", exact, 1.0),
    trials.over("known pixels, PSNR in dB, the least", [min(psnr)], 35.0),
  ]


def _identity(chosen, clips, real, judge) -> list[trials.Finding]:
  """Whether what acts is still what it was at the end, and of real clips."""
  rows = []
  for name, some, bar in (("", clips, 0.9), (", real", real, None)):
    seen = trials.ask(judge, [trials.at_the_end(one) for one in some], FPS)
    right = [
      trials.shows_kind(one, case.source.scene.actor)
      for one, case in zip(seen, chosen, strict=True)
    ]
    rows.append(
      trials.over(f"colour and shape kept to the end{name}", right, bar)
    )
  return rows


def _shown(chosen, clips, real, judge, bar: float) -> list[trials.Finding]:
  """Whether clips show all that was asked, answer by answer."""
  rows = []
  for name, some, asked in (("", clips, bar), (", real", real, None)):
    seen = trials.ask(judge, some, FPS)
    found = [
      prompt_following.agreement(case.wanted.said, one)
      for case, one in zip(chosen, seen, strict=True)
    ]
    rows.append(
      trials.over(f"attributes right{name}", trials.agreeing(found), asked)
    )
  return rows


def _animate(chosen, made, judge) -> list[trials.Finding]:
  real, clips = [case.frames for case in chosen], [one.placed for one in made]
  actions = [
    one.action == case.wanted.scene.action
    for one, case in zip(trials.ask(judge, clips, FPS), chosen, strict=True)
  ]
  return [
    *_known(made),
    *_identity(chosen, clips, real, judge),
    trials.over("action as prompted", actions, 0.8),
  ]


def _keyframes(chosen, made, judge) -> list[trials.Finding]:
  del judge
  usual = float(np.median([trials.largest_jump(c.frames) for c in chosen]))
  jumps = [trials.largest_jump(one.placed) / usual for one in made]
  return [
    *_known(made),
    trials.over(
      "largest jump over the median real one",
      jumps,
      1.5,
      is_least=False,
      median=True,
    ),
  ]


def _inpaint(chosen, made, judge) -> list[trials.Finding]:
  masks = [case.box for case in chosen]
  return [
    *_known(made),
    *_completed(chosen, made, masks, [one.placed for one in made], judge),
  ]


def _outpaint(chosen, made, judge) -> list[trials.Finding]:
  masks = []
  for case in chosen:
    mask = np.ones(case.things.shape, bool)
    mask[:, :, _columns(case)] = False
    masks.append(mask)
  side = chosen[0].frames.shape[1:3] if chosen else (0, 0)
  clips = [resize.resize(one.placed, *side) for one in made]
  return [*_known(made), *_completed(chosen, made, masks, clips, judge)]


def _completed(chosen, made, masks, clips, judge) -> list[trials.Finding]:
  del made
  ratios = []
  for case, clip, mask in zip(chosen, clips, masks, strict=True):
    new, real = trials.seam(clip, mask), trials.seam(case.frames, mask)
    ratios.append(None if new is None or not real else new / real)
  real = [case.frames for case in chosen]
  return [
    *_shown(chosen, clips, real, judge, 0.85),
    trials.over(
      "steepness across the mask's edge over real",
      ratios,
      1.3,
      is_least=False,
      median=True,
    ),
  ]


def _cinemagraph(chosen, made, judge) -> list[trials.Finding]:
  del judge
  still, moves = [], []
  for case, one in zip(chosen, made, strict=True):
    outside = ~case.region
    still.append(
      bool((one.placed[:, outside] == case.frames[0][outside]).all())
    )
    real = trials.motion_inside(case.frames, case.region)
    moves.append(trials.motion_inside(one.placed, case.region) >= real / 2)
  return [
    *_known(made),
    trials.over("every frame the picture outside", still, 1.0),
    trials.over("moves half as much as real, inside", moves, 0.9),
  ]


def _edit(chosen, made, judge) -> list[trials.Finding]:
  clips = [one.placed for one in made]
  right, same = [], []
  for case, one, clip in zip(
    chosen, trials.ask(judge, clips, FPS), clips, strict=True
  ):
    right.append(trials.shows_kind(one, case.wanted.scene.actor))
    same.append(trials.follows(clip, case.frames))
  return [
    trials.over("edits that succeed", right, 0.7),
    trials.over("correlation of tracks", same, 0.9, median=True),
  ]


# Application -> (cases, what was made of them, judge) -> findings.
MEASURE: Mapping[
  str, Callable[[Sequence[Case], Sequence[Made], judges.Judge], list]
] = {
  "animate": _animate,
  "keyframes": _keyframes,
  "inpaint": _inpaint,
  "outpaint": _outpaint,
  "cinemagraph": _cinemagraph,
  "edit": _edit,
}
