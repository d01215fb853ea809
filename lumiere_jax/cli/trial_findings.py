"""What came of each application, beside what is asked of it."""

from collections.abc import Callable, Mapping, Sequence
import functools

import numpy as np

from lumiere_jax.cli import trial_cases
from lumiere_jax.evaluation import judges
from lumiere_jax.evaluation import prompt_following
from lumiere_jax.evaluation import style_classifier
from lumiere_jax.evaluation import trials
from lumiere_jax.video import pixels
from lumiere_jax.video import resize

_FPS = trial_cases.FPS


def _known(made: Sequence[trial_cases.Made]) -> list[trials.Finding]:
  """Whether what was given came back."""
  exact = []
  for one in made:
    small = one.told.given.at(one.base.shape[:3])
    exact.append(
      trials.is_kept(
        one.base, pixels.to_uint8(small.video), small.known[..., 0] > 0.5
      )
    )
  return [
    trials.over("known pixels exact at the base's size", exact, 1.0),
    _fidelity(made),
  ]


def _fidelity(made: Sequence[trial_cases.Made]) -> trials.Finding:
  psnr = [
    trials.fidelity(one.last, one.told.given.video, one.told.given.known)
    for one in made
  ]
  return trials.over("known pixels, PSNR in dB, the least", [min(psnr)], 35.0)


def _identity(
  chosen, clips, real, judge, bar: float = 0.9
) -> list[trials.Finding]:
  """Whether what acts is still what it was at the end, and of real clips.

  The end alone is harder to read than a clip: what a judge does not know of the
  real one, it cannot miss.
  """
  kept, of_real = (_kept(chosen, some, judge) for some in (clips, real))
  known = [mine for mine, its in zip(kept, of_real, strict=True) if its]
  name = "colour and shape kept to the end"
  return [
    trials.over(name, kept, bar),
    trials.over(f"{name}, real", of_real, None),
    trials.over(f"{name}, where the real one is read right", known, None),
  ]


def _kept(chosen, clips, judge) -> list[bool]:
  """Of every clip, whether its end shows what acts in its case."""
  seen = trials.ask(judge, [trials.at_the_end(one) for one in clips], _FPS)
  return [
    trials.shows_kind(one, case.source.scene.actor)
    for one, case in zip(seen, chosen, strict=True)
  ]


def _answers(chosen, clips, judge) -> list[bool]:
  """Of every clip and all that was asked, whether it is so."""
  found = [
    prompt_following.agreement(case.wanted.said, one)
    for case, one in zip(chosen, trials.ask(judge, clips, _FPS), strict=True)
  ]
  return trials.agreeing(found)


def _shown(chosen, clips, real, judge, bar: float) -> list[trials.Finding]:
  """Whether clips show all that was asked, answer by answer."""
  return [
    trials.over(f"attributes right{name}", _answers(chosen, some, judge), asked)
    for name, some, asked in (("", clips, bar), (", real", real, None))
  ]


def _animate(chosen, made, judge) -> list[trials.Finding]:
  real, clips = [case.frames for case in chosen], [one.placed for one in made]
  actions = [
    one.action == case.wanted.scene.action
    for one, case in zip(trials.ask(judge, clips, _FPS), chosen, strict=True)
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
    mask[:, :, trial_cases.columns(case)] = False
    masks.append(mask)
  side = chosen[0].frames.shape[1:3] if chosen else (0, 0)
  clips = [resize.resize(one.placed, *side) for one in made]
  return [*_known(made), *_completed(chosen, made, masks, clips, judge)]


def _widen(chosen, made, judge) -> list[trials.Finding]:
  """Without a truth: edges are steep if they are steeper than the source."""
  del judge
  ratios = []
  for case, one in zip(chosen, made, strict=True):
    side = case.frames.shape[2]
    before = (one.placed.shape[2] - side) // 2
    mask = np.ones(one.placed.shape[:3], bool)
    mask[:, :, before : before + side] = False
    inner = mask.copy()
    inner[:, :, [before, before + side - 1]] = True
    usual = trials.seam(one.placed, inner)
    ratios.append(trials.seam(one.placed, mask) / usual if usual else None)
  return [
    _fidelity(made),
    trials.over(
      "steepness across the mask's edge over that within",
      ratios,
      is_least=False,
      median=True,
    ),
  ]


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
    chosen, trials.ask(judge, clips, _FPS), clips, strict=True
  ):
    right.append(trials.shows_kind(one, case.wanted.scene.actor))
    same.append(trials.follows(clip, case.frames))
  return [
    trials.over("edits that succeed", right, 0.7),
    trials.over("correlation of tracks", same, 0.9, median=True),
  ]


