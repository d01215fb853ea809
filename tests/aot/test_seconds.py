import pytest
import toy_programs

from lumiere_jax.aot import executions
from lumiere_jax.aot import hlo
from lumiere_jax.aot import seconds
from lumiere_jax.aot import topology

V5E = topology.GENERATIONS["v5e"]


def rows(text, generation=V5E):
  module = hlo.parse(text)
  return seconds.rows(module, executions.count(module), generation)


def test_a_product_takes_its_flops_or_its_bytes():
  (product,) = (
    row for row in rows(toy_programs.text("once")) if row.kind == "product"
  )
  matrices = 3 * 512 * 512 * 2
  assert product.flops == 2 * 512**3
  assert product.nbytes == matrices
  assert product.roofline == pytest.approx(matrices / V5E.modelled_bandwidth)
  assert product.cycles == pytest.approx(10168 / 1.5e9)  # as it is printed
  assert product.op_name == "jit(once)/dot_general"
  assert product.source.startswith("toy_programs.py:")


def test_a_loop_multiplies_its_rows():
  (product,) = (
    row for row in rows(toy_programs.text("scan")) if row.kind == "product"
  )
  assert product.executions == 7
  assert product.flops == 7 * 2 * 512**3
  # Of the stack of weights a turn reads one.
  assert product.nbytes == pytest.approx(7 * 3 * 512 * 512 * 2, rel=1e-4)


def test_a_kernel_takes_what_it_says():
  (kernel,) = rows(toy_programs.text("kernel"))
  assert kernel.kind == "kernel"
  assert kernel.flops == 2 * 512**3
  assert kernel.cycles == kernel.roofline > 0


def test_what_is_asynchronous_takes_no_cycles():
  hidden = [
    row
    for row in rows(toy_programs.text("once"))
    if row.name.startswith("copy-")
  ]
  assert len(hidden) == 2
  assert all(row.cycles == 0 < row.roofline for row in hidden)


def test_sums_by_kind_are_the_sums_of_the_rows():
  found = rows(toy_programs.text("nested"))
  kinds = seconds.by_kind(found)
  for key in ("roofline", "cycles", "flops", "nbytes"):
    assert sum(kind[key] for kind in kinds.values()) == pytest.approx(
      sum(getattr(row, key) for row in found)
    )
  assert [*kinds] == ["product", "elementwise", "copy"]


def test_operations_come_longest_first_and_leave_nothing_out():
  found = rows(toy_programs.text("nested"))
  spent = seconds.by_operation(found)
  assert [*spent.values()] == sorted(spent.values(), reverse=True)
  assert sum(spent.values()) == pytest.approx(sum(r.roofline for r in found))
  assert next(iter(spent)) == ("product", "dot_general")


KINDS = """HloModule kinds

%moves (p: f32[8,128]) -> f32[128,8] {
  %p = f32[8,128] parameter(0)
  ROOT %t = f32[128,8] transpose(%p), dimensions={1,0}
}

%arithmetic (q: f32[8,128]) -> f32[8,128] {
  %q = f32[8,128] parameter(0)
  ROOT %m = f32[8,128] multiply(%q, %q)
}

%around (r: f32[8,128]) -> f32[8,128] {
  %r = f32[8,128] parameter(0)
  %d = f32[8,8] dot(%r, %r), lhs_contracting_dims={1}, rhs_contracting_dims={1}
  ROOT %e = f32[8,128] fusion(%r), kind=kLoop, calls=%arithmetic
}

ENTRY %main (a: f32[8,128]) -> f32[8,128] {
  %a = f32[8,128] parameter(0)
  %copy = f32[128,8] fusion(%a), kind=kLoop, calls=%moves
  %elementwise = f32[8,128] fusion(%a), kind=kLoop, calls=%arithmetic
  %product = f32[8,128] fusion(%a), kind=kOutput, calls=%around
  %collective = f32[8,128] all-reduce(%a), replica_groups={}
  %host = f32[8,128]{1,0:T(8,128)S(5)} copy(%a)
  %other = f32[8,128] sort(%a), dimensions={0}
  ROOT %kernel = f32[8,128] custom-call(%a), custom_call_target="tpu_custom_call"
}
"""  # noqa: E501


def test_instructions_are_of_the_kind_that_they_are_named_after():
  module = hlo.parse(KINDS)
  for one in module.entry:
    if one.opcode != "parameter":
      assert seconds.kind_of(module, one) == one.name


@pytest.mark.compile
@pytest.mark.parametrize("name", ["once", "same", "kernel"])
def test_without_loops_the_roofline_is_the_compilers(name):
  pytest.importorskip("libtpu")
  compiled = toy_programs.compiled(name)
  total = sum(row.roofline for row in rows(compiled.as_text()))
  # Nanoseconds that the model adds for what has no bytes are 1 % here.
  assert total == pytest.approx(
    compiled.cost_analysis()["optimal_seconds"], rel=0.03
  )
