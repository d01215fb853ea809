"""Sampling of spatial super-resolution: as the base, told a smaller clip.

The small clip is noised before the network sees it, and the network is told by
how much (Imagen, section 2.3): the flaws that the base leaves are then within
what training showed.  The noise is one tensor for the whole clip, drawn before
the windows are cut, so that two windows see a shared frame alike.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.diffusion import corruption
from lumiere_jax.diffusion import schedules
from lumiere_jax.sampling import base
from lumiere_jax.sampling import loop
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import settings as sampler_settings
from lumiere_jax.types import (
  Array,
  Condition,
  Guided,
  ParametricDenoiser,
  Params,
)


def make(
  denoise: ParametricDenoiser,
  schedule: schedules.Schedule,
  settings: sampler_settings.SamplerSettings,
  shape: tuple[int, int, int, int],
  **options,
) -> base.Sampler:
  """Makes a sampler; see `base.make` for arguments and result.

  The condition's `low_res` must be the clean small clip, [B, T, h, w, 3] in
  [-1, 1]; the sampler noises it and sets `noise_level`.  Of a `Guided` only the
  positive one's is used, for both.  Resizing it is the network's business.

  Its noise is independent of the base's even for the same keys.
  """
  sample_clip = base.make(denoise, schedule, settings, shape, **options)

  def sample(
    params: Params,
    keys: Array,
    condition: Any,
    start: loop.Start | None = None,
  ) -> Array:
    noise.require_keys(keys)
    keys = noise.for_ssr(keys)
    clean = _low_res(condition, shape[0])
    condition = _noise_low_res(condition, clean, keys, settings, shape)
    kept = clean if settings.keep_low_res else None
    return sample_clip(params, keys, condition, start, kept)

  return sample


def _low_res(condition: Guided | Condition, num_frames: int) -> Array:
  """The small clip of a condition, or of the positive one of a pair."""
  is_guided = isinstance(condition, Guided)
  clean = (condition.positive if is_guided else condition).low_res
  if clean is None or clean.shape[1] != num_frames:
    found = "is missing" if clean is None else f"has {clean.shape[1]} frames"
    raise errors.ShapeError(
      f"low-resolution clip {found}; super-resolution needs one of the "
      f"{num_frames} frames it shall make. Set Condition.low_res to the clip "
      "of the base stage."
    )
  return clean


def _noise_low_res(
  condition: Guided | Condition,
  clean: Array,
  keys: Array,
  settings: sampler_settings.SamplerSettings,
  shape: tuple[int, int, int, int],
) -> Guided | Condition:
  """Noises the small clip, the same for both conditions of a pair."""
  if settings.noise_enlarged:
    clean = corruption.enlarge(clean, *shape[1:3])
  levels = jnp.full(keys.shape, settings.noise_level, jnp.float32)
  drawn = noise.low_res(keys, clean.shape[1:], settings.shared)
  noisy = corruption.augment(clean, drawn, levels)
  on = lambda c: dataclasses.replace(c, low_res=noisy, noise_level=levels)
  if not isinstance(condition, Guided):
    return on(condition)
  return Guided(
    positive=on(condition.positive), negative=on(condition.negative)
  )
