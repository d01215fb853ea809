"""Which pixels are given in training: a mixture of masks.

One conditional network serves every application (Lumiere, section 4): what
differs is where the mask M is 1.  The paper does not print its mixture; this
one has a kind for each thing that is asked for later, and `nothing`, so that
the network stays one of text alone.

nothing    text to video
everything the clip itself
first      image to video
last       the same backwards
keyframes  some frames, the ends among them more often than not
start      a clip to be continued; from 1 frame to three quarters
box        all but a box, which may move and grow: inpainting
strokes    all but a few strokes of a brush, which may drift
inside     a box alone, often as high or as wide as the frame: outpainting
region     the first frame, and all but strokes or a box later: cinemagraphs
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.types import Array, FrameCondition

_POINTS = 5  # corners of a stroke


def check(shares: Mapping[str, float]) -> None:
  """Raises `ConfigError` unless these are shares of known kinds."""
  for kind, share in shares.items():
    errors.require_one_of("kind of mask", kind, tuple(KINDS))
    if not share >= 0:
      raise errors.ConfigError(
        f"the share of masks {kind!r} is {share}; it must be 0 or more."
      )
  if not sum(shares.values()) > 0:
    raise errors.ConfigError(
      "the shares of masks are all 0; give one of them a share, such as "
      "nothing=1."
    )


def give(
  key: Array, clean: Array, shares: Mapping[str, float]
) -> FrameCondition:
  """Gives a part of each clip.

  Args:
    key: decides which.
    clean: [B, T, H, W, 3] float32 in [-1, 1].
    shares: kind -> how often, relative to the others'.
  """
  one = lambda key: draw(key, clean.shape[1:4], shares)
  known = jax.vmap(one)(jax.random.split(key, len(clean)))
  return FrameCondition(video=clean * known, known=known)


def draw(
  key: Array, shape: tuple[int, int, int], shares: Mapping[str, float]
) -> Array:
  """Draws the mask of one clip of `shape` (T, H, W): [T, H, W, 1] float32."""
  kinds = [kind for kind, share in shares.items() if share > 0]
  weights = jnp.array([shares[kind] for kind in kinds])
  choose, key = jax.random.split(key)
  chosen = jax.random.choice(choose, len(kinds), p=weights / weights.sum())
  branches = [
    lambda key, kind=kind: jnp.broadcast_to(KINDS[kind](key, shape), shape)
    for kind in kinds
  ]
  mask = jax.lax.switch(chosen, branches, key)
  return mask[..., None].astype(jnp.float32)


def _frames(shape) -> Array:
  """[T, 1, 1] number of each frame."""
  return jnp.arange(shape[0])[:, None, None]


def _grid(shape) -> tuple[Array, Array]:
  """[H, 1] and [1, W] middles of pixels, in frame sides."""
  side = lambda count: (jnp.arange(count) + 0.5) / count
  return side(shape[1])[:, None], side(shape[2])[None]


def _uniform(key, low, high, shape=()) -> Array:
  return jax.random.uniform(key, shape, minval=low, maxval=high)


def _is(key, share: float) -> Array:
  return jax.random.uniform(key) < share


def _keyframes(key, shape) -> Array:
  keys = jax.random.split(key, 4)
  often = _uniform(keys[0], 0.01, 0.15)
  given = jax.random.uniform(keys[1], (shape[0], 1, 1)) < often
  frames = _frames(shape)
  given |= (frames == 0) & _is(keys[2], 0.7)
  return given | ((frames == shape[0] - 1) & _is(keys[3], 0.7))


def _start(key, shape) -> Array:
  most = max(1, 3 * shape[0] // 4)
  return _frames(shape) < jax.random.randint(key, (), 1, most + 1)


def _in_box(key, shape, least: float, most: float, moves: float) -> Array:
  """[T, H, W] bool: within a box that may move and grow along the clip."""
  keys = jax.random.split(key, 4)
  time = jnp.linspace(0, 1, shape[0])[:, None, None]
  way = _uniform(keys[0], -0.5, 0.5, (2,)) * _is(keys[3], moves)
  half = _uniform(keys[1], least, most, (2,))
  middle = _uniform(keys[2], 0.15, 0.85, (2,))
  inside = True
  for axis, place in enumerate(_grid(shape)):
    at = middle[axis] + way[axis] * (time - 0.5)
    inside &= jnp.abs(place - at) < half[axis]
  return inside


def _box(key, shape) -> Array:
  return ~_in_box(key, shape, 0.08, 0.4, moves=0.6)


def _inside(key, shape) -> Array:
  keys = jax.random.split(key, 2)
  y, x = _grid(shape)
  half = _uniform(keys[0], 0.2, 0.45, (2,))
  # A strip of full width or height, as of another aspect, or a box.
  full = jax.random.randint(keys[1], (), 0, 3)
  within = lambda place, axis: (
    (jnp.abs(place - 0.5) < half[axis]) | (full == axis)
  )
  return within(y, 0) & within(x, 1)


def _in_strokes(key, shape, moves: float) -> Array:
  """[T, H, W] bool: within a thick line through a few points."""
  keys = jax.random.split(key, 4)
  points = _uniform(keys[0], 0.1, 0.9, (_POINTS, 2))
  # Nearer to one another than chance, as a hand would.
  points = 0.5 * points + 0.5 * jnp.roll(points, 1, axis=0)
  width = _uniform(keys[1], 0.03, 0.12)
  way = _uniform(keys[2], -0.3, 0.3, (2,)) * _is(keys[3], moves)
  time = jnp.linspace(-0.5, 0.5, shape[0])[:, None, None]
  y, x = (place - way[axis] * time for axis, place in enumerate(_grid(shape)))
  inside = jnp.zeros(shape, bool)
  for k in range(_POINTS - 1):
    inside |= _to_segment(y, x, points[k], points[k + 1]) < width
  return inside


def _to_segment(y: Array, x: Array, begin: Array, end: Array) -> Array:
  """Distance of places to the line between two points (y, x)."""
  dy, dx = end - begin
  along = ((y - begin[0]) * dy + (x - begin[1]) * dx) / (dy**2 + dx**2 + 1e-6)
  along = jnp.clip(along, 0, 1)
  return jnp.hypot(y - begin[0] - along * dy, x - begin[1] - along * dx)


def _strokes(key, shape) -> Array:
  return ~_in_strokes(key, shape, moves=0.5)


def _region(key, shape) -> Array:
  keys = jax.random.split(key, 3)
  changes = jnp.where(
    _is(keys[0], 0.5),
    _in_box(keys[1], shape, 0.1, 0.45, moves=0.0),
    _in_strokes(keys[2], shape, moves=0.0),
  )
  return ~changes | (_frames(shape) == 0)


# (key, (T, H, W)) -> bool that broadcasts to it, True where a pixel is given.
KINDS: dict[str, Callable[[Array, tuple[int, int, int]], Array]] = {
  "nothing": lambda key, shape: jnp.zeros((), bool),
  "everything": lambda key, shape: jnp.ones((), bool),
  "first": lambda key, shape: _frames(shape) == 0,
  "last": lambda key, shape: _frames(shape) == shape[0] - 1,
  "keyframes": _keyframes,
  "start": _start,
  "box": _box,
  "strokes": _strokes,
  "inside": _inside,
  "region": _region,
}
