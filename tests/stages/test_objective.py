"""What each stage is told and asked, on networks small enough to look into."""

import dataclasses
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import schedules
from lumiere_jax.stages import objective
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import VideoBatch


@dataclasses.dataclass(frozen=True)
class Spy:
  """A stage that predicts zero and keeps what it was told."""

  name: str = "base"
  prediction: str = "clean"
  schedule: schedules.Schedule = dataclasses.field(
    default_factory=schedules.Cosine
  )
  recipe: dict = dataclasses.field(
    default_factory=lambda: {"data": {"resolution": 8}}, hash=False
  )
  given: bool = False
  hears_silence: bool = False
  told: list = dataclasses.field(default_factory=list, hash=False)

  @property
  def network(self):
    return types.SimpleNamespace(spec=self)

  def encode(self, params, tokens, mask):
    return params * jnp.ones((*tokens.shape, 4)), mask

  def unsaid(self, params):
    if not self.hears_silence:
      return None
    return params * jnp.full((1, 5, 4), 7.0), jnp.ones((1, 5), bool)

  def predict(self, params, noisy, t, condition):
    self.told.append((noisy, t, condition))
    return jnp.zeros(noisy.shape)


def _batch(value=255, frames=4, clips=3):
  return VideoBatch(
    video=jnp.full((clips, frames, 8, 8, 3), value, jnp.uint8),
    tokens=jnp.ones((clips, 5), jnp.int32),
    text_mask=jnp.ones((clips, 5), bool),
  )


def _run(spy, options, batch=None):
  loss_fn = objective.make(spy, options)
  loss, _ = loss_fn(jnp.ones(()), batch or _batch(), jax.random.key(0))
  return float(loss), spy.told[-1]


def test_loss_is_the_distance_to_the_clean_clip():
  # Predicting 0 for white frames, which are +1, costs exactly 1.
  loss, _ = _run(Spy(), dict(weight="uniform"))
  np.testing.assert_allclose(loss, 1.0, rtol=1e-6)


def test_image_stage_sees_each_frame_at_a_time_of_its_own():
  _, (noisy, t, condition) = _run(Spy(name="t2i"), dict(weight="uniform"))
  assert noisy.shape == (12, 1, 8, 8, 3)
  assert condition.text.shape == (12, 5, 4)
  assert len(np.unique(t)) == 12


def test_base_stage_sees_whole_clips():
  _, (noisy, t, _) = _run(Spy(), {})
  assert noisy.shape == (3, 4, 8, 8, 3)
  assert t.shape == (3,)


def test_super_resolution_is_told_a_noised_small_clip():
  _, (noisy, _, condition) = _run(
    Spy(name="ssr"), dict(low_res=4, max_noise_level=0.5)
  )
  assert noisy.shape == (3, 4, 8, 8, 3)
  assert condition.low_res.shape == (3, 4, 4, 4, 3)
  level = np.asarray(condition.noise_level)
  assert ((level >= 0) & (level <= 0.5)).all()
  # White, scaled by alpha of the level, plus noise of its sigma.
  spread = np.asarray(condition.low_res).std(axis=(1, 2, 3, 4))
  want = np.asarray(schedules.Cosine().sigma(level))
  np.testing.assert_allclose(spread, want, rtol=0.2, atol=0.01)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_captions_are_dropped_by_their_share(share):
  _, (_, _, condition) = _run(Spy(), dict(text_dropout=share))
  kept = 0.0 if share else 1.0
  np.testing.assert_array_equal(condition.text, kept)
  assert int(condition.text_mask.sum()) == (3 if share else 15)


def test_learned_variance_head_is_not_asked_for_the_noise():
  class Six(Spy):
    def predict(self, params, noisy, t, condition):
      white = super().predict(params, noisy, t, condition) + 1.0
      return jnp.concatenate([white, 100.0 + white], axis=-1)

  loss_fn = objective.make(Six(), dict(weight="uniform"))
  loss, _ = loss_fn(jnp.ones(()), _batch(), jax.random.key(0))
  np.testing.assert_allclose(loss, 0.0, atol=1e-6)


def test_times_fill_every_stratum():
  t = np.sort(objective.spread_times(jax.random.key(1), 16))
  np.testing.assert_allclose(np.diff(t), 1 / 16, rtol=1e-4)
  assert ((t >= 0) & (t < 1)).all()


def test_shifted_times_are_those_of_more_noise():
  times = lambda **options: _run(Spy(), options, _batch(clips=16))[1][1]
  even = np.asarray(times())
  np.testing.assert_allclose(
    times(time_shift=4.0), 4 * even / (1 + 3 * even), rtol=1e-6
  )


def test_clips_that_are_drawn_together_share_time_and_noise():
  spy = Spy(recipe={"data": {"resolution": 8, "together": 2}})
  black = _batch(value=0, clips=4)
  bright = black.video.at[1::2].set(255)
  batch = dataclasses.replace(black, video=bright)
  _, (noisy, t, _) = _run(spy, None, batch)
  np.testing.assert_array_equal(t[::2], t[1::2])
  assert t[0] != t[2]
  # Clips of -1 and of 1, in the same noise.
  alpha = schedules.Cosine().alpha(t[::2])
  apart = np.asarray(noisy[1::2] - noisy[::2])
  np.testing.assert_allclose(
    apart,
    np.broadcast_to(2 * alpha[:, None, None, None, None], apart.shape),
    atol=1e-5,
  )
  assert np.abs(noisy[0] - noisy[2]).mean() > 0.5


