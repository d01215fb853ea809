"""A small network of plain convolutions, and conditions for it."""

import types

import jax
import jax.numpy as jnp
import pytest

from lumiere_jax.diffusion import corruption
from lumiere_jax.types import Condition, Estimate, FrameCondition, Guided

CHANNELS, TEXT = 8, 5


def _conv(x, kernel):
  return jax.lax.conv_general_dilated(
    x, kernel, (1, 1, 1), "SAME", dimension_numbers=("NTHWC", "THWIO", "NTHWC")
  )


def _denoise(params, noisy, t, condition):
  """A network that mixes space, time, text, low-resolution clip and levels."""
  over = lambda x: corruption.expand(x, noisy)
  hidden = _conv(noisy, params["inward"])
  if condition.low_res is not None:
    size = noisy.shape[2] // condition.low_res.shape[2]
    low_res = jnp.repeat(jnp.repeat(condition.low_res, size, 2), size, 3)
    hidden += _conv(low_res, params["low_res"])
    hidden += over(condition.noise_level)
  if condition.given is not None:
    hidden += jnp.repeat(condition.given.known, CHANNELS, -1)
    hidden += jnp.sum(condition.given.video, -1, keepdims=True)
  mask = condition.text_mask[..., None]
  text = jnp.sum(condition.text * mask, 1) @ params["text"]
  hidden = jnp.tanh(hidden + over(t) + text[:, None, None, None, :])
  outward = _conv(hidden, params["outward"])
  return Estimate(
    clean=1.5 * outward[..., :3], variance_mix=jax.nn.sigmoid(outward[..., 3:])
  )


def _params():
  shapes = {
    "inward": (3, 3, 3, 3, CHANNELS),
    "low_res": (1, 3, 3, 3, CHANNELS),
    "outward": (3, 1, 1, CHANNELS, 6),
    "text": (TEXT, CHANNELS),
  }
  keys = jax.random.split(jax.random.key(5), len(shapes))
  return {
    name: 0.3 * jax.random.normal(key, shape)
    for key, (name, shape) in zip(keys, shapes.items(), strict=True)
  }


def _given(num_clips, shape):
  """Other frames and other pixels of each clip."""
  keys = jax.random.split(jax.random.key(11))
  known = jax.random.uniform(keys[0], (num_clips, *shape, 1)) < 0.4
  video = jax.random.uniform(keys[1], (num_clips, *shape, 3), minval=-1)
  known = known.astype(jnp.float32)
  return FrameCondition(video=video * known, known=known)


def _condition(num_clips, *, low_res_shape=None, given_shape=None, seed=0):
  """Guided by prompts that differ from clip to clip."""
  positive, negative, low_res = jax.random.split(jax.random.key(seed), 3)
  text = lambda key: jax.random.normal(key, (num_clips, 4, TEXT))
  mask = jnp.arange(4) < 1 + jnp.arange(num_clips)[:, None] % 4
  if low_res_shape is not None:
    low_res = jax.random.uniform(
      low_res, (num_clips, *low_res_shape), minval=-1, maxval=1
    )
  else:
    low_res = None
  given = None if given_shape is None else _given(num_clips, given_shape)
  return Guided(
    positive=Condition(
      text=text(positive), text_mask=mask, low_res=low_res, given=given
    ),
    negative=Condition(text=text(negative), text_mask=mask, given=given),
  )


@pytest.fixture(scope="session")
def toy():
  """Namespace of `denoise`, its `params`, and `condition(num_clips)`."""
  return types.SimpleNamespace(
    denoise=_denoise, params=_params(), condition=_condition
  )
