"""STUNet, Lumiere's base model: all frames of the clip in one pass.

The image network with factorized space-time convolutions in every level but
the coarsest, stacked temporal attention in the coarsest alone, and a temporal
resize after each spatial one (Lumiere, section 3.1).

With T frames and total temporal factor N, at initialisation

  STUNet(noisy)[:, ::N] == T2I(noisy[:, ::N])

and every other frame j mixes the coarse features of frame N * floor(j / N)
with its own fine ones.
"""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.models import execution as executions
from lumiere_jax.models import spec as specs
from lumiere_jax.models import unet
from lumiere_jax.nn import softmax_attention


def build(
  *,
  temporal: Mapping | None = None,
  dtype: str = "float32",
  remat: str | Sequence[str] = "none",
  scan: bool = False,
  attention_chunk: int | None = softmax_attention.CHUNK,
  **sizes,
) -> unet.UNet:
  """Returns the inflated base network.

  Args:
    temporal: fields of `spec.TemporalSpec`; factors default to 2 at each
      spatial resize.
    dtype: compute dtype.
    remat: see `execution.Execution`.
    scan: likewise.
    attention_chunk: likewise.
    **sizes: fields of `spec.UNetSpec`, those of the image network.
  """
  spec = specs.UNetSpec(**sizes)
  options = dict(temporal or {})
  options.setdefault("factors", (2,) * spec.num_resizes)
  if len(options["factors"]) != spec.num_resizes:
    raise errors.ConfigError(
      f"temporal factors are {tuple(options['factors'])}; the network has "
      f"{spec.num_resizes} spatial resizes and each needs one factor."
    )
  return unet.UNet(
    spec,
    specs.TemporalSpec(**options),
    execution=executions.Execution(
      remat=remat, scan=scan, attention_chunk=attention_chunk
    ),
    dtype=jnp.dtype(dtype),
  )
