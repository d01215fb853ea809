"""Snow, grey and NaN are no video; what a camera sees is."""

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.generation import guard

SHAPE = (4, 16, 16, 3)


def _smooth(amplitude=0.5):
  """A bright spot that wanders over a dark ground."""
  t, y, x = np.meshgrid(*map(np.arange, SHAPE[:3]), indexing="ij")
  spot = np.exp(-((x - 4 - t) ** 2 + (y - 8) ** 2) / 18)
  return (amplitude * np.stack([spot, spot**2, 1 - spot], -1)).astype("f4")


def _noise():
  return np.random.default_rng(0).normal(size=SHAPE).astype("f4")


def _nan():
  clip = _smooth()
  clip[1, 2, 3, 0] = np.nan
  return clip


def _fade():
  """Every frame is one colour, though another one each time."""
  grey = np.linspace(-1, 1, SHAPE[0])[:, None, None, None]
  return np.broadcast_to(grey, SHAPE).astype("f4")


def _checkerboard():
  return np.where(np.indices(SHAPE).sum(0) % 2, 1.0, -1.0).astype("f4")


def _stripes():
  """Every column has a grey of its own: neighbours agree downwards alone."""
  return np.broadcast_to(0.3 * _noise()[:, :1], SHAPE)


@pytest.mark.parametrize(
  ("clip", "message"),
  [
    (_nan(), r"stage 'base'.*are NaN"),
    (np.full(SHAPE, np.inf, "f4"), r"100.0% of its values"),
    (np.full(SHAPE, 0.1, "f4"), r"frames are flat \(contrast 0.0000"),
    (_fade(), "frames are flat"),
    (0.005 * _noise(), "frames are flat"),
    (_noise(), "frames are pure noise"),
    (np.clip(3 * _noise(), -1, 1), "frames are pure noise"),
  ],
  ids=["nan", "inf", "grey", "fade", "faint", "noise", "clipped noise"],
)
def test_no_video_is_refused_by_stage(clip, message):
  with pytest.raises(errors.QualityError, match=message):
    guard.check("base", clip[None])


@pytest.mark.parametrize(
  "clip",
  [
    _smooth(),
    _smooth(0.05),
    _smooth(0.2) + 0.05 * _noise(),
    _checkerboard(),
    _stripes(),
  ],
  ids=["smooth", "dim", "grainy", "checkerboard", "stripes"],
)
def test_video_passes(clip):
  guard.check("base", clip[None])


def test_the_one_bad_clip_of_a_batch_is_named():
  with pytest.raises(errors.QualityError, match=r"no video \(clip 1\)"):
    guard.check("ssr", np.stack([_smooth(), _noise(), _smooth()]))


def test_half_noise_correlates_half_as_much():
  # Neighbours of the smooth clip correlate r; adding independent noise of the
  # same variance leaves r / 2.
  clip = _smooth()
  clip -= clip.mean((1, 2), keepdims=True)
  noisy = clip + clip.std() * _noise()
  whole, half = guard.measure(clip), guard.measure(noisy)
  assert half.correlation == pytest.approx(whole.correlation / 2, abs=0.08)
