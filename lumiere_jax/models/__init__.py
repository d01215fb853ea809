"""Networks: text-to-image U-Net, its space-time inflation, super-resolution."""

from lumiere_jax import errors
from lumiere_jax.models import ssr
from lumiere_jax.models import stunet
from lumiere_jax.models import t2i
from lumiere_jax.models import unet

BUILDERS = {"t2i": t2i.build, "base": stunet.build, "ssr": ssr.build}


def build(stage: str, **model) -> unet.UNet:
  """Returns the network of a stage: "t2i", "base" or "ssr"."""
  errors.require_one_of("stage", stage, BUILDERS)
  return BUILDERS[stage](**model)
