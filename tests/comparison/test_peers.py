"""The harness, with workers that compute nothing."""

import dataclasses
import json
import sys

import pytest

from lumiere_jax import errors
from lumiere_jax.cli import compare
from lumiere_jax.comparison import peer_cases
from lumiere_jax.comparison import peer_ours
from lumiere_jax.comparison import peer_page
from lumiere_jax.comparison import peer_process
from lumiere_jax.comparison import peer_protocol
from lumiere_jax.comparison import peer_report
from lumiere_jax.comparison import peers

PLAN = peers.Plan(rounds=5, seconds=60)


@pytest.fixture
def where(tmp_path, monkeypatch):
  monkeypatch.setenv("PYTHONPATH", "tests/comparison")
  monkeypatch.setattr(
    peer_process.Where, "_link", lambda self: "tests/comparison:."
  )
  names = (peer_cases.OURS, peer_cases.LUMIERE, peer_cases.DIFFUSERS)
  return peer_process.Where(
    python=sys.executable,
    threads=1,
    folder=tmp_path,
    modules=dict.fromkeys(names, "stand_in_worker"),
  )


def test_frameworks_are_timed_in_turns_and_compared(where, capsys):
  case = peer_cases.clips("forward", 16, 32)
  ours, eager, compiled = peers.measure(case, where, PLAN)
  assert [len(row["seconds"]) for row in (ours, eager, compiled)] == [5] * 3
  assert 1.5 < eager["ratio"] < 4.5
  assert eager["ratio_low"] <= eager["ratio"] <= eager["ratio_high"]
  assert eager["matched"]
  assert not compiled["matched"]
  assert eager["memory_ratio"] == pytest.approx(1, abs=0.2)
  assert eager["start_up"] > 0
  assert eager["versions"] == {"stand-in": "1.0"}
  said = capsys.readouterr().out.split("\n")
  assert said[:2] == [
    "timing forward-16x32x32-w32",
    "timed forward-16x32x32-w32",
  ]
  assert "(not matched)" in peer_report.line(compiled)
  assert "(not matched)" not in peer_report.line(eager)


def test_on_a_gpu_memory_is_the_devices_and_speed_a_share_of_its_peak(where):
  case = peer_cases.clips("forward", 16, 32, dtype="bfloat16")
  where = dataclasses.replace(where, device="gpu")
  environment = where.environment(peer_cases.OURS)
  assert environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
  ours, eager, _ = peers.measure(case, where, PLAN)
  assert (ours["peak"], eager["peak"]) == (100, 300)
  assert eager["memory_ratio"] == 3
  assert eager["of_peak"] == pytest.approx(2.05e6 / eager["median"] / 989e12)
  assert "(0.0% of peak)" in peer_report.line(eager)
  assert peer_report.line(eager).endswith("| 300 | 3.00 |  |")


def test_ours_alone_needs_no_peer(where):
  plan = peers.Plan(peers="none", rounds=2, seconds=60)
  (ours,) = peers.measure(peer_cases.clips("forward", 16, 32), where, plan)
  assert len(ours["seconds"]) == 2
  assert "of peak" not in peer_report.line(ours)
  assert {case["task"] for case in plan.cases()} == {*peer_cases.TITLES}


def test_a_gpu_computes_in_bfloat16_and_more_of_it():
  on = lambda **fields: peers.Plan(**fields).cases()
  assert {case["dtype"] for case in on()} == {"float32"}
  assert {case["dtype"] for case in on(device="gpu")} == {"bfloat16"}
  assert {case["dtype"] for case in on(dtype="bfloat16")} == {"bfloat16"}
  assert len(on(device="gpu")) > len(on())
  large = on(device="gpu", tasks="train-80x64x64-w128")
  assert [case["width"] for case in large] == [128]


def test_an_interpreter_that_reaches_no_gpu_is_refused(tmp_path, monkeypatch):
  for name in ("jax", "torch"):
    with pytest.raises(errors.ConfigError, match=f"{name} of .* reaches none"):
      peer_process.require_gpu(name, sys.executable)
  for name in ("peer_process.require", "peers.numerics"):
    monkeypatch.setattr(f"lumiere_jax.comparison.{name}", None)
  with pytest.raises(errors.ConfigError, match="reaches none"):
    peers.run(tmp_path, peers.Plan(peers="none", device="gpu"))


