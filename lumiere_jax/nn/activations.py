"""Activations by name.

Flax's "gelu" is the tanh approximation; PyTorch's, which weights from there
were trained with, is "gelu_exact".
"""

from collections.abc import Callable
import functools

import jax

from lumiere_jax import errors
from lumiere_jax.types import Array

_NAMED: dict[str, Callable[[Array], Array]] = {
  "silu": jax.nn.silu,
  "swish": jax.nn.silu,
  "gelu": jax.nn.gelu,
  "gelu_exact": functools.partial(jax.nn.gelu, approximate=False),
  "relu": jax.nn.relu,
  "mish": jax.nn.mish,
}
NAMES = tuple(_NAMED)


def get(name: str) -> Callable[[Array], Array]:
  """Returns an activation; raises `ConfigError` where there is none."""
  errors.require_one_of("activation", name, NAMES)
  return _NAMED[name]
