"""Windows that disagree show, and averaging them hides it."""

import fake_stages
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.evaluation import windows
from lumiere_jax.generation import request as requests

REQUEST = requests.Request(
  prompt="a ball", num_frames=32, overlap=2, noise_level=0.0, guard=False
)


@pytest.fixture(scope="module")
def cascade():
  return fake_stages.load(fake_stages.make("base"), fake_stages.make("ssr"))


@pytest.fixture(scope="module")
def found(cascade):
  return windows.compare(cascade, REQUEST)


def test_windows_apart_jump_and_averaged_ones_do_less(found):
  # The fake tints each window by the mean of the noise it sees.
  assert found["separate"].ratio > 1.5
  assert found["shared noise"].ratio > 1.5
  assert found["multidiffusion"].ratio < 0.8 * found["shared noise"].ratio


def test_borders_are_those_of_the_plan(found):
  every_fourth = np.arange(3, 31, 4).tolist()
  for name in ("separate", "shared noise"):
    assert np.flatnonzero(found[name].borders).tolist() == every_fourth
  # Windows of 4 at 0, 2, 4, ...: the set of windows changes at 1|2, 3|4, ...
  averaged = np.flatnonzero(found["multidiffusion"].borders).tolist()
  assert averaged == np.arange(1, 31, 2).tolist()


def test_a_clip_that_is_no_video_is_refused():
  flat = fake_stages.load(
    fake_stages.make("base"), fake_stages.make("ssr"), gain=0.0
  )
  with pytest.raises(errors.QualityError, match=r"'base' painted no video"):
    windows.compare(flat, requests.Request(prompt="a ball"))
