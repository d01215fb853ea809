"""What rays meet: things by sphere tracing, and the sun behind them.

Hart 1996 for the tracing; shadows get soft edges from how near a ray to the
sun passes (Quilez).
"""

import dataclasses
import math

import numpy as np

from lumiere_jax.toybox import camera as cameras
from lumiere_jax.toybox import looks
from lumiere_jax.toybox import shapes

STEPS, NEAR = 28, 4e-3
# Towards the sun, and the least and the most that one goes.
SHADOW_STEPS, SHADOW_STEP = 10, (0.06, 0.5)


@dataclasses.dataclass(frozen=True)
class Body:
  """A thing in one frame.

  Attributes:
    shape: its name.
    position: [3] of its centre.
    rotation: [3, 3] from its own axes to the world's.
    radius: units of the world in one of the shape's.
  """

  shape: str
  position: np.ndarray
  rotation: np.ndarray
  radius: float

  @property
  def distance(self) -> shapes.Distance:
    """Its distance function, in its own axes and unit."""
    return shapes.DISTANCES[self.shape]

  @property
  def bound(self) -> float:
    """Radius in the world of a ball that holds it."""
    return shapes.BOUND[self.shape] * self.radius

  def inside(self, points: np.ndarray) -> np.ndarray:
    """World [N, 3] to its own axes and unit, [3, N]."""
    turned = self.rotation.T @ (points - self.position).T
    return turned * np.float32(1 / self.radius)

  def normals(self, inside: np.ndarray) -> np.ndarray:
    """World directions [N, 3] that its surface faces at points [3, N]."""
    return (self.rotation @ shapes.normals(self.distance, inside)).T

  def stripes(self, inside: np.ndarray) -> np.ndarray:
    """Shade [N] of its pattern: four sectors, every other one darker."""
    if self.shape == "star":  # shows by itself how it is turned
      return np.ones(inside.shape[1], np.float32)
    across = inside[1] if self.shape == "ring" else inside[2]
    dark = inside[0] * across > 0
    return np.where(dark, looks.STRIPE, np.float32(1))

  def turned(self, ways: np.ndarray) -> np.ndarray:
    """Directions [N, 3] likewise."""
    return self.rotation.T @ ways.T


@dataclasses.dataclass(frozen=True)
class Hits:
  """What the rays of a part of a frame meet first.

  Attributes:
    rows: of rays, that the part has.
    columns: likewise.
    which: [h, w] uint8, the thing, from 1; 0 where nothing is met.
    far: [h, w] float32, distance; infinite where nothing is met.
    ways: [h, w, 3] float32, direction; of no meaning where nothing is met.
  """

  rows: slice
  columns: slice
  which: np.ndarray
  far: np.ndarray
  ways: np.ndarray


