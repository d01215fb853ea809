"""The same run on other numbers of processes and devices."""

from faults.conftest import STEPS
import numpy as np
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.bar]

# Steps to reach, processes, devices of each, and how they share the work.
PLACES = (
  (4, 1, 8, ()),
  (8, 2, 4, ()),
  (12, 4, 2, ("--config.mesh.fsdp=2",)),
  (16, 1, 4, ("--config.mesh.frames=2",)),
)


def test_a_run_that_moves_is_the_run_that_stays(lab):
  wide = ("--config.data.global_batch=8",)
  lab = type(lab)(home=lab.home, flags=(*lab.flags[:1], *wide))
  lab.finish("stays", STEPS, devices=8)
  for until, processes, devices, mesh in PLACES:
    there = type(lab)(home=lab.home, flags=(*lab.flags, *mesh))
    there.finish("moves", until, processes=processes, devices=devices)
  stays, moves = lab.metrics("stays"), lab.metrics("moves")
  assert [*moves] == [*stays] == [*range(1, STEPS + 1)]
  np.testing.assert_allclose([*moves.values()], [*stays.values()], rtol=1e-5)
  # The same clips in the same order: the place in the data agrees.
  assert lab.weights("moves")[1] == lab.weights("stays")[1]
