"""Trying knobs: what makes a recipe fit, and what nothing else beats.

Each try is a whole compilation, minutes at full size.
"""

from collections.abc import Callable, Iterator, Mapping
import itertools
from typing import Any

from lumiere_jax import errors
from lumiere_jax.aot import plan as plans
from lumiere_jax.aot import report
from lumiere_jax.aot import topology
from lumiere_jax.aot import work

Recipe = Mapping[str, Any]
Tell = Callable[[str], None]

# What to recompute, from the least to the most.
REMATS = ("none", "convs", "blocks")


def fitting(
  recipe: Recipe,
  where: topology.Topology,
  refused: plans.Plan,
  *,
  effort: str = "low",
  tell: Tell = lambda line: None,
) -> list[plans.Plan]:
  """Turns the knobs that save memory, one after the other, until it fits.

  Args:
    recipe: that did not fit.
    where: it did not fit there.
    refused: the plan that says so.
    effort: see `plans.EFFORTS`.
    tell: told of each try.

  Returns:
    Plans of what was tried, in order; the last one fits, if any does.
  """
  tried = []
  asked = refused.hbm_gib
  for change in savings(recipe, where):
    tell(f"{asked:.2f} GiB do not fit; trying {_named(change)}")
    made = _try(recipe, where, change, effort)
    if made is None:
      continue
    tried.append(made)
    asked = made.hbm_gib
    if made.fits:
      break
  return tried


def savings(recipe: Recipe, where: topology.Topology) -> Iterator[dict]:
  """Changes that save memory; each keeps those before it."""
  change: dict[str, Any] = {}
  remat = recipe["model"]["remat"]
  if remat in REMATS:
    for heavier in REMATS[REMATS.index(remat) + 1 :]:
      change["remat"] = heavier
      yield dict(change)
  clips, frames = recipe["data"]["global_batch"], recipe["mesh"]["frames"]
  for _ in range(2):
    frames *= 2
    groups = where.num_devices // frames
    if groups < 1 or recipe["data"]["num_frames"] % frames:
      break
    change |= {"frames": frames, "clips": _divisible(clips, groups)}
    yield dict(change)
  change["remat"] = "offload"
  yield dict(change)


def pareto(
  recipe: Recipe,
  where: topology.Topology,
  *,
  effort: str = "low",
  tell: Tell = lambda line: None,
) -> list[plans.Plan]:
  """Tries remat, clips, mesh and layout; returns what nothing else beats.

  One plan beats another if it is no slower a clip and uses no more memory.

  Returns:
    Plans, fastest first.
  """
  found = []
  for change in candidates(recipe, where):
    made = _try(recipe, where, change, effort)
    if made is None:
      continue
    tell(f"{_named(change)}: {report.brief(made)}")
    if made.fits:
      found.append(made)
  return undominated(found)


def undominated(found: list[plans.Plan]) -> list[plans.Plan]:
  """Plans that no other beats in both seconds a clip and GiB."""
  cost = lambda one: (seconds_a_clip(one), one.hbm_gib)
  kept, least = [], float("inf")
  for one in sorted(found, key=cost):
    if one.hbm_gib < least:
      kept.append(one)
      least = one.hbm_gib
  return kept


def seconds_a_clip(one: plans.Plan) -> float:
  """Chip seconds that a clip takes, by the roofline; 0 where it has none."""
  if one.roofline_seconds is None:
    return 0.0
  return one.roofline_seconds * one.num_devices / one.what["clips"]


def candidates(recipe: Recipe, where: topology.Topology) -> Iterator[dict]:
  """Combinations of knobs that the topology and the clip allow."""
  frames = [
    n
    for n in (1, 2, 4, 8)
    if recipe["data"]["num_frames"] % n == 0 and where.num_devices % n == 0
  ]
  has_layout = "temporal" in recipe["model"]
  layouts = ("rows", "plane") if has_layout else (None,)
  for n, remat, layout, each in itertools.product(
    frames, ("blocks", "convs"), layouts, (1, 2)
  ):
    change = {"frames": n, "remat": remat}
    if layout:
      change["layout"] = layout
    change["clips"] = each * where.num_devices // n
    yield change


def _try(recipe, where, change, effort) -> plans.Plan | None:
  """The plan of a changed recipe; None where the mesh forbids it."""
  try:
    wanted = work.training(work.changed(recipe, **change), where)
  except errors.LumiereError:
    return None
  return plans.make(wanted, where, effort)[0]


def _named(change: Mapping[str, Any]) -> str:
  return ", ".join(f"{name}={value}" for name, value in change.items())


def _divisible(clips: int, groups: int) -> int:
  """The clips nearest to those asked for that so many groups can share."""
  return max(1, round(clips / groups)) * groups
