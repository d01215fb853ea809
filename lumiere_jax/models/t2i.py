"""The text-to-image network: the prior that Lumiere freezes and inflates.

Published members of the family, as arguments of `build`:

  Imagen base      widths 512 x (1, 2, 3, 4), 3 blocks, attention at levels
                   1-3 (32, 16, 8 of 64 pixels), pooled, skips by block
  Imagen SR1       widths 128 x (1, 2, 4, 8), blocks (2, 4, 8, 8), attention
                   at the last level, strided, resize first, skips by level
                   scaled by 1 / sqrt 2, low-res input
  Imagen SR2       as SR1 with "cross" attention to text
  DeepFloyd IF-I   widths {192, 320, 704} x (1, 2, 3, 4), 3 blocks, GELU,
                   learned variance (6 channels out)
  DeepFloyd IF-II  five levels, blocks (2, 2, 3, 5, 5), low-res input

(Imagen, appendix F; `deep-floyd/IF`.)
"""

from collections.abc import Sequence

import jax.numpy as jnp

from lumiere_jax.models import execution as executions
from lumiere_jax.models import spec as specs
from lumiere_jax.models import unet
from lumiere_jax.nn import softmax_attention


def build(
  *,
  dtype: str = "float32",
  remat: str | Sequence[str] = "none",
  scan: bool = False,
  attention_chunk: int | None = softmax_attention.CHUNK,
  **sizes,
) -> unet.UNet:
  """Returns the image network.

  Args:
    dtype: compute dtype.
    remat: see `execution.Execution`.
    scan: likewise.
    attention_chunk: likewise.
    **sizes: fields of `spec.UNetSpec`.
  """
  return unet.UNet(
    specs.UNetSpec(**sizes),
    execution=executions.Execution(
      remat=remat, scan=scan, attention_chunk=attention_chunk
    ),
    dtype=jnp.dtype(dtype),
  )
