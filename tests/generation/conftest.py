"""A cascade of fake stages that is compiled once for all tests."""

import fake_stages
import pytest


@pytest.fixture(scope="session")
def cascade():
  """A base and a super-resolution stage."""
  return fake_stages.load(
    fake_stages.make("base", guidance_scale=2.0), fake_stages.make("ssr")
  )
