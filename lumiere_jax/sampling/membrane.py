r"""Bends what is painted until it meets the pixels that are given.

A network that is told of given pixels comes near them and not up to them, and
since they are put back as they were, what is painted beside them shows where it
begins: a frame's edge, a jump after the first frame.

  given      |estimate               given      |bent
  ___________|                       ___________|__
             |________               fixed here |  \_____

What is missing at the border, e, is known; elsewhere it is taken to be the
smoothest thing that agrees, which is a membrane that hangs between the borders,

  (1)  laplace(m) = 0 where nothing is given,  m = e at the border

and x + m keeps the gradients of x, so that all that is painted stays but its
light (seamless cloning; Perez et al. 2003).  Where e is large it is not light
that differs: something that is given crosses the border, and something else is
painted beside it.  There e counts as no more than a bound, lest the colour of
the one run into the other.

Frames are neighbours, too: along time the membrane is `stiffness` times as
stiff as across a frame, so that what the first frame shows is handed on to
those after it and lets go of them by and by, what is fine sooner than what is
broad.  In sampling this is done to each estimate, and the network paints on
from there.

Solved by relaxation from coarse to fine, to a few hundredths.
"""

import jax
import jax.numpy as jnp

from lumiere_jax.types import Array, FrameCondition

_ROUNDS = 16  # of relaxation at each size
_LARGEST = 0.25  # of e, which is 2 from black to white
_LEAST = 1e-6


def meet(
  clean: Array,
  given: FrameCondition,
  stiffness: float,
  largest: float = _LARGEST,
) -> Array:
  """Adds the membrane of equation (1).

  Args:
    clean: [B, T, H, W, C] float32, an estimate.
    given: pixels that it is to meet.
    stiffness: along time, of that across a frame; above 0.
    largest: what a border's e counts at most, in the channel that misses most.

  Returns:
    [B, T, H, W, C]: `given.video` where it is known, as it is; `clean` where
    clips are given nothing.
  """
  unknown = 1 - given.known
  beside = _neighbours(unknown, stiffness)
  # What the estimate would go on with, one pixel into what is given.
  reached = _neighbours(clean * unknown, stiffness) / jnp.maximum(
    beside, _LEAST
  )
  missing = given.video - reached
  border = given.known * (beside > 0)
  most = jnp.abs(missing).max(-1, keepdims=True)
  missing = missing * jnp.minimum(1.0, largest / jnp.maximum(most, _LEAST))
  bent = clean + _membrane(missing * border, border, stiffness)
  return jnp.where(given.known > 0.5, given.video, bent)


def _membrane(value: Array, fixed: Array, stiffness: float) -> Array:
  """Solves (1).

  Args:
    value: [B, T, H, W, C], e where it is fixed, else 0.
    fixed: [B, T, H, W, 1], 1 there, else 0.
    stiffness: see `meet`.
  """
  axes = _axes_to_halve(value.shape, stiffness)
  if not axes:  # one pixel: what it is fixed to, or 0
    return value
  small, is_fixed = value, fixed
  for axis in axes:
    small, is_fixed = _halve(small, axis), _halve(is_fixed, axis)
  small = small / jnp.maximum(is_fixed, _LEAST)
  softer = stiffness / 4 if axes == (1,) else stiffness
  guess = _membrane(small, jnp.minimum(is_fixed, 1.0), softer)
  for axis in axes:
    guess = jnp.repeat(guess, 2, axis)
  guess = guess[tuple(slice(size) for size in value.shape)]
  return _relax(guess, value, fixed, stiffness)


def _axes_to_halve(shape: tuple[int, ...], stiffness: float) -> tuple[int, ...]:
  """Time alone while it is the stiffer; what is 1 long stays."""
  if stiffness > 2 and shape[1] > 1:
    return (1,)
  return tuple(axis for axis in (1, 2, 3) if shape[axis] > 1)


def _halve(x: Array, axis: int) -> Array:
  """Sums of neighbouring pairs; the last of an odd number stays alone."""
  odd = x.shape[axis] % 2
  x = jnp.pad(x, [(0, odd if k == axis else 0) for k in range(x.ndim)])
  # Slices, not a sum over an axis: the same bits whatever is painted beside.
  first, second = (
    jax.lax.slice_in_dim(x, k, None, stride=2, axis=axis) for k in (0, 1)
  )
  return first + second


def _relax(x: Array, value: Array, fixed: Array, stiffness: float) -> Array:
  """Each pixel becomes the mean of its neighbours, but those that are fixed."""
  count = _neighbours(jnp.ones_like(fixed), stiffness)

  def once(_, x):
    return jnp.where(fixed > 0, value, _neighbours(x, stiffness) / count)

  return jax.lax.fori_loop(0, _ROUNDS, once, jnp.where(fixed > 0, value, x))


def _neighbours(x: Array, stiffness: float) -> Array:
  """Sums of the neighbours in time and in the frame; none beyond the clip."""
  total = jnp.zeros_like(x)
  for axis, weight in ((1, stiffness), (2, 1.0), (3, 1.0)):
    sides = [(1, 1) if k == axis else (0, 0) for k in range(x.ndim)]
    wide, size = jnp.pad(x, sides), x.shape[axis]
    for begin in (0, 2):
      total += weight * jax.lax.slice_in_dim(
        wide, begin, begin + size, axis=axis
      )
  return total
