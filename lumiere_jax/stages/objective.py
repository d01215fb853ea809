"""What each stage is trained to do, as a pure loss function.

Every stage predicts its parameterization's target from a noisy clip.  They
differ in what a clip is: the image network sees frames, each at its own
diffusion time; the base sees whole clips; the super-resolution network sees
windows of frames beside their own low-resolution version, itself noised by a
random amount so that it learns not to trust it (Imagen's noise augmentation).
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import loss as losses
from lumiere_jax.diffusion import schedules
from lumiere_jax.diffusion import weights
from lumiere_jax.stages import masks
from lumiere_jax.stages import stage as stages
from lumiere_jax.text import null
from lumiere_jax.types import Array, Condition, Metrics, Params, VideoBatch

_GIVEN = 1  # what the key of masks is made with
_COMMON = 1  # and that of noise which frames share

# (params, batch, key) -> (scalar loss, scalars to log)
LossFn = Callable[[Params, Any, Array], tuple[Array, Metrics]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
  """The part of a recipe's diffusion section that only training reads.

  Attributes:
    weight: loss weight, "uniform", "min_snr" or "velocity".
    time_shift: how many more of the times are of high noise; see
      `schedules.shift_times`.
    noise_alone: share of the times that are 1 itself, where sampling begins
      and the caption alone says what there is.
    text_dropout: share of clips whose caption is hidden, for guidance.
    low_res: side of the low-resolution clip, in pixels per `data.resolution`
      pixels; None outside super-resolution.
    max_noise_level: noise augmentation is uniform from 0 to this time.
    noise_enlarged: whether the low-resolution clip is enlarged before it is
      noised, as DeepFloyd IF's upsamplers were trained, not after.
    shared_noise: share of noise that frames have in common; see
      `corruption.Shared`.  A recipe's sampling section must say the same.
    shared_patch: side of patches whose mean noise they have in common;
      likewise.
    given: kind of mask -> how often, of a network that is told pixels; see
      `masks`. None of one that is not.
  """

  weight: str = "min_snr"
  time_shift: float = 1.0
  noise_alone: float = 0.0
  text_dropout: float = 0.1
  low_res: int | None = None
  max_noise_level: float = 1.0
  noise_enlarged: bool = False
  shared_noise: float = 0.0
  shared_patch: int | None = None
  given: Mapping[str, float] | None = None

  @property
  def shared(self) -> corruption.Shared:
    """What the noise of frames has in common."""
    return corruption.Shared(self.shared_noise, self.shared_patch)

  def __post_init__(self):
    for name in ("text_dropout", "noise_alone"):
      if not 0 <= getattr(self, name) <= 1:
        raise errors.ConfigError(
          f"{name} is {getattr(self, name)}; it is a share, from 0 to 1."
        )
    if not 0 < self.max_noise_level <= 1:
      raise errors.ConfigError(
        f"max_noise_level is {self.max_noise_level}; it is a diffusion time "
        "above 0 and at most 1."
      )
    corruption.Shared(self.shared_noise, self.shared_patch)  # or refused
    schedules.require_shift(self.time_shift)
    if self.given is not None:
      masks.check(self.given)


def to_float(video: Array) -> Array:
  """uint8 in [0, 255] -> float32 in [-1, 1]."""
  return video.astype(jnp.float32) / 127.5 - 1.0


def spread_times(key: Array, count: int) -> Array:
  """[count] diffusion times, one uniform in each of `count` equal strata.

  All clips share one offset, so a small batch covers all noise levels and the
  loss varies less from step to step (Kingma et al. 2021, appendix I.1).
  """
  offset, order = jax.random.split(key)
  strata = jax.random.permutation(order, jnp.arange(count))
  return (jax.random.uniform(offset) + strata) / count % 1.0


def draw_times(key: Array, count: int, options: Options) -> Array:
  """[count] diffusion times: `noise_alone` of them 1, the others spread."""
  even = spread_times(key, count)
  seen = 1 - options.noise_alone
  within = jnp.where(even < seen, even / seen, 1.0)
  return schedules.shift_times(within, options.time_shift)


def draw_noise(
  key: Array,
  shape: tuple[int, int, int, int, int],
  shared: corruption.Shared,
) -> Array:
  """Standard normal noise of clips.

  Args:
    key: one key.
    shape: (B, T, H, W, C).
    shared: what frames of a clip have in common.

  Returns:
    [B, T, H, W, C] float32.
  """
  own = jax.random.normal(key, shape)
  if not shared:
    return own
  one = (shape[0], 1, *shape[2:])
  common = jax.random.normal(jax.random.fold_in(key, _COMMON), one)
  return shared.mix(own, common)


def frames_as_clips(batch: VideoBatch) -> VideoBatch:
  """Makes each frame a clip of its own: [B, T, ...] -> [B.T, 1, ...]."""
  frames = batch.video.shape[1]
  repeat = lambda x: None if x is None else jnp.repeat(x, frames, axis=0)
  return VideoBatch(
    video=batch.video.reshape(-1, 1, *batch.video.shape[2:]),
    tokens=repeat(batch.tokens),
    text_mask=repeat(batch.text_mask),
    embedding=repeat(batch.embedding),
  )


def make(stage: stages.Stage, options: Mapping | None = None) -> LossFn:
  """Returns the loss function of a stage; `options` as in `Options`."""
  options = Options(**(options or {}))
  weight = weights.build(options.weight)
  is_ssr = stage.name == stages.SUPER_RESOLUTION
  if is_ssr != (options.low_res is not None):
    raise errors.ConfigError(
      f"diffusion.low_res is {options.low_res} in a {stage.name} recipe; "
      "super-resolution needs it and no other stage takes it."
    )

  _require_sampled_alike(stage, options)
  is_told = stage.network.spec.given
  if is_told != (options.given is not None):
    raise errors.ConfigError(
      f"diffusion.given is {options.given} and model.given {is_told}; a "
      "network that is told pixels needs a mixture of masks, and no other "
      "takes one."
    )

  together = _together(stage)

  def loss_fn(params, batch, key):
    if batch.embedding is None:
      # Once a caption, before frames become clips.
      text, mask = stage.encode(params, batch.tokens, batch.text_mask)
      batch = dataclasses.replace(batch, embedding=text, text_mask=mask)
    if stage.name == stages.IMAGES:
      batch = frames_as_clips(batch)
    clean = to_float(batch.video)
    keys = jax.random.split(key, 5)
    t = draw_times(keys[0], clean.shape[0] // together, options)
    t = jnp.repeat(t, together)
    shape = (clean.shape[0] // together, *clean.shape[1:])
    noise = draw_noise(keys[1], shape, options.shared)
    noise = jnp.repeat(noise, together, axis=0)
    alpha, sigma = stage.schedule.alpha(t), stage.schedule.sigma(t)
    unsaid = stage.unsaid(params) if options.text_dropout else None
    condition = told(stage, options, batch, clean, keys[2:], unsaid)
    if options.given is not None:
      given = masks.give(jax.random.fold_in(key, _GIVEN), clean, options.given)
      condition = dataclasses.replace(condition, given=given)
    prediction = stage.predict(
      params, corruption.add_noise(clean, noise, alpha, sigma), t, condition
    )
    # With learned variance the mean alone is trained: the variance head of a
    # frozen image network stays what it was.
    per_clip = losses.denoising_loss(
      stage.prediction,
      prediction[..., :3],
      clean,
      noise,
      alpha,
      sigma,
      stage.schedule.logsnr(t),
      weight,
    )
    return jnp.mean(per_clip), {"t": jnp.mean(t)}

  return loss_fn


def _require_sampled_alike(stage: stages.Stage, options: Options) -> None:
  """Refuses a recipe that samples with other noise than it trains on."""
  sampling = stage.recipe.get("sampling") or {}
  for name in ("shared_noise", "shared_patch"):
    trained = getattr(options, name)
    sampled = sampling.get(name, getattr(Options, name))
    if sampled != trained:
      raise errors.ConfigError(
        f"diffusion.{name} is {trained} and sampling.{name} {sampled}; a "
        "network is to be sampled with the noise that it is trained on. Give "
        "both the same."
      )


def _together(stage: stages.Stage) -> int:
  """How many clips, one after the other, share diffusion time and noise."""
  recipe = stage.recipe
  together = (recipe.get("data") or {}).get("together", 1)
  parts = (recipe.get("optimizer") or {}).get("accumulate", 1)
  if together > 1 and parts > 1:
    raise errors.ConfigError(
      f"data.together is {together} and optimizer.accumulate {parts}, which "
      "takes a batch apart, and those that belong together with it; give one "
      "of them as 1."
    )
  # An image network sees frames of clips, each for itself.
  return 1 if stage.name == stages.IMAGES else together


def told(
  stage: stages.Stage,
  options: Options,
  batch: VideoBatch,
  clean: Array,
  keys: Array,
  unsaid: tuple[Array, Array] | None = None,
) -> Condition:
  """What the network is told about the clips of a training batch.

  Args:
    stage: the stage.
    options: the objective's.
    batch: with its `embedding`.
    clean: [B, T, H, W, 3] float32 in [-1, 1].
    keys: three keys: caption dropout, noise level, noise of the low-res clip.
    unsaid: what stands for a caption that is hidden; see `text.null.drop`.
  """
  dropped = jax.random.uniform(keys[0], clean.shape[:1]) < options.text_dropout
  text, mask = null.drop(batch.embedding, batch.text_mask, dropped, unsaid)
  if options.low_res is None:
    return Condition(text=text, text_mask=mask)
  factor = stage.recipe["data"]["resolution"] // options.low_res
  low_res = corruption.shrink(
    clean, *(side // factor for side in clean.shape[2:4])
  )
  if options.noise_enlarged:
    low_res = corruption.enlarge(low_res, *clean.shape[2:4])
  level = options.max_noise_level * spread_times(keys[1], clean.shape[0])
  noise = draw_noise(keys[2], low_res.shape, options.shared)
  # The same function as sampling calls, whatever the stage's own schedule.
  low_res = corruption.augment(low_res, noise, level)
  return Condition(
    text=text, text_mask=mask, low_res=low_res, noise_level=level
  )
