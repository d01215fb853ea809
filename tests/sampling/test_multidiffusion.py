"""Windowed denoising must be invisible whenever it can be."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.sampling import multidiffusion
from lumiere_jax.types import Condition, Estimate

F32 = dict(rtol=1e-6, atol=1e-6)  # one add and one divide in float32

PLANS = [
  pytest.param(dict(num_frames=11, window=4, overlap=1), id="clamped"),
  pytest.param(dict(num_frames=80, window=8, overlap=2), id="lumiere"),
]
KINDS_OF_WINDOW = [(1, 0), (2, 1), (3, 2), (4, 0), (5, 2), (8, 2), (8, 7)]


def _clip(num_frames):
  return jax.random.normal(jax.random.key(0), (2, num_frames, 2, 2, 3))


def _condition(num_clips, low_res=None):
  text = jnp.arange(1.0, 1 + num_clips)[:, None, None]
  mask = jnp.ones((num_clips, 1), bool)
  level = None if low_res is None else jnp.full(num_clips, 0.1)
  return Condition(
    text=text, text_mask=mask, low_res=low_res, noise_level=level
  )


def _framewise(noisy, t, condition):
  """Uses all it is told, frame by frame, differently for each clip."""
  column = lambda x: x[:, None, None, None, None]
  clean = jnp.tanh(noisy) * column(t) + condition.low_res
  return Estimate(
    clean + column(condition.text[:, 0, 0]), jax.nn.sigmoid(noisy)
  )


@pytest.mark.parametrize(("window", "overlap"), KINDS_OF_WINDOW)
def test_windows_cover_clips_of_any_length(window, overlap):
  for num_frames in range(window, 41):
    plan = multidiffusion.WindowPlan(
      num_frames=num_frames, window=window, overlap=overlap
    )
    frames = plan.frames
    assert frames.shape[1] == window
    np.testing.assert_array_equal(np.unique(frames), np.arange(num_frames))
    assert np.all(np.diff(frames, axis=1) == 1)
    assert plan.coverage.min() >= 1
    assert plan.coverage.sum() == frames.size
    # Neighbours share `overlap` frames; only the last two may share more.
    shared = window - np.diff(frames[:, 0])
    assert np.all(shared[:-1] == overlap)
    assert np.all(shared >= overlap)
    assert np.all(shared < window)
    # Merging what was split is the identity; in float64 numbers it is exact.
    clip = np.arange(num_frames)[None, :, None]
    merged = np.zeros(num_frames)
    np.add.at(merged, frames, clip[0, frames, 0])
    np.testing.assert_array_equal(merged / plan.coverage, clip[0, :, 0])


def test_eighty_frames_in_windows_of_eight_are_thirteen():
  plan = multidiffusion.WindowPlan(num_frames=80, window=8, overlap=2)
  assert len(plan.frames) == 13
  assert plan.coverage.max() == 2


@pytest.mark.parametrize("kwargs", PLANS)
def test_merge_undoes_split(kwargs):
  plan = multidiffusion.WindowPlan(**kwargs)
  clip = _clip(plan.num_frames)
  restored = multidiffusion.merge(multidiffusion.split(clip, plan), plan)
  chex.assert_trees_all_close(restored, clip, **F32)


@pytest.mark.parametrize(
  ("num_frames", "windows_per_call"),
  [
    pytest.param(10, None, id="exact"),
    pytest.param(11, None, id="clamped"),
    pytest.param(11, 3, id="clamped_in_threes"),
    pytest.param(4, 1, id="single_window"),
  ],
)
def test_framewise_denoiser_gives_same_clip_windowed_or_whole(
  num_frames, windows_per_call
):
  plan = multidiffusion.WindowPlan(num_frames=num_frames, window=4, overlap=1)
  clip, t = _clip(plan.num_frames), jnp.array([0.3, 0.7])
  condition = _condition(2, low_res=2 * clip)
  windowed = multidiffusion.windowed(
    _framewise, plan, windows_per_call=windows_per_call
  )
  chex.assert_trees_all_close(
    windowed(clip, t, condition), _framewise(clip, t, condition), **F32
  )


def test_windowed_is_split_denoise_merge():
  """With a denoiser that does look across the frames of its window."""
  plan = multidiffusion.WindowPlan(num_frames=11, window=4, overlap=1)
  clip = _clip(11)
  denoise = lambda noisy, t, condition: Estimate(
    jnp.cumsum(noisy, axis=1) * condition.text[..., None, None]
  )
  got = multidiffusion.windowed(denoise, plan)(
    clip, jnp.zeros(2), _condition(2)
  )
  windows = jnp.cumsum(multidiffusion.split(clip, plan), axis=2)
  expected = multidiffusion.merge(windows, plan)
  expected *= jnp.array([1.0, 2.0])[:, None, None, None, None]
  assert got.variance_mix is None
  chex.assert_trees_all_close(got.clean, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("windows_per_call", [1, 2, 3, 7, 100])
def test_no_call_has_more_windows_than_allowed(windows_per_call):
  plan = multidiffusion.WindowPlan(num_frames=30, window=4, overlap=2)
  seen = []

  def denoise(noisy, t, condition):
    seen.append(noisy.shape[:2])
    return Estimate(noisy)

  windowed = multidiffusion.windowed(
    denoise, plan, windows_per_call=windows_per_call
  )
  jax.eval_shape(windowed, _clip(30), jnp.zeros(2), _condition(2))
  assert all(frames == 4 for _, frames in seen)
  assert max(windows for windows, _ in seen) <= windows_per_call


@pytest.mark.parametrize("num_devices", [1, 3, 8])
@pytest.mark.parametrize("windows_per_call", [None, 1, 4])
@pytest.mark.parametrize("num_clips", [1, 3])
def test_every_window_of_every_clip_is_dealt_out_once(
  num_clips, windows_per_call, num_devices
):
  plan = multidiffusion.WindowPlan(num_frames=11, window=4, overlap=1)
  jobs = plan.jobs(
    num_clips, num_devices=num_devices, windows_per_call=windows_per_call
  )
  assert jobs.clip.shape[0] == num_devices
  assert jobs.clip.shape[2] <= (windows_per_call or 100)
  real = jobs.weight == 1
  assert np.all(jobs.weight[~real] == 0)
  dealt = list(zip(jobs.clip[real], map(tuple, jobs.frames[real]), strict=True))
  assert len(dealt) == len(set(dealt)) == num_clips * len(plan.frames)


def test_overlap_is_the_mean_of_its_windows():
  plan = multidiffusion.WindowPlan(num_frames=10, window=4, overlap=1)
  votes = jnp.tile(jnp.arange(3.0)[None, :, None], 4)  # window n says n
  np.testing.assert_allclose(
    multidiffusion.merge(votes, plan)[0], [0, 0, 0, 0.5, 1, 1, 1.5, 2, 2, 2]
  )


def test_bfloat16_estimates_are_averaged_in_float32():
  # 17 votes for 1.890625 sum to 32.14, which bfloat16 rounds to 32.25: a mean
  # taken in bfloat16 would come back as 1.898.
  plan = multidiffusion.WindowPlan(num_frames=80, window=64, overlap=63)
  assert plan.coverage.max() == 17
  clip = jnp.full((1, 80, 1, 1, 1), 1.890625, jnp.bfloat16)
  merged = multidiffusion.merge(multidiffusion.split(clip, plan), plan)
  assert merged.dtype == jnp.float32
  np.testing.assert_array_equal(merged, clip)
  windowed = multidiffusion.windowed(lambda noisy, t, c: Estimate(noisy), plan)
  estimate = windowed(clip, jnp.zeros(1), _condition(1))
  np.testing.assert_array_equal(estimate.clean, clip)


def test_clip_shorter_than_a_window_is_refused_with_a_way_out():
  with pytest.raises(errors.ShapeError, match="a window of at most 5"):
    multidiffusion.WindowPlan(num_frames=5, window=8, overlap=2)


def test_overlap_of_a_whole_window_is_refused():
  with pytest.raises(errors.ShapeError, match="Nearest: 3"):
    multidiffusion.WindowPlan(num_frames=12, window=4, overlap=4)
