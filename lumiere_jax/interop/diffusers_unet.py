"""A diffusers `UNet2DConditionModel` as our image network."""

from collections.abc import Mapping
import functools
import os
import pathlib
from typing import Any

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax.interop import diffusers_config
from lumiere_jax.interop import diffusers_names
from lumiere_jax.interop import folders
from lumiere_jax.interop import matching
from lumiere_jax.interop import tensors
from lumiere_jax.models import spec as specs
from lumiere_jax.models import unet
from lumiere_jax.types import Condition


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
  """Reads a model folder's config.json; see `folders.read_json`."""
  return folders.read_json(pathlib.Path(folder) / folders.CONFIG)


def spec(config: Mapping[str, Any]) -> specs.UNetSpec:
  """Sizes of the network that a config describes; see `diffusers_config`."""
  return specs.UNetSpec(**diffusers_config.unet_fields(config))


def shapes(
  network: specs.UNetSpec, text_width: int
) -> dict[matching.Path, tuple[int, ...]]:
  """Path -> shape of every parameter of an image network, made of nothing."""
  side = 2**network.num_resizes
  pixels = jax.ShapeDtypeStruct((1, 1, side, side, 3), jnp.float32)
  number = jax.ShapeDtypeStruct((1,), jnp.float32)
  told = Condition(
    text=jax.ShapeDtypeStruct((1, 2, text_width), jnp.float32),
    text_mask=jax.ShapeDtypeStruct((1, 2), jnp.bool_),
    low_res=pixels if network.low_res else None,
    noise_level=number if network.told_noise_level else None,
  )
  init = functools.partial(unet.UNet(network).init, jax.random.key(0))
  made = nn.unbox(jax.eval_shape(init, pixels, number, told))
  flat = flax.traverse_util.flatten_dict(made["params"])
  return {path: leaf.shape for path, leaf in flat.items()}


def match(
  config: Mapping[str, Any], shelf: Mapping[str, tensors.Tensor]
) -> list[matching.Match]:
  """Pairs each parameter of the network with its tensor.

  Args:
    config: what config.json says.
    shelf: the tensors beside it.

  Raises:
    WeightsError: the config is not expressed here, or the tensors are not of
      it.
  """
  network = spec(config)
  return matching.match(
    shapes(network, diffusers_config.text_width(config)),
    shelf,
    functools.partial(diffusers_names.theirs, num_levels=network.num_levels),
  )
