"""Our text encoder with tensors of theirs, on what theirs was given."""

import flax
import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax.interop import arrange
from lumiere_jax.interop import transformers_t5


def shapes(config):
  """Their name -> their shape of every tensor, as we believe it."""
  return {
    name: arrange.torch_shape(shape) if path[-1] == "kernel" else shape
    for path, (name, shape) in _named(config).items()
  }


def _named(config):
  is_gated = transformers_t5.encoder(config).gated
  ours = transformers_t5.shapes(config)
  return {
    path: (transformers_t5.theirs(path, is_gated), shape)
    for path, shape in ours.items()
  }


def params(config, shelf):
  """Nested parameters of float32."""
  matches = transformers_t5.match(config, shelf)
  return flax.traverse_util.unflatten_dict(
    {one.path: np.asarray(one.read(), np.float32) for one in matches}
  )


def apply(config, weights, given, dtype="float32"):
  """What our encoder makes of what theirs was given: [B, L, E]."""
  return transformers_t5.encoder(config, dtype).apply(
    {"params": weights},
    jnp.asarray(given["tokens"], jnp.int32),
    jnp.asarray(given["mask"]),
  )


def run(config, weights, given, dtype="float32"):
  """As `apply`, in numpy."""
  return np.asarray(jax.jit(lambda w: apply(config, w, given, dtype))(weights))


def as_theirs(config, tree):
  """Nested arrays like our parameters -> theirs, by name."""
  flat = flax.traverse_util.flatten_dict(tree)
  named = _named(config)
  return {
    named[path][0]: (
      arrange.to_torch(np.asarray(leaf))
      if path[-1] == "kernel"
      else np.asarray(leaf)
    )
    for path, leaf in flat.items()
  }
