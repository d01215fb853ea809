"""Which knobs are turned, and which plans stay."""

import plans_by_hand
import pytest

from lumiere_jax import errors
from lumiere_jax.aot import plan as plans
from lumiere_jax.aot import search
from lumiere_jax.aot import topology
from lumiere_jax.aot import work

WHERE = topology.parse("v5e:2x4")
RECIPE = {
  "model": {"remat": "none", "temporal": {"layout": "rows"}},
  "data": {"num_frames": 80, "global_batch": 8},
  "mesh": {"data": -1, "fsdp": 1, "frames": 1},
}


def _plan(seconds, gib, clips=4):
  one = plans_by_hand.plan(roofline_seconds=seconds, hbm_gib=gib)
  one.what["clips"] = clips
  return one


def test_only_what_nothing_beats_stays():
  fast, small = _plan(1.0, 12.0), _plan(2.0, 6.0)
  beaten, twice = _plan(2.0, 13.0), _plan(1.9, 12.0, clips=8)
  assert search.undominated([small, beaten, fast, twice]) == [twice, small]


def test_a_chip_without_a_time_model_is_ranked_by_memory():
  plain = [_plan(None, 9.0), _plan(None, 6.0)]
  assert search.undominated(plain)[0].hbm_gib == 6.0


def test_savings_grow_and_end_with_the_host():
  changes = list(search.savings(RECIPE, WHERE))
  assert changes[:2] == [{"remat": "convs"}, {"remat": "blocks"}]
  assert changes[2] == {"remat": "blocks", "frames": 2, "clips": 8}
  assert changes[-1]["remat"] == "offload"


def test_candidates_divide_the_clip_and_the_devices():
  found = list(search.candidates(RECIPE, WHERE))
  assert {c["frames"] for c in found} == {1, 2, 4, 8}
  assert {c["layout"] for c in found} == {"rows", "plane"}
  assert all(c["clips"] * c["frames"] % 8 == 0 for c in found)
  seven = RECIPE | {"data": {"num_frames": 6, "global_batch": 8}}
  assert {c["frames"] for c in search.candidates(seven, WHERE)} == {1, 2}


@pytest.fixture
def compiler(monkeypatch):
  """Fits what recomputes blocks; refuses a mesh of two frames."""

  def training(recipe, where):
    if recipe["mesh"]["frames"] == 2:
      raise errors.ConfigError("no such mesh")
    return recipe

  def make(recipe, where, effort):
    fits = recipe["model"]["remat"] == "blocks"
    return (plans_by_hand.plan() if fits else plans_by_hand.refused()), None

  monkeypatch.setattr(work, "training", training)
  monkeypatch.setattr(plans, "make", make)


def test_knobs_are_turned_until_it_fits(compiler):
  said = []
  tried = search.fitting(
    RECIPE, WHERE, plans_by_hand.refused(), tell=said.append
  )
  assert [one.fits for one in tried] == [False, True]
  assert said[0] == "20.00 GiB do not fit; trying remat=convs"


def test_what_the_mesh_forbids_is_passed_over(compiler):
  said = []
  found = search.pareto(RECIPE, WHERE, tell=said.append)
  assert found
  assert not any("frames=2" in line for line in said)
  assert any("does not fit, 20.0 GiB" in line for line in said)


def test_changed_recipes_leave_the_old_one_alone():
  new = work.changed(RECIPE, remat="convs", layout="plane", clips=3, frames=4)
  assert new["model"] == {"remat": "convs", "temporal": {"layout": "plane"}}
  assert new["data"]["global_batch"] == 3
  assert new["mesh"]["frames"] == 4
  assert RECIPE["model"]["remat"] == "none"
  with pytest.raises(errors.ConfigError, match="knob is 'frame'"):
    work.changed(RECIPE, frame=2)
