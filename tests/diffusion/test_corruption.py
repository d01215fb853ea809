"""Adding noise, and giving per-clip numbers their axes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.video import resize


def test_each_clip_gets_its_own_alpha_and_sigma():
  clean, noise = jnp.ones((2, 1, 1, 1, 3)), jnp.full((2, 1, 1, 1, 3), 10.0)
  noisy = corruption.add_noise(
    clean, noise, jnp.array([1.0, 2.0]), jnp.array([0.0, 0.5])
  )
  np.testing.assert_array_equal(noisy[:, 0, 0, 0, 0], [1.0, 7.0])


def test_expand_appends_axes_only_where_they_are_missing():
  like = jnp.zeros((2, 4, 3))
  assert corruption.expand(jnp.zeros(2), like).shape == (2, 1, 1)
  assert corruption.expand(jnp.zeros((2, 1, 1)), like).shape == (2, 1, 1)
  assert corruption.expand(0.5, like).shape == ()


def test_expand_refuses_more_axes_than_there_are():
  with pytest.raises(errors.ShapeError, match=r"of shape \[B\]"):
    corruption.expand(jnp.zeros((2, 1)), jnp.zeros(2))


def test_augmentation_keeps_unit_variance_and_level_zero_is_the_clip():
  low_res = jax.random.normal(jax.random.key(0), (2, 4, 16, 16, 3))
  noise = jax.random.normal(jax.random.key(1), low_res.shape)
  augmented = corruption.augment(low_res, noise, jnp.array([0.0, 0.3]))
  np.testing.assert_allclose(augmented[0], low_res[0], atol=3e-4)
  np.testing.assert_allclose(jnp.std(augmented[1]), 1, rtol=0.05)
  expected = np.cos(0.15 * np.pi) * low_res[1] + np.sin(0.15 * np.pi) * noise[1]
  np.testing.assert_allclose(augmented[1], expected, rtol=1e-5, atol=1e-5)


def test_a_clip_is_enlarged_with_corners_on_corners():
  video = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 3))
  found = corruption.enlarge(jnp.asarray(video, jnp.float32), 10, 17)
  rows, columns = np.linspace(0, 3, 10), np.linspace(0, 4, 17)
  along = lambda x, places, axis: np.apply_along_axis(
    lambda line: np.interp(places, np.arange(len(line)), line), axis, x
  )
  wanted = along(along(video, rows, 2), columns, 3)
  np.testing.assert_allclose(found, wanted, atol=1e-5)


def correlation(some, other):
  return np.corrcoef(np.ravel(some), np.ravel(other))[0, 1]


def two_parts():
  keys = jax.random.split(jax.random.key(0))
  own = jax.random.normal(keys[0], (2, 64, 64, 1))
  return own, jax.random.normal(keys[1], (1, 64, 64, 1))


def test_frames_share_as_much_of_their_noise_as_is_said():
  mixed = corruption.Shared(0.75).mix(*two_parts())
  np.testing.assert_allclose(mixed.std(), 1, atol=0.03)
  np.testing.assert_allclose(correlation(*mixed), 0.75, atol=0.03)


def test_frames_share_the_means_of_patches_and_of_the_rest_what_is_said():
  mixed = corruption.Shared(0.75, patch=4).mix(*two_parts())
  np.testing.assert_allclose(mixed.std((1, 2, 3)), 1, atol=0.03)
  means = corruption.patch_means(mixed, 4)
  np.testing.assert_allclose(means[0], means[1], atol=1e-6)
  # Of white noise the means of 16 pixels have a 16th of the variance.
  np.testing.assert_allclose(means.var(), 1 / 16, rtol=0.15)
  np.testing.assert_allclose(correlation(*(mixed - means)), 0.75, atol=0.03)


def test_patches_by_hand():
  row = jnp.array([1.0, 3.0, 10.0, 30.0])
  frame = jnp.stack([row, row + 2])[..., None]
  means = corruption.patch_means(frame, 2)
  np.testing.assert_array_equal(means[..., 0], [[3, 3, 21, 21]] * 2)
  own, common = jnp.zeros((3, *frame.shape)), frame[None]
  # Nothing but the means is shared: a frame of its own without noise has them.
  mixed = corruption.Shared(0.0, patch=2).mix(own, common)
  np.testing.assert_array_equal(mixed, jnp.broadcast_to(means, mixed.shape))


def test_nothing_shared_is_each_frames_own_noise():
  own, common = jnp.arange(6.0).reshape(2, 1, 1, 3), jnp.ones((1, 1, 1, 3))
  np.testing.assert_array_equal(corruption.Shared().mix(own, common), own)
  assert not corruption.Shared()
  assert corruption.Shared(patch=2)


def test_all_shared_is_one_noise_of_all_frames():
  own, common = jnp.arange(6.0).reshape(2, 1, 1, 3), jnp.ones((1, 1, 1, 3))
  mixed = corruption.Shared(1.0).mix(own, common)
  np.testing.assert_array_equal(mixed, jnp.ones_like(own))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_that_is_none_is_refused(share):
  with pytest.raises(errors.ConfigError, match="at least 0 and at most 1"):
    corruption.Shared(share)


def test_patches_that_cannot_be_are_refused():
  with pytest.raises(errors.ConfigError, match="at least 2"):
    corruption.Shared(patch=1)
  with pytest.raises(errors.ShapeError, match="frame height"):
    corruption.Shared(patch=3).mix(*two_parts())


def test_shrinking_takes_means_over_areas():
  video = jnp.arange(24.0).reshape(1, 1, 4, 6, 1)
  shrunk = corruption.shrink(video, 2, 2)
  np.testing.assert_array_equal(shrunk[0, 0, ..., 0], [[4, 7], [16, 19]])
  frames = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
  as_read = resize.resize(frames, 2, 2).astype(int)
  ours = corruption.shrink(jnp.float32(frames)[None], 2, 2)[0]
  np.testing.assert_allclose(ours, as_read, atol=1)


def test_areas_of_parts_of_pixels_are_refused():
  video = jnp.zeros((1, 1, 4, 6, 3))
  with pytest.raises(errors.ShapeError, match="frame width is 6"):
    corruption.shrink(video, 2, 4)
