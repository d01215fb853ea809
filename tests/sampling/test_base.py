"""The base sampler puts its parts together in the right order."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import guidance
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import threshold
from lumiere_jax.sampling import base
from lumiere_jax.sampling import loop
from lumiere_jax.sampling import multidiffusion
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import settings
from lumiere_jax.types import Estimate, FrameCondition, Guided

COSINE = schedules.Cosine()
SHAPE = (5, 4, 4, 3)
SETTINGS = settings.SamplerSettings(
  num_steps=3, guidance_scale=4.0, solver="ddpm", threshold=0.9
)


def _keys(num_clips):
  return noise.clip_keys(0, jnp.arange(num_clips))


def _make(toy, **changes):
  return _compiled(toy.denoise, dataclasses.replace(SETTINGS, **changes))


@functools.cache  # compiling is what these tests spend their time on
def _compiled(denoise, changed):
  return jax.jit(base.make(denoise, COSINE, changed, SHAPE))


def test_sampler_is_threshold_of_windows_of_guidance(toy):
  """Written out once more, without the decorators."""
  plan = multidiffusion.WindowPlan(num_frames=5, window=3, overlap=1)
  condition, repeat = toy.condition(2), lambda x: jnp.repeat(x, 2, 0)

  def denoise(noisy, t, condition):
    windows = multidiffusion.split(noisy, plan)
    windows = windows.reshape(-1, *windows.shape[2:])
    positive, negative = (
      toy.denoise(toy.params, windows, repeat(t), c.map(repeat, None))
      for c in (condition.positive, condition.negative)
    )
    merge = lambda x: multidiffusion.merge(x.reshape(2, 2, *x.shape[1:]), plan)
    clean = merge(guidance.combine(positive.clean, negative.clean, 4.0))
    return Estimate(threshold.dynamic(clean, 0.9), merge(positive.variance_mix))

  expected = loop.sample(
    denoise,
    COSINE,
    SETTINGS.make_solver(),
    num_steps=3,
    keys=_keys(2),
    shape=SHAPE,
    condition=condition,
  )
  sample = _make(toy, window=3, overlap=1)
  got = sample(toy.params, _keys(2), condition)
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_same_seed_same_pixels_alone_and_in_a_batch_of_four(toy):
  sample, condition = _make(toy), toy.condition(4)
  batch = sample(toy.params, _keys(4), condition)
  alone = sample(
    toy.params, _keys(4)[2:3], jax.tree.map(lambda x: x[2:3], condition)
  )
  assert batch.shape == (4, *SHAPE)
  assert batch.dtype == jnp.float32
  assert jnp.abs(batch).max() <= 1
  np.testing.assert_allclose(batch[2:3], alone, rtol=1e-5, atol=1e-5)


def test_another_seed_gives_other_pixels(toy):
  sample, condition = _make(toy), toy.condition(1)
  one = sample(toy.params, noise.clip_keys(0, jnp.arange(1)), condition)
  other = sample(toy.params, noise.clip_keys(1, jnp.arange(1)), condition)
  assert jnp.abs(one - other).max() > 0.1


def test_one_window_is_the_whole_clip(toy):
  condition = toy.condition(2)
  whole = _make(toy)(toy.params, _keys(2), condition)
  window = _make(toy, window=5)(toy.params, _keys(2), condition)
  np.testing.assert_allclose(window, whole, rtol=1e-5, atol=1e-5)


def test_without_threshold_estimates_may_leave_the_range(toy):
  sample = _make(toy, threshold=None, guidance_scale=30.0)
  clean = sample(toy.params, _keys(2), toy.condition(2))
  assert jnp.abs(clean).max() > 1


def test_after_a_frame_in_another_light_comes_no_jump_if_asked(toy):
  """Which is what the network paints there anyway, 0.2 brighter."""
  painted = _after(toy, jnp.zeros(SHAPE[1:]), None)[1]
  first = jnp.minimum(painted + 0.2, 1.0)
  clips = [_after(toy, first, stiffness) for stiffness in (None, 400.0)]
  jumps = [float(jnp.abs((clip[1] - clip[0]).mean())) for clip in clips]
  assert jumps[1] < 0.1 < 0.15 < jumps[0]


def test_a_frame_of_something_else_pulls_no_further_than_light_may(toy):
  first = jnp.full(SHAPE[1:], 0.9)  # a full unit from what is painted
  alone, bent = (_after(toy, first, stiffness) for stiffness in (None, 400.0))
  moved = float(jnp.abs(bent[1:] - alone[1:]).mean())
  assert 0.1 < moved < 0.3 < 0.6 < float((0.9 - alone[1:]).mean())


def _after(toy, first, stiffness):
  """[T, H, W, C]: a clip of which this frame [H, W, C] is given."""
  condition = toy.condition(1, given_shape=SHAPE[:3])
  is_first = (jnp.arange(5) == 0)[None, :, None, None, None]
  given = FrameCondition(
    video=jnp.where(is_first, jnp.broadcast_to(first, (1, *SHAPE)), 0),
    known=jnp.broadcast_to(is_first, (1, *SHAPE[:3], 1)).astype(jnp.float32),
  )
  told = lambda one: dataclasses.replace(one, given=given)
  condition = Guided(
    positive=told(condition.positive), negative=told(condition.negative)
  )
  sample = _make(toy, meet_given=stiffness)
  return sample(toy.params, _keys(1), condition)[0]


def test_a_start_is_gone_on_from(toy):
  sample, condition = _make(toy), toy.condition(2)
  clip = jnp.full((2, *SHAPE), 0.5)
  start = loop.start_from(clip, _keys(2), COSINE, 0.7)
  given = sample(toy.params, _keys(2), condition, start)
  fresh = sample(toy.params, _keys(2), condition)
  assert given.shape == fresh.shape
  assert jnp.abs(given - fresh).max() > 1e-3


def test_clip_shorter_than_a_window_is_refused_before_sampling(toy):
  with pytest.raises(errors.ShapeError, match="a window of at most 5"):
    _make(toy, window=8)
