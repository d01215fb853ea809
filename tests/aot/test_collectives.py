import numpy as np
import pytest
import toy_programs

from lumiere_jax.aot import collectives
from lumiere_jax.aot import executions
from lumiere_jax.aot import hlo


def collected(text, **options):
  module = hlo.parse(text)
  return collectives.collect(module, executions.count(module), **options)


def program(lines, partitions=8):
  body = "\n".join(f"  {line}" for line in lines)
  return (
    f"HloModule m, num_partitions={partitions}\n\n"
    "ENTRY %main (a: bf16[4,128]) -> bf16[4,128] {\n"
    "  %a = bf16[4,128] parameter(0)\n"
    f"{body}\n"
    "}\n"
  )


@pytest.mark.parametrize(
  ("text", "expected"),
  [
    ("{{0,1},{2,3}}", [[0, 1], [2, 3]]),
    ("[2,2]<=[4]", [[0, 1], [2, 3]]),
    ("[2,2]<=[2,2]T(1,0)", [[0, 2], [1, 3]]),
    ("[4,2]<=[2,2,2]T(0,2,1)", [[0, 2], [1, 3], [4, 6], [5, 7]]),
    ("{}", [[0, 1, 2, 3]]),
  ],
)
def test_groups_are_expanded(text, expected):
  np.testing.assert_array_equal(collectives.expand(text, 4), expected)


PAYLOAD = 4 * 128 * 2


@pytest.mark.parametrize(
  ("line", "kind", "size", "nbytes"),
  [
    (
      "ROOT %c = bf16[16,128] all-gather(%a), "
      "replica_groups=[2,4]<=[8], dimensions={0}",
      "all-gather",
      4,
      3 * PAYLOAD,
    ),
    (
      "ROOT %c = bf16[4,128] all-reduce(%a), replica_groups={{0,1},{2,3}}, "
      "to_apply=%add",
      "all-reduce",
      2,
      PAYLOAD,
    ),
    (
      "ROOT %c = bf16[1,128] reduce-scatter(%a), "
      "replica_groups=[2,4]<=[2,4]T(1,0), dimensions={0}",
      "reduce-scatter",
      4,
      PAYLOAD * 3 / 4,
    ),
    (
      "ROOT %c = bf16[4,128] all-to-all(%a), replica_groups={}, dimensions={0}",
      "all-to-all",
      8,
      PAYLOAD * 7 / 8,
    ),
    (
      "ROOT %c = (bf16[4,128], bf16[4,128], u32[], u32[]) "
      "collective-permute-start(%a), source_target_pairs={{0,1},{1,2}}",
      "collective-permute",
      8,
      PAYLOAD,
    ),
    (
      "ROOT %c = ((bf16[4,128]), bf16[32,128]) all-gather-start(%a), "
      "replica_groups={{0,1,2,3,4,5,6,7}}, dimensions={0}",
      "all-gather",
      8,
      7 * PAYLOAD,
    ),
  ],
  ids=["gather", "reduce", "scatter", "all-to-all", "permute", "async"],
)
def test_bytes_are_those_of_a_ring(line, kind, size, nbytes):
  (found,) = collected(program([line]))
  assert (found.kind, found.group_size) == (kind, size)
  assert found.nbytes == pytest.approx(nbytes)
  assert found.payload == PAYLOAD
  assert not found.over_dcn


def test_the_second_half_of_a_collective_is_not_another():
  lines = [
    "%s = (bf16[4,128], bf16[4,128]) all-reduce-start(%a), replica_groups={}",
    "ROOT %d = bf16[4,128] all-reduce-done(%s)",
  ]
  assert len(collected(program(lines))) == 1


@pytest.mark.parametrize(
  ("groups", "over_dcn"),
  [("{{0,1,2,3},{4,5,6,7}}", False), ("{{0,4},{1,5},{2,6},{3,7}}", True)],
)
def test_a_group_of_two_slices_goes_over_dcn(groups, over_dcn):
  line = f"ROOT %c = bf16[4,128] all-reduce(%a), replica_groups={groups}"
  (found,) = collected(program([line]), devices_per_slice=4)
  assert found.over_dcn == over_dcn


