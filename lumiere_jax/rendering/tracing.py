"""What rays meet, for all rays of a frame alike: `toybox.tracing` in jax.

An accelerator would rather trace a ray in vain than ask whether to.  So every
ray is traced for every thing, and each step asks all shapes how far they are
and takes the answer of the one that is there.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lumiere_jax.toybox import shapes
from lumiere_jax.toybox import tracing
from lumiere_jax.types import Array

_UNROLLED = 4
_BOUNDS = tuple(shapes.BOUND[name] for name in shapes.DISTANCES)


class Body(NamedTuple):
  """A thing in a frame; or of each of N rays one, all with an axis N before.

  Attributes:
    position: [3] of its centre.
    rotation: [3, 3] from its own axes to the world's.
    radius: [] units of the world in one of the shape's; 0 for no thing.
    shape: [] int32, number in `toybox.staging.SHAPES`.
  """

  position: Array
  rotation: Array
  radius: Array
  shape: Array

  def inside(self, points: Array) -> Array:
    """World [N, 3] to its own axes and unit, [3, N]."""
    return self.turned(points - self.position) / self._unit

  def turned(self, ways: Array) -> Array:
    """World directions [N, 3] in its own axes, [3, N]."""
    # Written out, since matrix units round what they multiply.
    return jnp.stack([(ways * self.rotation[..., k]).sum(-1) for k in range(3)])

  def to_world(self, ways: Array) -> Array:
    """The inverse of `turned`."""
    return sum(ways[k, :, None] * self.rotation[..., k] for k in range(3))

  def distance(self, inside: Array) -> Array:
    """Distances [N] of its surface to points [3, N]."""
    found = [measure(inside) for measure in shapes.DISTANCES.values()]
    which = jnp.broadcast_to(self.shape, found[0].shape)
    return jax.lax.select_n(which, *found)

  @property
  def bound(self) -> Array:
    """Radius, in its own unit, of a ball that holds it."""
    return jnp.asarray(_BOUNDS, jnp.float32)[self.shape]

  @property
  def is_there(self) -> Array:
    """Whether there is a thing."""
    return self.radius > 0

  @property
  def _unit(self) -> Array:
    return jnp.where(self.is_there, self.radius, 1)


def meet(body: Body, eye: Array, ways: Array) -> Array:
  """Distances [N] at which rays meet a thing; infinite where they do not.

  Args:
    body: the one thing.
    eye: [3] where they start.
    ways: [N, 3] their directions, of length 1.
  """
  start, way = body.inside(eye[None]), body.turned(ways)
  middle = -(start * way).sum(0)
  room = middle**2 - (start * start).sum() + body.bound**2
  half = jnp.sqrt(jnp.maximum(room, 0))
  end = jnp.where((room > 0) & body.is_there, middle + half, -jnp.inf)

  def step(_, state):
    gone, found = state
    near = body.distance(start + gone * way)
    met = (near < tracing.NEAR) & (gone < end) & jnp.isinf(found)
    return gone + near, jnp.where(met, gone, found)

  never = jnp.full(len(ways), jnp.inf)
  state = middle - half, never
  _, found = jax.lax.fori_loop(0, tracing.STEPS, step, state, unroll=_UNROLLED)
  return found * body._unit


def shadow(body: Body, sun: Array, softness: Array, points: Array) -> Array:
  """Share of the sun, [N] in [0, 1], that a thing leaves to points [N, 3]."""
  away = body.position - points
  along = (away * sun).sum(-1)
  beside = (away * away).sum(-1) - along * along
  bound = body.bound * body.radius
  wide = bound + softness * jnp.maximum(along, 0)
  near_it = (along > -0.2 * bound) & (beside < wide * wide) & body.is_there
  start, way = body.inside(points), body.turned(sun[None])

  def step(_, state):
    gone, found = state
    near = body.distance(start + gone * way)
    found = jnp.minimum(found, tracing.grazed(near, gone, softness))
    return gone + near.clip(*tracing.SHADOW_STEP), found

  gone = jnp.maximum(along / body._unit - 1.6, 0.03)
  _, found = jax.lax.fori_loop(
    *(0, tracing.SHADOW_STEPS, step, (gone, jnp.ones_like(gone))),
    unroll=_UNROLLED,
  )
  return jnp.where(near_it, tracing.smooth(found), 1)
