"""Staged scenes to frames, as `toybox.render` makes them, within rounding.

clips = [staging.stage(world.scene("train", k), ...) for k in range(64)]
frames = footage.render(jax.tree.map(lambda *x: np.stack(x), *clips), 32)
"""

import functools

import jax
import jax.numpy as jnp

from lumiere_jax.rendering import ground
from lumiere_jax.rendering import tracing
from lumiere_jax.toybox import camera as cameras
from lumiere_jax.toybox import daylight
from lumiere_jax.toybox import looks
from lumiere_jax.toybox import render as renderer
from lumiere_jax.toybox import shapes
from lumiere_jax.toybox import staging
from lumiere_jax.types import Array

# Rays in memory at a time.
_MOST_RAYS = 6_000_000
_STAR, _RING = staging.SHAPES.index("star"), staging.SHAPES.index("ring")


@functools.partial(jax.jit, static_argnames="size")
def render(scenes: staging.Staged, size: int) -> Array:
  """Renders clips.

  Args:
    scenes: of N clips in T frames, all arrays with an axis N before.
    size: S, pixels of a frame's side.

  Returns:
    [N, T, S, S, 3] uint8.
  """
  num_frames = scenes.eye.shape[1]
  rays = num_frames * (size * renderer.rays_of(size)) ** 2
  at_once = max(1, _MOST_RAYS // rays)
  one = functools.partial(_clip, size=size)
  # Matrix units would round positions to three digits.
  with jax.default_matmul_precision("float32"):
    return jax.lax.map(one, scenes, batch_size=min(at_once, len(scenes.eye)))


def _clip(scene: staging.Staged, size: int) -> Array:
  """[T, S, S, 3] uint8."""
  along = dict.fromkeys(("position", "rotation", "eye", "axes"), 0)
  axes = staging.Staged(**{k: along.get(k) for k in staging.Staged._fields})
  frame = functools.partial(_frame, size=size)
  return jax.vmap(frame, in_axes=(axes,))(scene)


def _frame(scene: staging.Staged, size: int) -> Array:
  """[S, S, 3] uint8 of a scene whose arrays have no T."""
  color, high, low, ambient = scene.sky
  light = looks.Light(scene.sun, color, high, low, scene.softness)
  mean = jnp.asarray(ground.means())[scene.ground]
  world = daylight.World(light, ambient, mean)
  bodies = [
    tracing.Body(*x)
    for x in zip(
      *(scene.position, scene.rotation, scene.radius, scene.shape), strict=True
    )
  ]
  behind = _empty(scene, world, bodies, size)
  shown, hit = _things(scene, world, bodies, size * renderer.rays_of(size))
  averaged = lambda x: x.reshape(size, len(x) // size, size, -1, 3).mean((1, 3))
  linear = averaged(shown) + behind * (1 - averaged(hit))
  return jnp.rint(255 * jnp.sqrt(linear.clip(0, 1))).astype(jnp.uint8)


def _empty(scene, world: daylight.World, bodies, size: int) -> Array:
  """Light [S, S, 3] of ground and sky, in the shadow of things."""
  ways = renderer.plane(size).reshape(-1, 3) @ scene.axes.T
  length = jnp.sqrt((ways * ways).sum(-1))
  up = ways[:, 1] / length
  is_low = up < -2e-3
  reach = -scene.eye[1] / jnp.where(is_low, ways[:, 1], -1)
  points, far = scene.eye + ways * reach[:, None], reach * length
  pixel = 2 * cameras.HALF_VIEW / size
  width = far * pixel / jnp.sqrt(jnp.maximum(-up, 2e-3))
  x, z = (points[:, (0, 2)] @ scene.turn + scene.shift).T
  sun = sky = jnp.ones(len(ways))
  for body in bodies:
    left = tracing.shadow(body, scene.sun, scene.softness, points)
    sun = jnp.minimum(sun, left)
    sky = sky * daylight.sky_left(body.position - points, body.radius)
  pattern = ground.color(scene.ground, x, z, width)
  lit = world.ground(pattern, daylight.haze(far), sun, sky)
  above = looks.sky_color(world.light, up)
  return jnp.where(is_low[:, None], lit, above).reshape(size, size, 3)


def _things(scene, world: daylight.World, bodies, side: int):
  """Light along rays, [R, R, 3], 0 where they meet nothing; whether they do."""
  ways = renderer.plane(side).reshape(-1, 3) @ scene.axes.T
  ways = ways / jnp.sqrt((ways * ways).sum(-1))[:, None]
  fars = jnp.stack([tracing.meet(one, scene.eye, ways) for one in bodies])
  which, far = jnp.argmin(fars, 0), fars.min(0)
  hit = jnp.isfinite(far)[:, None]
  points = scene.eye + ways * jnp.where(hit, far[:, None], 0)
  own = tracing.Body(*(_of_each(which, x) for x in zip(*bodies, strict=True)))
  light = _shade(scene, world, bodies, which, own, points, ways)
  square = lambda x: jnp.broadcast_to(x, light.shape).reshape(side, side, 3)
  return square(jnp.where(hit, light, 0)), square(hit.astype(jnp.float32))


def _shade(scene, world, bodies, which, own: tracing.Body, points, ways):
  """Light [N, 3] that comes from the things at points [N, 3]."""
  inside = own.inside(points)
  normal = own.to_world(shapes.normals(own.distance, inside))
  base = _of_each(which, scene.color) * _stripes(own, inside)[:, None]
  sun = jnp.maximum((normal * scene.sun).sum(-1), 0)
  outside = points + normal * 0.02
  for k, other in enumerate(bodies):
    left = tracing.shadow(other, scene.sun, scene.softness, outside)
    sun = sun * jnp.where(which == k, 1, left)
  touch = jnp.minimum(points[:, 1] / (0.35 * own.radius), 1)[:, None]
  painted = base * world.diffuse(normal, sun, touch)
  out = own.to_world(inside)
  metal = world.polished(base, painted, normal, out, ways, touch)
  polished = _of_each(which, scene.polished)
  return jnp.where(polished[:, None], metal, painted)


def _stripes(body: tracing.Body, inside: Array) -> Array:
  """See `toybox.tracing.Body.stripes`."""
  across = jnp.where(body.shape == _RING, inside[1], inside[2])
  dark = (inside[0] * across > 0) & (body.shape != _STAR)
  return jnp.where(dark, looks.STRIPE, 1)


def _of_each(which: Array, values) -> Array:
  """values[which], [N, ...], by choosing instead of by looking up."""
  found = jnp.broadcast_to(values[0], (*which.shape, *jnp.shape(values[0])))
  wide = which.reshape(-1, *(1,) * (found.ndim - 1))
  for k in range(1, len(values)):
    found = jnp.where(wide == k, values[k], found)
  return found
