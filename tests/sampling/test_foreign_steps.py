"""Our samplers against kept answers of diffusers' schedulers."""

import foreign_steps
import golden_peers
import pytest


@pytest.mark.parametrize("name", foreign_steps.CASES)
def test_steps_are_those_of_diffusers(name):
  _, found = foreign_steps.run(foreign_steps.CASES[name])
  want = golden_peers.load("steps")[name]
  error = foreign_steps.largest_error(foreign_steps.thin(found), want)
  # Each step is within 1e-5; a thousand of them add up.
  assert error <= (5e-5 if name == "ddpm_all" else 1e-5)
