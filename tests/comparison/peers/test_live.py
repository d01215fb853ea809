"""Workers of the peers that are really there; needs PyTorch and the peers."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("lumiere_pytorch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from lumiere_jax.comparison import peer_cases
from lumiere_jax.comparison import peer_diffusers
from lumiere_jax.comparison import peer_lumiere_pytorch
from lumiere_jax.comparison import peer_ours
from lumiere_jax.comparison import peer_report

MAKERS = {
  peer_cases.LUMIERE: peer_lumiere_pytorch.make,
  peer_cases.DIFFUSERS: peer_diffusers.make,
}


@pytest.mark.parametrize(
  "case", peer_cases.every(quick=True), ids=peer_cases.name
)
def test_networks_are_matched(case):
  ours = peer_ours.make(case, "jit")
  theirs = MAKERS[peer_cases.peer(case)](case, "eager")
  row = lambda work: {"parameters": work.parameters, "flops": work.flops}
  assert peer_report.is_matched(row(theirs), row(ours))


def test_its_inflation_does_not_start_as_the_image_network():
  found = peer_lumiere_pytorch.numerics()
  assert found["down_of_constant"] == pytest.approx(2, rel=1e-3)
  assert found["every_nth_frame_error"] > 0.1
  assert found["block_error"] == 0
  assert found["norm_over_last_axis"] < 1e-4 < found["norm_over_channels"]
