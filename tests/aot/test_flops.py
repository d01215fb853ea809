import itertools

import pytest
import toy_programs

from lumiere_jax.aot import executions
from lumiere_jax.aot import flops
from lumiere_jax.aot import hlo


def counted(module) -> float:
  counts = executions.count(module).counts
  return sum(
    times * flops.of(module.computations[name], one)
    for name, times in counts.items()
    for one in module.computations[name]
  )


SAME = 2 * 2 * 128 * 128 * (3 * 8 - 2) ** 2  # two taps of 24 meet the padding
KNOWN = {
  "once": 2 * 512**3,
  "scan": 7 * 2 * 512**3,
  "nested": 21 * 2 * 512**3,
  "until": 2 * 512**3,
  "same": SAME,
  "kernel": 2 * 512**3,
  "gather": 0,
}


@pytest.mark.parametrize(("name", "expected"), KNOWN.items(), ids=[*KNOWN])
def test_flops_of_a_real_program_are_those_counted_by_hand(name, expected):
  assert counted(hlo.parse(toy_programs.text(name))) == expected


def one_convolution(left, right, out, attributes):
  return hlo.parse(
    "HloModule m\n\n"
    f"ENTRY %main (a: f32[1]) -> f32[1] {{\n"
    f"  %a = f32[{left}] parameter(0)\n"
    f"  %b = f32[{right}] parameter(1)\n"
    f"  ROOT %c = f32[{out}] convolution(%a, %b), {attributes}\n"
    "}\n"
  )


@pytest.mark.parametrize(
  ("left", "right", "out", "attributes", "expected"),
  [
    ("4,5", "5,6", "4,6", "dim_labels=bf_io->bf", 4 * 5 * 6),
    (
      "1,8,3",
      "3,3,7",
      "1,6,7",
      "window={size=3}, dim_labels=b0f_0io->b0f",
      6 * 3 * 3 * 7,
    ),
    (
      "1,8,4",
      "1,2,6",
      "1,8,6",
      "window={size=1}, dim_labels=b0f_0io->b0f, feature_group_count=2",
      8 * 2 * 6,
    ),
    (  # of four clips two at a time make one: 2 x 8 x 6 sums of 3
      "4,8,3",
      "1,3,6",
      "2,8,6",
      "window={size=1}, dim_labels=b0f_0io->b0f, batch_group_count=2",
      2 * 8 * 6 * 3,
    ),
    (  # a batch of 5 products [2, 3] x [3, 4]: the batch is a spatial axis
      "5,2,3",
      "5,3,4",
      "5,2,4",
      "window={size=5 stride=4 lhs_dilate=5}, dim_labels=0bf_0io->0bf",
      5 * 2 * 3 * 4,
    ),
    (  # a transposed convolution: gaps of the input are not multiplied
      "1,4,1",
      "3,1,1",
      "1,8,1",
      "window={size=3 pad=1_2 lhs_dilate=2 rhs_reversal=1}, "
      "dim_labels=b0f_0io->b0f",
      4 + 4 + 3,
    ),
  ],
  ids=["product", "valid", "groups", "clips", "batch", "transposed"],
)
def test_flops_of_a_convolution(left, right, out, attributes, expected):
  module = one_convolution(left, right, out, attributes)
  assert counted(module) == 2 * expected


@pytest.mark.parametrize(
  ("size", "taps", "stride", "pad", "lhs", "rhs"),
  [*itertools.product((1, 5), (1, 3), (1, 2), (0, 2), (1, 3), (1, 2))],
)
def test_positions_are_those_of_a_plain_loop(size, taps, stride, pad, lhs, rhs):
  reach = (size - 1) * lhs + 1
  outputs = max(0, (reach + 2 * pad - (taps - 1) * rhs - 1) // stride + 1)
  elements = {index * lhs for index in range(size)}
  expected = sum(
    output * stride - pad + tap * rhs in elements
    for output in range(outputs)
    for tap in range(taps)
  )
  assert (
    flops._positions(size, taps, outputs, stride, pad, lhs, rhs) == expected
  )


@pytest.mark.compile
@pytest.mark.parametrize("name", ["once", "same"])
def test_flops_are_what_the_compiler_counts(name):
  pytest.importorskip("libtpu")
  compiled = toy_programs.compiled(name)
  expected = compiled.cost_analysis()["flops"]
  assert counted(hlo.parse(compiled.as_text())) == pytest.approx(
    expected, rel=0.02
  )


@pytest.mark.compile
def test_the_compiler_counts_a_loop_once_and_we_count_its_turns():
  pytest.importorskip("libtpu")
  compiled = toy_programs.compiled("scan")
  once = compiled.cost_analysis()["flops"]
  assert counted(hlo.parse(compiled.as_text())) == pytest.approx(
    7 * once, rel=0.02
  )
