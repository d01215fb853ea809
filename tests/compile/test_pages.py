"""The rows of docs/scale.md keep the bars, and are of today's recipes."""

import json
import pathlib
import runpy

import pytest

from lumiere_jax.aot import report
from lumiere_jax.aot import scale
from lumiere_jax.aot import work

ROOT = pathlib.Path(__file__).parents[2]
PLANS = ROOT / "docs" / "scale"


def row(name):
  """The plan of a row that fits, or the last one tried."""
  return scale.chosen(report.read(PLANS / f"{name}.json"))


@pytest.mark.parametrize(
  ("name", "executed", "mfu"),
  [
    ("base_v5e_256", 0.55, 0.45),
    ("base_v5p_128", 0.55, 0.45),
    ("base_v6e_256", 0.45, 0.36),
    ("xl_v5p_512", 0.0, 0.0),
    ("ssr_v5e_256", 0.0, 0.0),
    ("t2i_v5e_256", 0.0, 0.0),
    ("base_sample_v5e_8", 0.0, 0.0),
    ("base_sample_v6e_8", 0.0, 0.0),
    ("ssr_sample_v5e_8", 0.0, 0.0),
    ("ssr_sample_v6e_8", 0.0, 0.0),
  ],
)
def test_it_fits_and_is_estimated_to_be_fast(name, executed, mfu):
  one = row(name)
  assert one["fits"]
  assert one["hbm_gib"] <= one["hbm_limit_gib"]
  assert one["executed_share"] >= executed
  assert one["mfu"] >= mfu


def _sent(one):
  return sum(sent["gib"] for sent in one["collectives"].values())


def test_thirty_two_times_the_chips_cost_each_no_more():
  few, many = row("base_v5p_64"), row("base_v5p_2048")
  assert many["num_devices"] == 32 * few["num_devices"]
  assert many["what"]["clips"] == 32 * few["what"]["clips"]
  same = pytest.approx
  assert many["executed_tflops"] == same(few["executed_tflops"], rel=0.03)
  assert many["hbm_gib"] == same(few["hbm_gib"], rel=0.03)
  assert _sent(many) == same(_sent(few), rel=0.1)


def test_a_clip_over_four_chips_costs_them_no_more_than_one():
  alone, together = row("base_v5p_1"), row("base_v5p_4")
  executed = 4 * together["executed_tflops"]
  assert executed <= 1.05 * alone["executed_tflops"]
  memory = together["gib"]["temporaries"]
  assert memory <= 0.35 * alone["gib"]["temporaries"]


def test_slices_exchange_gradients_alone():
  sent = row("base_v5p_2_slices")["collectives"]
  assert {kind for kind in sent if kind[:3] == "DCN"} == {"DCN all-reduce"}


@pytest.mark.slow
@pytest.mark.parametrize(
  ("file", "variant", "name"),
  [("base_128", "base", "base_v5e_256"), ("ssr_1024", "ssr", "ssr_v5e_256")],
)
def test_the_rows_are_of_the_recipes_as_they_are(file, variant, name):
  make = runpy.run_path(str(ROOT / "configs" / f"{file}.py"))["get_config"]
  recipe = json.loads(make(variant).to_json_best_effort())
  one = row(name)
  flops = work.training_flops(recipe) / one["num_devices"] / 1e12
  assert flops == pytest.approx(one["model_tflops"], rel=1e-3)
