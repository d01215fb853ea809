import pytest
import toy_programs

from lumiere_jax.aot import executions
from lumiere_jax.aot import hlo

# A loop over state (i, limit), i = START; while (TEST): i += STEP.
LOOP = """HloModule loop

%body (s: (s32[], s32[])) -> (s32[], s32[]) {{
  %s = (s32[], s32[]) parameter(0)
  %i = s32[] get-tuple-element(%s), index=0
  %n = s32[] get-tuple-element(%s), index=1
  %step = s32[] constant({step})
  %next = s32[] add(%i, %step)
  ROOT %t = (s32[], s32[]) tuple(%next, %n)
}}

%test (s.1: (s32[], s32[])) -> pred[] {{
  %s.1 = (s32[], s32[]) parameter(0)
  %i.1 = s32[] get-tuple-element(%s.1), index=0
  %n.1 = s32[] get-tuple-element(%s.1), index=1
  ROOT %less = pred[] compare({test}), direction={direction}
}}

ENTRY %main (x: s32[]) -> (s32[], s32[]) {{
  %x = s32[] parameter(0)
  %start = s32[] constant({start})
  %limit = s32[] constant(10)
  %state = (s32[], s32[]) tuple(%start, {limit})
  ROOT %while = (s32[], s32[]) while(%state), condition=%test, body=%body{known}
}}
"""


def turns(
  start=0, step=1, direction="LT", limit="%limit", flip=False, known=""
):
  test = "%n.1, %i.1" if flip else "%i.1, %n.1"
  module = hlo.parse(
    LOOP.format(
      start=start,
      step=step,
      direction=direction,
      limit=limit,
      test=test,
      known=known,
    )
  )
  return executions.trip_count(module, module.entry, module.entry.root)


def simulated(start, step, passes):
  count = 0
  while passes(start):
    start, count = start + step, count + 1
  return count


@pytest.mark.parametrize(
  ("direction", "start", "step", "passes"),
  [
    ("LT", 0, 1, lambda i: i < 10),
    ("LT", 1, 3, lambda i: i < 10),
    ("LT", 12, 1, lambda i: i < 10),
    ("LE", 0, 1, lambda i: i <= 10),
    ("LE", 0, 4, lambda i: i <= 10),
    ("NE", 0, 2, lambda i: i != 10),
    ("GT", 20, -1, lambda i: i > 10),
    ("GE", 21, -3, lambda i: i >= 10),
  ],
)
def test_turns_are_those_of_the_loop_run_by_hand(
  direction, start, step, passes
):
  expected = simulated(start, step, passes)
  assert turns(start, step, direction) == expected
  flipped = {"LT": "GT", "GT": "LT", "LE": "GE", "GE": "LE", "NE": "NE"}
  assert turns(start, step, flipped[direction], flip=True) == expected


def test_a_number_that_the_compiler_gives_is_taken():
  known = ', backend_config={"known_trip_count":{"n":"5"}}'
  assert turns(known=known) == 5


def test_a_limit_from_the_arguments_is_unknown():
  assert turns(limit="%x") is None


def test_a_loop_that_goes_the_other_way_is_unknown():
  assert turns(step=-1) is None


@pytest.mark.parametrize(
  ("name", "counts", "unknown"),
  [
    ("once", [], 0),
    ("scan", [7], 0),
    ("nested", [3, 21], 0),
    ("until", [1], 1),
  ],
)
def test_bodies_count_as_often_as_they_turn(name, counts, unknown):
  module = hlo.parse(toy_programs.text(name))
  found = executions.count(module)
  bodies = [
    found.counts[dict(one.called)["body"]]
    for computation in module.computations.values()
    for one in computation
    if one.opcode == "while"
  ]
  assert sorted(bodies) == counts
  assert len(found.unknown) == unknown


def test_a_test_runs_once_more_than_its_body():
  module = hlo.parse(toy_programs.text("scan"))
  found = executions.count(module)
  (loop,) = (one for one in module.entry if one.opcode == "while")
  called = dict(loop.called)
  assert found.counts[called["condition"]] == 8
  assert found.counts[called["body"]] == 7


BRANCHES = """HloModule branches

%heavy (a: f32[4,4]) -> f32[4,4] {
  %a = f32[4,4] parameter(0)
  ROOT %d = f32[4,4] dot(%a, %a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%light (b: f32[4,4]) -> f32[4,4] {
  ROOT %b = f32[4,4] parameter(0)
}

ENTRY %main (p: pred[], x: f32[4,4]) -> f32[4,4] {
  %p = pred[] parameter(0)
  %x = f32[4,4] parameter(1)
  ROOT %c = f32[4,4] conditional(%p, %x, %x), true_computation=%light, false_computation=%heavy
}
"""  # noqa: E501


def test_of_a_conditional_the_heavy_branch_counts():
  found = executions.count(hlo.parse(BRANCHES))
  assert found.counts == {"main": 1, "heavy": 1}
