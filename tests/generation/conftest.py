"""A cascade of fake stages that is compiled once for all tests."""

import fake_stages
import pytest

from lumiere_jax.stages import spread


@pytest.fixture(scope="session")
def cascade():
  """A base and a super-resolution stage."""
  return fake_stages.load(
    fake_stages.make("base", guidance_scale=2.0), fake_stages.make("ssr")
  )


@pytest.fixture(autouse=True)
def nothing_to_spread(monkeypatch):
  """A fake has no network: it works pixel by pixel wherever a clip lies."""
  monkeypatch.setattr(spread, "over", lambda stage, mesh: stage)
