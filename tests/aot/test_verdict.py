import pathlib

import pytest

from lumiere_jax.aot import verdict

REFUSALS = pathlib.Path(__file__).parents[1] / "golden" / "refusals"
GIB, MIB = 2**30, 2**20


def test_an_early_refusal_has_two_numbers():
  text = (REFUSALS / "hbm.txt").read_text(encoding="utf-8")
  assert verdict.parse(text) == verdict.OutOfMemory(
    "hbm", 30 * GIB, int(15.75 * GIB)
  )


def test_a_late_refusal_lists_the_largest_allocations():
  text = (REFUSALS / "vmem.txt").read_text(encoding="utf-8")
  found = verdict.parse(RuntimeError(text))
  assert (found.space, found.limit) == ("vmem", 128 * MIB)
  assert found.used == round(193.82 * MIB)
  assert [one.nbytes for one in found.largest] == [
    64 * MIB,
    64 * MIB,
    64 * MIB,
    round(1.82 * MIB),
  ]
  first = found.largest[0]
  assert first.op_name == "jit(pc)/shard_map/pallas_call"
  assert first.shape == "u8[67108864]{0}"
  assert first.kind == "scoped"
  assert first.label.startswith("shard_map.19 = custom-call")
  assert found.largest[-1].op_name == ""


@pytest.mark.parametrize(
  "text", ["INTERNAL: something else", "RESOURCE_EXHAUSTED: the disk is full"]
)
def test_another_error_is_none(text):
  assert verdict.parse(ValueError(text)) is None
