"""Plans that nobody compiled, for tests."""

from lumiere_jax.aot import plan as plans


def plan(**changes) -> plans.Plan:
  """A plan that fits, of round numbers."""
  fields = dict(
    what={
      "stage": "base",
      "mesh": {"data": 2, "fsdp": 2, "frames": 2},
      "clips": 4,
      "remat": "blocks",
      "layout": "rows",
      "program": "train",
    },
    topology="v5e:2x4",
    num_slices=1,
    num_devices=8,
    effort="low",
    fits=True,
    hbm_limit_gib=15.75,
    hbm_gib=10.0,
    gib={"trained": 1.0, "temporaries": 9.0, "host": 0.0},
    model_tflops=100.0,
    executed_tflops=130.0,
    roofline_seconds=1.0,
    cycle_seconds=2.0,
    executed_share=0.66,
    mfu=0.51,
    seconds_by_kind={
      "product": {"roofline": 0.75, "cycles": 1.5},
      "copy": {"roofline": 0.25, "cycles": 0.5},
    },
    collectives={
      "ICI all-gather": {"gib": 2.0, "executions": 7.0},
      "DCN all-reduce": {"gib": 0.5, "executions": 1.0},
    },
  )
  return plans.Plan(**(fields | changes))


def refused(**changes) -> plans.Plan:
  """One that does not fit."""
  empty = dict(
    roofline_seconds=None,
    cycle_seconds=None,
    executed_share=None,
    mfu=None,
    seconds_by_kind={},
    collectives={},
    gib={"trained": 1.0},
  )
  return plan(fits=False, hbm_gib=20.0, **(empty | changes))
