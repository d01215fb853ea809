r"""A style as a change of an image network's weights, and how much of it.

Lumiere stylises by fine-tuning the frozen image network on a style and putting

  W = alpha W_style + (1 - alpha) W_orig = W_orig + alpha (W_style - W_orig)

in its place (section 4.1).  What inflation added stays as it is, so that things
move as they did.  The change itself is learned whole, or as the product of two
thin matrices for each kernel (low-rank adapters, Hu et al. 2021), which is a
few hundred kilobytes for a network of many megabytes.
"""

from collections.abc import Mapping
import math

import flax
import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.models import inflate
from lumiere_jax.nn import initial
from lumiere_jax.types import Array, Params

# Path of a parameter of the image network -> what is added to it.
Change = Mapping[inflate.Path, Array]
_DOWN, _UP, _SHIFT = "down", "up", "shift"


def thin(network: Params, rank: int) -> Params:
  """Shapes of thin changes, which start at no change.

  Args:
    network: parameters of an image network, or their shapes; [..., C'] kernels
      become "down" [.., rank] and "up" [rank, C'], vectors a "shift".
    rank: at least 1.

  Raises:
    ConfigError: the rank is below 1.
  """
  if rank < 1:
    raise errors.ConfigError(
      f"style.rank is {rank}; it is 1 or more, and 4 is usual."
    )
  boxed = lambda shape, init: initial.Named(
    jax.ShapeDtypeStruct(shape, jnp.float32), (None,) * len(shape), init=init
  )
  found = {}
  for path, x in flax.traverse_util.flatten_dict(network).items():
    if inflate.is_temporal(path):
      continue
    if len(x.shape) < 2:
      found[*path, _SHIFT] = boxed(x.shape, initial.ZEROS)
      continue
    rows = math.prod(x.shape[:-1])
    found[*path, _DOWN] = boxed((rows, rank), initial.FAN_IN)
    found[*path, _UP] = boxed((rank, x.shape[-1]), initial.ZEROS)
  return flax.traverse_util.unflatten_dict(found)


def change(thin_change: Params, network: Params) -> Change:
  """Multiplies a thin change out.

  Args:
    thin_change: see `thin`.
    network: whose kernels' shapes it is to have.

  Raises:
    WeightsError: it is of a network of other shapes.
  """
  flat = flax.traverse_util.flatten_dict(network)
  parts = flax.traverse_util.flatten_dict(thin_change)
  found = {}
  for path in {path[:-1] for path in parts}:
    if (*path, _SHIFT) in parts:
      found[path] = parts[*path, _SHIFT]
      continue
    product = parts[*path, _DOWN] @ parts[*path, _UP]
    _require(path in flat, path)
    kernel = flat[path].shape
    inputs = product.shape[0] // max(math.prod(kernel[:-2]), 1)
    shape = (*kernel[:-2], inputs, product.shape[1])
    _require(math.prod(shape) == product.size, path)
    found[path] = product.reshape(shape)
  return found


def difference(styled: Params, network: Params) -> Change:
  """What another image network would change: W_style - W_orig.

  Raises:
    WeightsError: it lacks a parameter of the image network.
  """
  other = flax.traverse_util.flatten_dict(styled)
  found = {}
  for path, x in flax.traverse_util.flatten_dict(network).items():
    if inflate.is_temporal(path):
      continue
    _require(path in other, path)
    new = other[path]
    if new.shape != x.shape:  # a network that is told more has more inputs
      _require(_takes_more(new.shape, x.shape), path)
      x = x[..., : new.shape[-2], :]
    found[path] = new - x
  return found


def blend(network: Params, change: Change, alpha: float | Array) -> Params:
  """W_orig + alpha (W_style - W_orig) of the image network's parameters.

  Args:
    network: nested dicts; what inflation added is returned as it is.
    change: see `change`, `difference`.
    alpha: 0 is the network itself, 1 the style.

  Raises:
    WeightsError: the change is of a network of other shapes.
  """
  flat = dict(flax.traverse_util.flatten_dict(network))
  for path, delta in change.items():
    _require(path in flat and not inflate.is_temporal(path), path)
    x = flat[path]
    if delta.shape != x.shape:
      _require(_takes_more(delta.shape, x.shape), path)
      missing = x.shape[-2] - delta.shape[-2]
      pads = [(0, missing if k == x.ndim - 2 else 0) for k in range(x.ndim)]
      delta = jnp.pad(delta, pads)
    flat[path] = x + alpha * delta
  return flax.traverse_util.unflatten_dict(flat)


def _takes_more(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
  """Whether a kernel differs in having more input channels alone."""
  if len(old) != len(new) or len(old) < 2:
    return False
  return old[:-2] + old[-1:] == new[:-2] + new[-1:] and new[-2] > old[-2]


def _require(fits: bool, path: inflate.Path) -> None:
  if not fits:
    raise errors.WeightsError(
      f"the style and the network do not fit at {'/'.join(path)}; a style "
      "belongs to the image network that it was trained on, and to those "
      "inflated from it."
    )
