"""Resamplers are exact frame and pixel pickers until they are trained."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.nn import conv
from lumiere_jax.nn import resample

LAYOUTS = [pytest.param(name, id=name) for name in conv.LAYOUTS]


def _clip(frames=8):
  return jax.random.normal(jax.random.key(0), (2, frames, 4, 6, 3))


def _run(module, x):
  params = nn.unbox(module.init(jax.random.key(0), x))
  return module.apply(params, x)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("factor", [2, 4])
def test_downsampling_starts_by_picking_frames_0_n_2n(layout, factor):
  got = _run(resample.TemporalDownsample(factor, layout), _clip())
  np.testing.assert_array_equal(got, _clip()[:, ::factor])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("factor", [2, 4])
def test_upsampling_starts_by_repeating_frames(layout, factor):
  got = _run(resample.TemporalUpsample(factor, layout), _clip())
  np.testing.assert_array_equal(got, jnp.repeat(_clip(), factor, axis=1))


@pytest.mark.parametrize(
  "resampler",
  [
    pytest.param(
      lambda x: _run(resample.TemporalDownsample(), x), id="temporal_down"
    ),
    pytest.param(
      lambda x: _run(resample.TemporalUpsample(), x), id="temporal_up"
    ),
    pytest.param(resample.average_pool, id="average_pool"),
    pytest.param(resample.repeat_pixels, id="repeat_pixels"),
  ],
)
def test_constant_in_constant_out(resampler):
  got = resampler(jnp.full((1, 8, 4, 4, 3), 0.7))
  np.testing.assert_allclose(got, 0.7, rtol=1e-6)


def test_pool_undoes_repetition():
  clip = _clip()
  np.testing.assert_allclose(
    resample.average_pool(resample.repeat_pixels(clip)), clip, rtol=1e-6
  )


def test_odd_number_of_frames_is_refused():
  with pytest.raises(errors.ShapeError, match=r"number of frames is 7.*6 or 8"):
    _run(resample.TemporalDownsample(), _clip(7))


def test_layouts_compute_the_same_convolution():
  kernel = jax.random.normal(jax.random.key(1), (3, 3, 5))
  rows = conv.convolve_frames(_clip(), kernel, "rows")
  plane = conv.convolve_frames(_clip(), kernel, "plane")
  np.testing.assert_allclose(rows, plane, rtol=1e-5, atol=1e-6)


def test_temporal_convolution_by_hand():
  clip = jnp.array([1.0, 10.0, 100.0]).reshape(1, 3, 1, 1, 1)
  kernel = jnp.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
  got = conv.convolve_frames(clip, kernel, "rows").ravel()
  np.testing.assert_allclose(got, [2 + 30, 1 + 20 + 300, 10 + 200])


def test_unknown_layout_is_refused():
  with pytest.raises(errors.ConfigError, match="layout is 'row'"):
    _run(conv.TemporalConv(3, layout="row"), _clip())


def test_spatial_convolution_never_mixes_frames():
  module = conv.SpatialConv(4)
  params = module.init(jax.random.key(0), _clip())
  out = module.apply(params, _clip())
  moved = module.apply(params, _clip().at[:, 3].add(1.0))
  changed = np.abs(out - moved).max(axis=(0, 2, 3, 4)) > 0
  np.testing.assert_array_equal(changed, np.arange(8) == 3)