def test_what_a_worker_cannot_do_is_told_beside_the_others(where):
  rows = peers.measure(peer_cases.clips("base", 16, 32), where, PLAN)
  assert "ValueError: no such thing" in rows[2]["error"]
  assert "ratio" in rows[1]
  assert "ratio" not in rows[2]
  assert "no such thing" in peer_report.line(rows[2])


def test_a_worker_that_dies_is_told_beside_the_others(where):
  rows = peers.measure(peer_cases.clips("ssr", 8, 32), where, PLAN)
  assert "ended with code 3" in rows[1]["error"]
  assert "ratio" in rows[2]


def test_turns_rotate_and_stop_in_time():
  turns = list(peers.interleaved("abc", 3, 60))
  assert "".join(turns) == "abcbcacab"
  assert "".join(peers.interleaved("ab", 3, -1)) == "ab"


def test_the_page_and_the_plot_hold_all_that_was_found(where, tmp_path):
  rows = peers.measure(peer_cases.clips("base", 16, 32), where, PLAN)
  found = {
    "machine": peers.machine(where),
    "rows": rows,
    "numerics": peers.numerics(where),
  }
  said = peer_page.page(json.loads(json.dumps(found)))
  assert "| base sampling step, guided, 16 x 32 x 32, width 32 |" in said
  assert "against keeping every second frame | 0.25 | 0.25 |" in said
  assert "stand-in 1.0" in said
  for load, is_busy in ((0.1, False), (found["machine"]["cores"], True)):
    found["machine"]["load"] = load
    found["machine"]["kept"] = is_busy
    assert (
      "other work in the minute before" in peer_page.page(found)
    ) is is_busy
    assert ("an earlier run" in peer_page._where(found)) is is_busy
  peer_report.plot(rows, tmp_path / "peers.png")
  assert (tmp_path / "peers.png").stat().st_size > 1000


def test_an_interpreter_without_a_peer_is_refused_with_what_installs_it():
  with pytest.raises(errors.ConfigError, match=r"pip install torch .*0\.0\.24"):
    peer_process.require(peer_cases.LUMIERE, sys.executable)
  with pytest.raises(errors.ConfigError, match="no Python that runs"):
    peer_process.require(peer_cases.DIFFUSERS, "/nowhere/python")
  with pytest.raises(errors.ConfigError, match="peer is 'keras'"):
    peer_process.require("keras", sys.executable)


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    ({"dtype": "float16"}, "dtype is 'float16'"),
    ({"peers": "none,diffusers"}, "peer is 'none'"),
    ({"device": "tpu"}, "device is 'tpu'"),
    ({"peers": "keras"}, "peer is 'keras'"),
    ({"tasks": "all,dance"}, "task is 'dance'"),
    ({"rounds": 0}, "needs at least 1"),
  ],
)
def test_a_plan_that_makes_no_sense_is_refused(fields, message):
  with pytest.raises(errors.ConfigError, match=message):
    peers.Plan(**fields)


def test_the_spelling_of_flags_first_is_the_same_command(monkeypatch):
  ran = []
  monkeypatch.setattr(peers, "run", lambda out, plan: ran.append(plan))
  compare.main(["--peers", "diffusers", "--tasks", "text"])
  compare.main(["peers", "--peers", "diffusers", "--tasks", "text"])
  assert ran[0] == ran[1]
  assert [case["task"] for case in ran[0].cases()] == ["text"]


def test_every_task_has_a_case_of_its_own_name():
  for quick in (False, True):
    cases = peer_cases.every(quick)
    assert {case["task"] for case in cases} == {*peer_cases.TITLES}
    assert len({peer_cases.name(case) for case in cases}) == len(cases)


def test_peak_memory_is_forgotten_and_found_again():
  held = bytearray(200 << 20)
  before = peer_protocol.peak_mib()
  assert before > 200
  del held
  peer_protocol.forget_peak()
  assert peer_protocol.peak_mib() < before - 100


def test_a_spread_is_that_of_the_medians():
  low, high = peer_report.spread([2.0, 2.2, 2.1], [1.0, 1.0, 1.0])
  assert 2.0 <= low <= 2.1 <= high <= 2.2


@pytest.mark.slow
def test_our_inflation_starts_as_the_image_network():
  found = peer_ours.numerics()
  assert found["down_of_constant"] == pytest.approx(1, rel=1e-4)
  assert found["up_of_constant"] == pytest.approx(1, rel=1e-4)
  errors_found = {k: v for k, v in found.items() if k.endswith("_error")}
  assert max(errors_found.values()) <= 1e-5, errors_found