def _extend(chosen, made, judge) -> list[trials.Finding]:
  clips = [one.placed for one in made]
  ratios, drifts = [], []
  for case, clip in zip(chosen, clips, strict=True):
    first = len(case.frames)
    stretch = first - trial_cases.CONTEXT
    borders = range(first, len(clip), stretch)
    ratios.append(trials.seams_in_time(clip, borders))
    drifts.append(trials.mean_drift(clip))
  real = [case.frames for case in chosen]
  drift = "drift of the mean colour, delta-E"
  # The judge reads clips as long as the source.
  ends = [
    clip[-len(case.frames) :] for clip, case in zip(clips, chosen, strict=True)
  ]
  return [
    trials.over(
      "frame differences at seams over elsewhere",
      ratios,
      1.2,
      is_least=False,
      median=True,
    ),
    trials.over(drift, drifts, 4, is_least=False),
    # Things that come, go or grow count as drift in either.
    trials.over(
      f"{drift}, real, within one clip",
      [trials.mean_drift(one) for one in real],
      is_least=False,
    ),
    *_identity(chosen, ends, real, judge, 0.85),
  ]


def _stylize(chosen, made, judge) -> list[trials.Finding]:
  if not made:
    return []
  drawn, classifier = _drawn(made, "last")
  first, _ = _drawn(made, "base")
  plain, styled, real = (
    np.array(_answers(chosen, [getattr(one, which) for one in made], judge))
    for which in ("plain", "last", "drawn")
  )
  costs = 100 * (plain.astype(float) - styled)
  return [
    trials.over("drawn in the style", drawn, 0.8),
    trials.over("drawn in the style, by the first stage", first),
    trials.over("the classifier on real clips", [classifier.accuracy]),
    trials.over("attributes right, no style", plain),
    trials.over("attributes right, in the style", styled),
    trials.over("attributes right, real clips in the style", real),
    trials.over("points that the style costs", costs, 15, is_least=False),
    # A sketch has no colour, and a judge who knows the lit world alone misses
    # more: what it does not read of the real clip, no painted one can show it.
    trials.over(
      "points that the style costs, of what real ones in the style show",
      costs[real],
      is_least=False,
    ),
  ]


def _drawn(made: Sequence[trial_cases.Made], which: str):
  """Whether each clip looks as its style does, and the classifier that says."""
  clips = [getattr(one, which) for one in made]
  classifier = _classifier(clips[0].shape[1])
  seen = classifier(clips)
  return [x == one.style for x, one in zip(seen, made, strict=True)], classifier


# Rendering what it learns from takes longer than all that it is asked.
_classifier = functools.cache(style_classifier.train)


# Application -> findings that are drawn against its setting.
PLOTTED = {
  "edit": ("edits that succeed", "correlation of tracks"),
  "stylize": (
    "drawn in the style",
    "drawn in the style, by the first stage",
    "attributes right, in the style",
    "attributes right, no style",
  ),
}

# Application -> (cases, what was made of them, judge) -> findings.
MEASURE: Mapping[
  str,
  Callable[
    [Sequence[trial_cases.Case], Sequence[trial_cases.Made], judges.Judge], list
  ],
] = {
  "animate": _animate,
  "keyframes": _keyframes,
  "inpaint": _inpaint,
  "outpaint": _outpaint,
  "widen": _widen,
  "cinemagraph": _cinemagraph,
  "edit": _edit,
  "extend": _extend,
  "stylize": _stylize,
}