def test_a_gather_over_four_of_eight_devices():
  gather, reduce = collected(toy_programs.text("gather"))
  assert (gather.kind, gather.group_size) == ("all-gather", 4)
  assert gather.nbytes == 3 * 256 * 128 * 4  # 1024 rows over 4 devices
  assert gather.op_name.endswith("all_gather")
  assert (reduce.kind, reduce.group_size) == ("all-reduce", 8)
  assert reduce.nbytes == 2 * 7 / 8 * 4
  assert not gather.over_dcn
  assert not reduce.over_dcn


def test_a_sum_over_two_slices_crosses_dcn_in_the_middle():
  found = {
    (one.kind, one.over_dcn): one
    for one in collected(toy_programs.text("slices"))
  }
  whole = 1024 * 128 * 4
  assert {key: one.nbytes for key, one in found.items()} == {
    ("reduce-scatter", False): whole * 3 / 4,
    ("all-reduce", True): whole / 4,  # 2 x 1/2 of what is left of it
    ("all-gather", False): whole * 3 / 4,
  }
  assert found["all-reduce", True].group_size == 2


STEPS = """HloModule steps, num_partitions=4

%first (p: bf16[4]) -> bf16[16] {
  %p = bf16[4] parameter(0)
  ROOT %g.1 = bf16[16] all-gather(%p), replica_groups={{0,1,2,3}}, dimensions={0}, backend_config={"async_collective_fusion_config":{"flag_start":"-1"}}
}

%between (p.1: bf16[4]) -> bf16[16] {
  %p.1 = bf16[4] parameter(0)
  ROOT %g.2 = bf16[16] all-gather(%p.1), replica_groups={{0,1,2,3}}, dimensions={0}, backend_config={"async_collective_fusion_config":{"flag_start":"2"}}
}

%last (p.2: bf16[4]) -> bf16[16] {
  %p.2 = bf16[4] parameter(0)
  ROOT %g.3 = bf16[16] all-gather(%p.2), replica_groups={{0,1,2,3}}, dimensions={0}, backend_config={"async_collective_fusion_config":{"flag_start":"2"}}
}

%scatter (p.3: bf16[16]) -> bf16[4] {
  %p.3 = bf16[16] parameter(0)
  %r = bf16[16] all-reduce(%p.3), replica_groups={{0,1,2,3}}
  %zero = s32[] constant(0)
  ROOT %s = bf16[4] dynamic-slice(%r, %zero), dynamic_slice_sizes={4}
}

ENTRY %main (a: bf16[4]) -> bf16[4] {
  %a = bf16[4] parameter(0)
  %async-collective-start = bf16[16] fusion(%a), kind=kCustom, calls=%first
  %fusion.1 = bf16[16] fusion(%a), kind=kOutput, calls=%between
  %async-collective-done = bf16[16] fusion(%a), kind=kCustom, calls=%last
  ROOT %fusion.2 = bf16[4] fusion(%async-collective-done), kind=kCustom, calls=%scatter
}
"""  # noqa: E501


def test_a_collective_in_steps_counts_once_and_a_fused_one_as_what_it_does():
  gather, scatter = collected(STEPS)
  assert (gather.name, gather.nbytes) == ("g.1", 3 * 8)
  assert (scatter.kind, scatter.nbytes) == ("reduce-scatter", 32 * 3 / 4)


def test_sums_by_wire_and_kind():
  found = collectives.by_kind(collected(toy_programs.text("slices")))
  assert [*found] == [
    ("DCN", "all-reduce"),
    ("ICI", "all-gather"),
    ("ICI", "reduce-scatter"),
  ]
  assert found["DCN", "all-reduce"] == {"nbytes": 131072.0, "executions": 1.0}


@pytest.mark.compile
@pytest.mark.parametrize("name", ["gather", "slices"])
def test_the_compiler_still_prints_what_we_read(name):
  pytest.importorskip("libtpu")
  found = collected(toy_programs.compiled(name).as_text())
  expected = collected(toy_programs.text(name))
  assert collectives.by_kind(found) == collectives.by_kind(expected)
