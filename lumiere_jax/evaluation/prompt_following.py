"""Whether a clip shows what its caption says, attribute by attribute.

A caption names its things in an order that a clip does not have, so the things
seen are dealt to those said in the way that agrees best.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools

import numpy as np

from lumiere_jax.toybox import caption as captions
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words

COUNT, ACTOR, WHOLE = "number of things", "who acts", "everything"
_RESAMPLES = 2000


def agreement(said: Mapping[str, str], seen: scenes.Scene) -> dict[str, bool]:
  """What of a caption a clip shows.

  Args:
    said: name in `caption.LABELS` -> value, of what the caption says.
    seen: what a judge saw.

  Returns:
    Name -> whether it is so, for each thing said; `COUNT` and `WHOLE` too, and
    `ACTOR` where another thing could have acted.
  """
  slots = [
    {
      name: said[f"{name} {slot}"]
      for name in words.OF_THINGS
      if f"{name} {slot}" in said
    }
    for slot in range(captions.SLOTS)
    if f"shape {slot}" in said
  ]
  found, first = _deal(slots, seen.things)
  for name in words.OF_SCENES:
    if name in said:
      found[name] = getattr(seen, name) == said[name]
  if len(slots) > 1 and said.get("action", "still") != "still":
    found[ACTOR] = first == 0
  found[COUNT] = len(seen.things) == len(slots)
  return found | {WHOLE: all(found.values())}


def _deal(
  slots: Sequence[Mapping[str, str]], seen: Sequence[scenes.Thing]
) -> tuple[dict[str, bool], int]:
  """The best of all ways to deal the things seen to those said.

  Returns:
    Name -> whether it is so, and the number of the thing dealt to the first.
  """
  places = range(max(len(slots), len(seen)))

  def check(dealt):
    at = lambda place: seen[place] if place < len(seen) else None
    return {
      f"{name} {slot}": getattr(at(place), name, None) == value
      for slot, (wanted, place) in enumerate(zip(slots, dealt, strict=True))
      for name, value in wanted.items()
    }

  # Of ways that agree as well, the one that leaves things in their order.
  best = max(
    itertools.permutations(places, len(slots)),
    key=lambda dealt: sum(check(dealt).values()),
  )
  return check(best), best[0]


@dataclasses.dataclass(frozen=True)
class Rate:
  """How often something was right.

  Attributes:
    right: share, in [0, 1].
    low: end of its 95 % interval, by resampling of clips.
    high: the other end.
    count: how often it was asked.
  """

  right: float
  low: float
  high: float
  count: int

  def __str__(self) -> str:
    return (
      f"{self.right:6.1%}  ({self.low:.1%} to {self.high:.1%}, of {self.count})"
    )


def rates(
  agreements: Sequence[Mapping[str, bool]], seed: int = 0
) -> dict[str, Rate]:
  """How often each attribute is right, over clips.

  Args:
    agreements: one `agreement` for each clip.
    seed: of the resampling.

  Returns:
    Attribute, such as "shape" of any thing, -> rate.
  """
  totals: dict[str, list[tuple[int, int]]] = {}
  kinds = sorted({_kind(name) for one in agreements for name in one})
  for kind in kinds:
    totals[kind] = [
      (
        sum(right for name, right in one.items() if _kind(name) == kind),
        sum(_kind(name) == kind for name in one),
      )
      for one in agreements
    ]
  rng = np.random.default_rng(seed)
  places = rng.integers(len(agreements), size=(_RESAMPLES, len(agreements)))
  return {kind: _rate(np.array(totals[kind]), places) for kind in kinds}


def _rate(totals: np.ndarray, places: np.ndarray) -> Rate:
  right, asked = totals.T
  shares = right[places].sum(1) / np.maximum(asked[places].sum(1), 1)
  low, high = np.percentile(shares, (2.5, 97.5))
  return Rate(
    right=float(right.sum() / max(asked.sum(), 1)),
    low=float(low),
    high=float(high),
    count=int(asked.sum()),
  )


def _kind(name: str) -> str:
  """ "shape 1" -> "shape"."""
  return name.rstrip("0123456789").rstrip()