def trace(bodies: list[Body], eye, axes, plane: np.ndarray, grid: int):
  """Sends rays to where things are.

  Args:
    bodies: the things.
    eye: [3] where the rays start.
    axes: [3, 3] of the camera.
    plane: [S, S, 3] the frame's rays, before the camera is turned.
    grid: the part's edges are multiples of this many rays.

  Returns:
    `Hits`, or None where no thing is in the frame.
  """
  boxes = [_box(body, eye, axes, len(plane)) for body in bodies]
  seen = [box for box in boxes if box is not None]
  if not seen:
    return None
  low = np.min([box[:2] for box in seen], axis=0) // grid * grid
  high = -(-np.max([box[2:] for box in seen], axis=0) // grid) * grid
  rows, columns = slice(low[0], high[0]), slice(low[1], high[1])
  shape = tuple(high - low)
  hits = Hits(
    rows=rows,
    columns=columns,
    which=np.zeros(shape, np.uint8),
    far=np.full(shape, np.inf, np.float32),
    ways=np.zeros((*shape, 3), np.float32),
  )
  for k, (body, box) in enumerate(zip(bodies, boxes, strict=True)):
    if box is not None:
      _meet(hits, k + 1, body, box, (eye, axes, plane))
  return hits


def shadow(body: Body, light: looks.Light, points: np.ndarray) -> np.ndarray:
  """Share of the sun, [N] in [0, 1], that a thing leaves to world points."""
  away = body.position - points
  along = away @ light.sun
  beside = _dot(away, away) - along * along
  wide = body.bound + light.softness * np.maximum(along, 0)
  at = np.flatnonzero((along > -0.2 * body.bound) & (beside < wide * wide))
  left = np.ones(len(points), np.float32)
  if not at.size:
    return left
  start, way = body.inside(points[at]), body.turned(light.sun[None])
  gone = np.maximum(along[at] / body.radius - 1.6, 0.03)
  found = np.ones(len(at), np.float32)
  for _ in range(SHADOW_STEPS):
    near = body.distance(start + gone * way)
    found = np.minimum(found, grazed(near, gone, light.softness))
    gone = gone + np.clip(near, *SHADOW_STEP)
  left[at] = smooth(found)
  return left


def grazed(near, gone, softness):
  """Share of the sun beside a thing.

  Args:
    near: how far from it a ray to the sun passes.
    gone: how far that is from where the ray began.
    softness: see `looks.Light`.
  """
  # Half of the sun is hidden where a ray grazes.
  return 0.5 + 0.5 * near / (softness * gone + 0.02)


def smooth(share):
  """[0, 1] to itself, flat at both ends; what lies outside is cut off."""
  share = share.clip(0, 1)
  return share * share * (3 - 2 * share)


def _meet(hits: Hits, number: int, body: Body, box, view) -> None:
  """Puts a thing where it is nearer than what is there."""
  eye, axes, plane = view
  top, left, bottom, right = box
  ways = plane[top:bottom, left:right].reshape(-1, 3) @ axes.T
  ways /= np.sqrt(_dot(ways, ways))[:, None]
  far = _march(body, eye, ways).reshape(bottom - top, right - left)
  top, bottom = top - hits.rows.start, bottom - hits.rows.start
  left, right = left - hits.columns.start, right - hits.columns.start
  part = slice(top, bottom), slice(left, right)
  nearer = far < hits.far[part]
  hits.which[part][nearer] = number
  hits.far[part][nearer] = far[nearer]
  hits.ways[part][nearer] = ways[nearer.ravel()]


def _box(body: Body, eye, axes, side: int):
  """Rays that may meet a thing: top, left, bottom, right; None for none."""
  x, y, back = ((body.position - eye) @ axes).tolist()
  bound, depth = body.bound, -back
  if depth <= bound:
    return None  # behind the camera, or around it
  scale = side / 2 / (cameras.HALF_VIEW * depth)
  # A ball beside the middle of a picture is wider there than at its middle.
  reach = bound * scale * (1.1 + 0.5 * bound / depth)
  cut = lambda value: min(max(math.floor(value), 0), side)
  middle = side / 2 - y * scale, side / 2 + x * scale
  box = [cut(m - reach) for m in middle] + [cut(m + reach + 1) for m in middle]
  return box if box[0] < box[2] and box[1] < box[3] else None


def _march(body: Body, eye, ways: np.ndarray) -> np.ndarray:
  """Distances [N] at which rays meet a thing; infinite where they do not."""
  start, way = body.inside(eye[None]), body.turned(ways)
  middle = -(start * way).sum(0)
  room = middle**2 - (start * start).sum() + shapes.BOUND[body.shape] ** 2
  found = np.full(len(ways), np.inf, np.float32)
  at = np.flatnonzero(room > 0)
  half = np.sqrt(room[at])
  gone, end, way = middle[at] - half, middle[at] + half, way[:, at]
  for _ in range(STEPS):
    near = body.distance(start + gone * way)
    met = (near < NEAR) & (gone < end)
    found[at[met]] = gone[met] * body.radius
    gone = gone + near
    keep = np.flatnonzero(~met & (gone < end))
    if not keep.size:
      break
    if keep.size < 0.7 * len(at):
      at, gone, end, way = at[keep], gone[keep], end[keep], way[:, keep]
  return found


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  return np.einsum("ni,ni->n", a, b)
