"""Lifting image weights into a space-time network, and telling them apart.

Whether a parameter is the image network's (frozen in Lumiere) or was added by
inflation (trained) is decided by its name, here and nowhere else: a module
that inflation adds is called `temporal_...`.
"""

from collections.abc import Callable
import dataclasses

import flax
import jax
import numpy as np

from lumiere_jax import errors
from lumiere_jax.types import Params

Path = tuple[str, ...]


def is_temporal(path: Path) -> bool:
  """Whether the parameter at `path` was added by inflation."""
  return any(name.startswith("temporal_") for name in path)


def split(
  params: Params, belongs: Callable[[Path], bool] = is_temporal
) -> tuple[Params, Params]:
  """Splits nested dicts into those that belong and the others."""
  flat = flax.traverse_util.flatten_dict(params)
  inside = {path: x for path, x in flat.items() if belongs(path)}
  outside = {path: x for path, x in flat.items() if not belongs(path)}
  return (
    flax.traverse_util.unflatten_dict(inside),
    flax.traverse_util.unflatten_dict(outside),
  )


def merge(some: Params, others: Params) -> Params:
  """Undoes `split`."""
  flat = flax.traverse_util.flatten_dict(others)
  return flax.traverse_util.unflatten_dict(
    flat | flax.traverse_util.flatten_dict(some)
  )


def join(trained: Params, frozen: Params) -> Params:
  """Undoes `split`; no gradient reaches what is frozen."""
  return merge(trained, jax.lax.stop_gradient(frozen))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
  """What became of each parameter, as slash-joined paths.

  Attributes:
    loaded: taken from the source.
    widened: taken from the source, with zeros for input channels that it does
      not have.
    initialised: kept as the new network initialised them.
    unused: of the source, without a place in the new network.
  """

  loaded: tuple[str, ...]
  widened: tuple[str, ...]
  initialised: tuple[str, ...]
  unused: tuple[str, ...]

  def __str__(self) -> str:
    widened = f", widened {len(self.widened)}" if self.widened else ""
    return (
      f"loaded {len(self.loaded)}{widened}, initialised "
      f"{len(self.initialised)}, unused {len(self.unused)} parameters"
    )


def inflate(source: Params, target: Params) -> tuple[Params, Report]:
  """Puts the weights of `source` at the same paths of `target`.

  The first convolution may have more input channels than the source's, as a
  network that is told more than its parent has: they come last and start at
  zero, so that at first it does what its parent does.

  Args:
    source: trained network, nested dicts of arrays.
    target: freshly initialised network, inflated or with more inputs.

  Returns:
    `target` with every shared parameter replaced, and what became of each.

  Raises:
    WeightsError: a parameter of the image network is missing in the source, or
      has another shape there.
  """
  old = flax.traverse_util.flatten_dict(source)
  new = flax.traverse_util.flatten_dict(target)
  merged, widened = {}, []
  for path, value in new.items():
    if path not in old and not is_temporal(path):
      raise errors.WeightsError(
        f"the source has no {'/'.join(path)}, which the network shares with "
        "it; inflate from a text-to-image run of the same model section."
      )
    merged[path] = old.get(path, value)
    if merged[path].shape == value.shape:
      continue
    if not _takes_more(path, merged[path].shape, value.shape):
      raise errors.WeightsError(
        f"{'/'.join(path)} is {merged[path].shape} in the source and "
        f"{value.shape} here; the model sections must agree."
      )
    merged[path] = _widen(merged[path], value.shape)
    widened.append(path)
  names = lambda paths: tuple(sorted("/".join(path) for path in paths))
  report = Report(
    loaded=names((new.keys() & old.keys()) - {*widened}),
    widened=names(widened),
    initialised=names(new.keys() - old.keys()),
    unused=names(old.keys() - new.keys()),
  )
  return flax.traverse_util.unflatten_dict(merged), report


def _takes_more(path: Path, old: tuple[int, ...], new: tuple[int, ...]) -> bool:
  """Whether it is the first convolution, with more input channels."""
  is_first = path[0] == "conv_in" and path[-1] == "kernel"
  others = old[:-2] + old[-1:] == new[:-2] + new[-1:]
  return is_first and others and new[-2] > old[-2]


def _widen(kernel, shape: tuple[int, ...]) -> np.ndarray:
  wider = np.zeros(shape, kernel.dtype)
  wider[..., : kernel.shape[-2], :] = kernel
  return wider