def test_a_share_of_times_is_where_sampling_begins():
  times = lambda **options: _run(Spy(), options, _batch(clips=16))[1][1]
  t = np.sort(times(noise_alone=0.25))
  assert (t[-4:] == 1).all()
  # The others fill what there is below, as evenly as all do without.
  np.testing.assert_allclose(np.diff(t[:12]), 1 / 12, rtol=1e-4)
  assert 0 <= t[0] < 1 / 12
  even = t[:12]
  shifted = np.sort(times(noise_alone=0.25, time_shift=4.0))
  np.testing.assert_allclose(shifted[:12], 4 * even / (1 + 3 * even), rtol=1e-5)
  assert (shifted[-4:] == 1).all()
  np.testing.assert_array_equal(times(noise_alone=1.0), 1.0)


def test_a_batch_that_is_taken_apart_has_nothing_together():
  recipe = {"data": {"together": 2}, "optimizer": {"accumulate": 4}}
  with pytest.raises(errors.ConfigError, match=r"optimizer\.accumulate 4"):
    objective.make(Spy(recipe=recipe))


def test_frames_of_images_are_noised_each_for_itself():
  recipe = {"data": {"resolution": 8, "together": 2}}
  _, (_, t, _) = _run(Spy(name="t2i", recipe=recipe), None, _batch(clips=2))
  assert len({*np.asarray(t).tolist()}) == len(t) == 8


@pytest.mark.parametrize(
  ("spy", "options", "message"),
  [
    (Spy(name="ssr"), {}, "low_res is None in a ssr recipe"),
    (Spy(), dict(low_res=4), "low_res is 4 in a base recipe"),
    (Spy(), dict(text_dropout=1.5), "text_dropout is 1.5"),
    (Spy(), dict(max_noise_level=0.0), "max_noise_level is 0.0"),
    (Spy(), dict(time_shift=0.0), "time_shift is 0.0"),
    (Spy(), dict(noise_alone=1.5), "noise_alone is 1.5; it is a share"),
  ],
)
def test_contradictory_options_are_refused(spy, options, message):
  with pytest.raises(errors.ConfigError, match=message):
    objective.make(spy, options)


def test_stage_names_agree():
  assert {stages.IMAGES, stages.SUPER_RESOLUTION} == {"t2i", "ssr"}


def test_a_conditional_stage_is_given_a_part_of_the_clip():
  spy = Spy(given=True)
  _, (_, _, condition) = _run(spy, dict(given={"first": 1.0}))
  assert condition.given.video.shape == (3, 4, 8, 8, 3)
  np.testing.assert_array_equal(condition.given.known[:, 0], 1.0)
  np.testing.assert_array_equal(condition.given.known[:, 1:], 0.0)
  np.testing.assert_allclose(condition.given.video[:, 0], 1.0)


@pytest.mark.parametrize("is_told", [True, False])
def test_masks_and_the_network_must_agree(is_told):
  given = None if is_told else {"first": 1.0}
  with pytest.raises(errors.ConfigError, match="mixture of masks"):
    objective.make(Spy(given=is_told), dict(given=given))


def test_hidden_captions_are_what_the_stage_says_for_them():
  spy = Spy(hears_silence=True)
  _, (_, _, condition) = _run(spy, {"text_dropout": 1.0})
  np.testing.assert_array_equal(condition.text, np.full((3, 5, 4), 7.0))
  assert condition.text_mask.all()
  _, (_, _, condition) = _run(Spy(), {"text_dropout": 1.0})
  assert not condition.text.any()


def test_the_small_clip_may_be_enlarged_before_it_is_noised():
  options = dict(low_res=4, max_noise_level=1.0, noise_enlarged=True)
  _, (_, _, condition) = _run(Spy(name="ssr"), options)
  assert condition.low_res.shape == (3, 4, 8, 8, 3)
  # Noise of its own at each pixel: no two neighbours are alike.
  assert (np.diff(np.asarray(condition.low_res), axis=2) != 0).all()


def test_frames_of_a_training_clip_share_noise():
  spy = Spy(recipe={"sampling": {"shared_noise": 0.75}})
  batch = VideoBatch(
    video=jnp.zeros((1, 2, 64, 64, 3), jnp.uint8),
    tokens=jnp.ones((1, 5), jnp.int32),
    text_mask=jnp.ones((1, 5), bool),
  )
  _, (noisy, _, _) = _run(spy, dict(shared_noise=0.75), batch)
  one, other = (np.ravel(frame) for frame in noisy[0])
  np.testing.assert_allclose(np.corrcoef(one, other)[0, 1], 0.75, atol=0.03)


def test_frames_of_a_training_clip_share_the_means_of_patches():
  spy = Spy(recipe={"sampling": {"shared_patch": 16}})
  video = jnp.full((1, 2, 64, 64, 3), 127, jnp.uint8)
  batch = VideoBatch(
    video=video,
    tokens=jnp.ones((1, 5), jnp.int32),
    text_mask=jnp.ones((1, 5), bool),
  )
  _, (noisy, _, _) = _run(spy, dict(shared_patch=16), batch)
  one, other = corruption.patch_means(noisy[0], 16)
  assert np.std(one) > 0.01
  np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("field", ["shared_noise", "shared_patch"])
def test_sampling_with_other_noise_than_was_trained_on_is_refused(field):
  value = {"shared_noise": 0.5, "shared_patch": 8}[field]
  with pytest.raises(errors.ConfigError, match=f"{field}.* Give both the same"):
    objective.make(Spy(), {field: value})
