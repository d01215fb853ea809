"""What the toybox suite found, as JSON, a table, and a page to look at."""

import base64
from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import html
import io
import pathlib
from typing import Any

import numpy as np
from PIL import Image

from lumiere_jax.evaluation import prompt_following
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.video import atomic
from lumiere_jax.video import sheet

_SHOWN = 48  # clips of a section
_STILLS = 8
_SIDE = 128  # pixels of a still on the page
_HEAD = """<!doctype html><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px/1.4 sans-serif; margin: 2em auto; max-width: 1100px }}
pre {{ font-size: 12px }} img {{ max-width: 100% }}
.wrong {{ color: #b00 }} .right {{ color: #070 }} p {{ margin: .9em 0 .2em }}
</style><h1>{title}</h1>"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scores:
  """All that was found of one stage's clips for one split.

  Attributes:
    split: of the toybox.
    stage: whose clips.
    size: pixels of their side.
    follows: of each clip, what of its prompt it shows.
    seen: of each clip, what the judge saw.
    rates: by attribute, of the generated clips; what is asked for.
    real: the same of real clips of the same scenes: the judge's ceiling.
    judge: by attribute, how often the judge is right of all that real clips
      show, said or not.
    checks: by attribute, how often checks without a network, where they can
      tell, agree with the judge, of generated and real clips together.
    checks_real: how often they are right of real clips.
    movement: see `toybox_suite.movement`.
    frechet: see `toybox_suite.distance`.
  """

  split: str
  stage: str
  size: int
  follows: Sequence[Mapping[str, bool]]
  seen: Sequence[Mapping[str, Any]]
  rates: Mapping[str, prompt_following.Rate]
  real: Mapping[str, prompt_following.Rate]
  judge: Mapping[str, prompt_following.Rate]
  checks: Mapping[str, prompt_following.Rate]
  checks_real: Mapping[str, prompt_following.Rate]
  movement: Mapping[str, float | None]
  frechet: Mapping[str, float]


def score(
  wanted: Sequence[toybox_suite.Prompt],
  stage: str,
  size: int,
  made: toybox_suite.Measured,
  real: toybox_suite.Measured,
  others: toybox_suite.Measured,
) -> Scores:
  """Compares generated clips with their prompts and with real clips.

  Args:
    wanted: the prompts.
    stage: whose clips `made` is of.
    size: pixels of their side.
    made: of the generated clips.
    real: of the real clips of the same scenes.
    others: of real clips of other scenes of the split, as many.
  """
  rates = prompt_following.rates
  follows = toybox_suite.following(wanted, made.seen)
  agreeing = toybox_suite.agreeing
  return Scores(
    split=wanted[0].split,
    stage=stage,
    size=size,
    follows=follows,
    seen=[scene.to_dict() for scene in made.seen],
    rates=rates(follows),
    real=rates(toybox_suite.following(wanted, real.seen)),
    judge=rates(toybox_suite.truth(wanted, real.seen)),
    checks=rates(
      agreeing(made.checks, made.seen) + agreeing(real.checks, real.seen)
    ),
    checks_real=rates(agreeing(real.checks, [p.scene for p in wanted])),
    movement=toybox_suite.movement(wanted, made, real),
    frechet=toybox_suite.distance(made, real, others),
  )


def table(scores: Iterable[Scores]) -> str:
  """Lines for a terminal."""
  lines = []
  for one in scores:
    lines += [
      "",
      f"{one.split}, {one.stage}, {one.size} px, {len(one.follows)} prompts",
      f"{'attribute':<18}{'generated':>10}  {'95 % interval':<17}"
      f"{'asked':>6}{'real':>8}{'judge':>8}",
    ]
    for name, rate in one.rates.items():
      real, judge = one.real.get(name), one.judge.get(name)
      interval = f"{rate.low:.1%} to {rate.high:.1%}"
      lines.append(
        f"{name:<18}{rate.right:>10.1%}  {interval:<17}{rate.count:>6}"
        + "".join(
          f"{x.right:>8.1%}" if x else f"{'-':>8}" for x in (real, judge)
        )
      )
    for name, checked in one.checks.items():
      right = one.checks_real.get(name)
      lines.append(
        f"check of {name:<9}{checked.right:>10.1%}  agrees with the judge, "
        f"{checked.count} told; right of real clips: "
        + (f"{right.right:.1%} of {right.count}" if right else "none told")
      )
    for name, value in one.movement.items():
      lines.append(f"{name:<18}{'-' if value is None else f'{value:10.3f}'}")
    lines.append(
      f"{'Frechet distance':<18}{one.frechet['generated']:10.3f}  (real clips "
      f"of other scenes: {one.frechet['real, of other scenes']:.3f}; judge's "
      f"features, {one.frechet['clips']} clips a set)"
    )
  return "\n".join(lines[1:])


def page(
  title: str,
  scores: Sequence[Scores],
  folder: pathlib.Path,
  wanted: Mapping[str, Sequence[toybox_suite.Prompt]],
  out: pathlib.Path,
) -> None:
  """Writes a page of contact sheets: clips, and what is wrong with each.

  Args:
    title: of the page.
    scores: a section each.
    folder: where the clips are; see `toybox_suite.read`.
    wanted: split -> its prompts.
    out: the file.
  """
  parts = [_HEAD.format(title=html.escape(title))]
  parts.append(f"<pre>{html.escape(table(scores))}</pre>")
  for one in scores:
    parts.append(f"<h2>{one.split}, {one.stage}</h2>")
    prompts = wanted[one.split][:_SHOWN]
    clips = toybox_suite.read(folder, prompts, one.stage)
    for prompt, frames, found in zip(prompts, clips, one.follows, strict=False):
      wrong = [name for name, right in found.items() if not right]
      said = f"wrong: {', '.join(wrong)}" if wrong else "right"
      parts.append(
        f"<p>{html.escape(prompt.text)} "
        f'<span class="{"wrong" if wrong else "right"}">{said}</span></p>'
        f'<img src="data:image/jpeg;base64,{_strip(frames)}">'
      )
  atomic.write_text(out, "\n".join(parts) + "\n")


def _strip(frames: np.ndarray) -> str:
  """Stills of a clip beside one another: a JPEG, as base64."""
  places = np.linspace(0, len(frames) - 1, _STILLS).round().astype(int)
  times = max(1, _SIDE // frames.shape[1])
  shown = frames[places].repeat(times, 1).repeat(times, 2)
  buffer = io.BytesIO()
  strip = Image.fromarray(sheet.contact_sheet(shown, _STILLS))
  strip.save(buffer, "JPEG", quality=82)
  return base64.b64encode(buffer.getvalue()).decode()
