"""Other clips of the same truth, for a judge that would learn few by heart.

Mirrored, moved by a pixel or two, and half of them in false colours: channels
in another order and of other strengths, so that a shape is not known by the
colours it was seen in.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lumiere_jax.toybox import truth
from lumiere_jax.types import Array

_FALSE = 0.5  # share of clips
_GAIN = 0.3  # of a channel in false colours, at most
_PIXELS = 2


class Varied(NamedTuple):
  """Clips and what is still true of them.

  Attributes:
    video: [B, T, S, S, 3] float32 in [-1, 1].
    told: see `truth.split`.
    places: [B, T / 2, C, C] int32.
    has_colors: [B] float32, 1 where colours are as they were.
  """

  video: Array
  told: dict[str, Array]
  places: Array
  has_colors: Array


def vary(key: Array, video: Array, labels: Array, places: Array) -> Varied:
  """Draws for each clip how it is changed.

  Args:
    key: of the draw.
    video: [B, T, S, S, 3] float32 in [-1, 1].
    labels: [B, K] int32; see `toybox.truth`.
    places: [B, T / 2, C, C] int32; likewise.
  """
  count, told = len(video), truth.split(labels)
  mirror, move, false, *colors = jax.random.split(key, 5)
  is_mirrored = jax.random.bernoulli(mirror, 0.5, (count,))
  for name, other in truth.MIRRORED.items():
    swapped = jnp.asarray(other)[told[name]]
    told[name] = jnp.where(is_mirrored, swapped, told[name])
  flip = lambda x, axis: jnp.where(
    is_mirrored.reshape(-1, *(1,) * (x.ndim - 1)), jnp.flip(x, axis), x
  )
  video, places = flip(video, -2), flip(places, -1)
  is_false = jax.random.bernoulli(false, _FALSE, (count,))
  odd = _in_false_colors(colors, video)
  video = jnp.where(is_false[:, None, None, None, None], odd, video)
  return Varied(_moved(move, video), told, places, 1.0 - is_false)


def _in_false_colors(keys, video: Array) -> Array:
  order, gain = keys
  orders = jax.vmap(lambda k: jax.random.permutation(k, 3))(
    jax.random.split(order, len(video))
  )
  mixed = jnp.einsum("bthwc,bdc->bthwd", video, jax.nn.one_hot(orders, 3))
  gains = jax.random.uniform(
    gain, (len(video), 1, 1, 1, 3), minval=1 - _GAIN, maxval=1 + _GAIN
  )
  return jnp.clip((mixed + 1) * gains - 1, -1, 1)


def _moved(key: Array, video: Array) -> Array:
  """Moves each clip's frames alike; what comes in repeats the edge."""
  _, *shape = video.shape
  edge = (_PIXELS, _PIXELS)
  wide = jnp.pad(video, ((0, 0), (0, 0), edge, edge, (0, 0)), mode="edge")
  by = jax.random.randint(key, (len(video), 2), 0, 2 * _PIXELS + 1)
  cut = lambda clip, at: jax.lax.dynamic_slice(
    clip, (0, at[0], at[1], 0), shape
  )
  return jax.vmap(cut)(wide, by)
