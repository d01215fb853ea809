"""Initialisers that need no compiler.

Initialising a network inside `jit` draws each of its hundreds of parameters in
a program of its own: compiling that took 43 s for a network of 30 thousand
parameters (2 CPU cores, November 2026).  Ours run in numpy, from the seed and
the parameter's name: immediate, one parameter in memory at a time, and the
same numbers on every mesh, so parameters are born sharded.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import math
import zlib

from flax import struct
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax import errors
from lumiere_jax.types import Array, Params

# How layers of flax's own that we use call what they leave unnamed.
_BY_NAME = {"scale": 1.0, "bias": 0.0}


@dataclasses.dataclass(frozen=True)
class Initial:
  """How one parameter starts, as flax wants it and as numpy draws it.

  Attributes:
    kind: "constant", "normal" (standard deviation `scale`), "fan_in" (normal
      with variance `scale` / fan in) or "copy" (kernel [k, C, C] that copies
      the centre frame).
    scale: see `kind`.
  """

  kind: str
  scale: float = 1.0

  def __call__(self, key: Array, shape, dtype=jnp.float32) -> Array:
    """Flax's signature, for those who initialise a module by itself."""
    seed = jax.random.bits(key, dtype=jnp.uint32)
    draw = lambda seed: self.draw(np.random.default_rng(int(seed)), shape)
    return jax.pure_callback(
      draw, jax.ShapeDtypeStruct(shape, np.float32), seed
    ).astype(dtype)

  def draw(self, rng: np.random.Generator, shape) -> np.ndarray:
    """Draws the parameter, float32."""
    if self.kind == "constant":
      return np.full(shape, self.scale, np.float32)
    if self.kind == "copy":
      out = np.zeros(shape, np.float32)
      out[shape[0] // 2] = np.eye(shape[-1])
      return out
    std = self.scale
    if self.kind == "fan_in":
      std = math.sqrt(self.scale / max(math.prod(shape[:-1]), 1))
    return rng.standard_normal(shape, np.float32) * np.float32(std)


ZEROS = Initial("constant", 0.0)
ONES = Initial("constant", 1.0)
FAN_IN = Initial("fan_in")
COPY_CENTRE_FRAME = Initial("copy")


class Named(nn.LogicallyPartitioned):
  """A parameter that knows its axes' names and how it starts."""

  init: Initial = struct.field(default=ZEROS, pytree_node=False)


def named(init: Initial, names: tuple[str | None, ...]):
  """Initialiser for `self.param` that attaches axis names and itself."""

  def boxed(key, shape, dtype=jnp.float32) -> Named:
    return Named(init(key, shape, dtype), names, init=init)

  return boxed


def param(
  module: nn.Module, name: str, init: Callable, shape: Sequence[int]
) -> Array:
  """A module's parameter, as `module.param` gives it, in less time.

  Where the parameter is there already, flax traces once more how it starts,
  only to compare shapes; a network has hundreds.

  Raises:
    flax.errors.ScopeParamShapeError: if it has another shape.
    flax.errors.NameInUseError: when initialising, if another has its name.
  """
  # When initialising flax sees to it that no two have one name.
  if module.is_initializing() or not module.has_variable("params", name):
    return module.param(name, init, shape)
  value = nn.unbox(module.get_variable("params", name))
  if jnp.shape(value) != tuple(shape):
    return module.param(name, init, shape)  # which says what is wrong
  return value


def materialize(
  abstract: Params, seed: int, shardings: Params | None = None
) -> Params:
  """Draws every parameter of `jax.eval_shape(module.init, ...)`.

  Args:
    abstract: nested dicts of (boxed) `jax.ShapeDtypeStruct`.
    seed: with each parameter's path it fixes the parameter's values.
    shardings: same structure, unboxed; where each parameter is to live.  None
      for numpy arrays on the host.

  Returns:
    Unboxed nested dicts of float32 arrays.
  """
  is_box = lambda x: isinstance(x, nn.meta.AxisMetadata)
  names, leaves, tree = [], [], None
  flat, tree = jax.tree_util.tree_flatten_with_path(abstract, is_leaf=is_box)
  for path, leaf in flat:
    names.append("/".join(str(getattr(p, "key", p)) for p in path))
    leaves.append(leaf)
  places = (
    [None] * len(leaves) if shardings is None else jax.tree.leaves(shardings)
  )
  return jax.tree.unflatten(
    tree,
    [
      _place(_draw(name, leaf, seed), place)
      for name, leaf, place in zip(names, leaves, places, strict=True)
    ],
  )


def _draw(name: str, leaf, seed: int) -> np.ndarray:
  rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
  if isinstance(leaf, Named):
    return leaf.init.draw(rng, leaf.value.shape)
  last = name.rsplit("/", 1)[-1]
  if last not in _BY_NAME:
    raise errors.ConfigError(
      f"parameter {name} does not say how it starts; create it with "
      "nn.initial.named."
    )
  return np.full(nn.unbox(leaf).shape, _BY_NAME[last], np.float32)


def _place(value: np.ndarray, sharding):
  if sharding is None:
    return value
  return jax.make_array_from_callback(
    value.shape, sharding, lambda index: value[index]
  )


def count(params: Mapping) -> int:
  """Number of scalars in a tree of parameters."""
  return sum(math.prod(x.shape) for x in jax.tree.leaves(params))
