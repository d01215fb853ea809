"""Our network with tensors of theirs, on what theirs was given."""

import flax
import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax.interop import arrange
from lumiere_jax.interop import diffusers_config
from lumiere_jax.interop import diffusers_names
from lumiere_jax.interop import diffusers_unet
from lumiere_jax.interop import stream
from lumiere_jax.models import unet
from lumiere_jax.types import Condition


def shapes(config):
  """Their name -> their shape of every tensor, as we believe it."""
  spec = diffusers_unet.spec(config)
  ours = diffusers_unet.shapes(spec, diffusers_config.text_width(config))
  named = lambda path: diffusers_names.theirs(path, spec.num_levels)
  found = {named(path): arrange.torch_shape(s) for path, s in ours.items()}
  pooling = "add_embedding.pool.positional_embedding"
  if pooling in found:
    found[pooling] = (1, *found[pooling])
  return found


def save(path, tensors):
  """Writes arrays by name as a safetensors file."""
  stream.write(
    path,
    [
      stream.Promise(
        name=name, shape=one.shape, dtype=one.dtype, make=lambda one=one: one
      )
      for name, one in tensors.items()
    ],
  )


def params(config, shelf):
  """Nested parameters of float32."""
  matches = diffusers_unet.match(config, shelf)
  return flax.traverse_util.unflatten_dict(
    {one.path: np.asarray(one.read(), np.float32) for one in matches}
  )


def apply(config, weights, given, dtype="float32"):
  """What our network makes of what theirs was given: [B, H, W, C]."""
  pixels = jnp.moveaxis(jnp.asarray(given["noisy"]), 1, -1)
  spec = diffusers_unet.spec(config)
  told = Condition(
    text=jnp.asarray(given["text"]),
    text_mask=jnp.ones(given["text"].shape[:2], bool),
    low_res=pixels[..., 3:] if spec.low_res else None,
    noise_level=(
      jnp.asarray(given["noise_level"] / 1000, jnp.float32)
      if spec.told_noise_level
      else None
    ),
  )
  t = jnp.asarray(given["timestep"] / 1000, jnp.float32)
  network = unet.UNet(spec, dtype=jnp.dtype(dtype))
  return network.apply({"params": weights}, pixels[..., :3], t, told)


def run(config, weights, given, dtype="float32"):
  """As `apply`, as theirs: [B, C, H, W]."""
  program = lambda w: apply(config, w, given, dtype)
  # Op by op what these networks share is compiled once for all of them; but
  # bfloat16 is then rounded after each.
  out = (program if dtype == "float32" else jax.jit(program))(weights)
  return np.moveaxis(np.asarray(out), -1, 1)


def as_theirs(config, tree):
  """Nested arrays like our parameters -> theirs, by name."""
  levels = diffusers_unet.spec(config).num_levels
  wanted = shapes(config)
  flat = flax.traverse_util.flatten_dict(tree)
  named = {
    diffusers_names.theirs(path, levels): arrange.to_torch(np.asarray(leaf))
    for path, leaf in flat.items()
  }
  return {name: one.reshape(wanted[name]) for name, one in named.items()}
