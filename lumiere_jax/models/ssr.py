"""The spatial super-resolution network, inflated along time.

It sees T' frames of the clip at a time.  The paper inflates a text-to-image
super-resolution network without saying how; ours has temporal convolutions in
every level and neither temporal attention nor temporal resize, since Imagen
Video found no gain from attention there.  Windows of frames are reconciled by
`sampling.multidiffusion` (Lumiere, section 3.2).
"""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp

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
  """Returns the inflated super-resolution network.

  Args:
    temporal: fields of `spec.TemporalSpec`; all levels convolve along time and
      none attends unless it says otherwise.
    dtype: compute dtype.
    remat: see `execution.Execution`.
    scan: likewise.
    attention_chunk: likewise.
    **sizes: fields of `spec.UNetSpec`; `low_res` is implied.
  """
  options = dict(conv_levels="all", attention_blocks=0) | dict(temporal or {})
  return unet.UNet(
    specs.UNetSpec(low_res=True, **sizes),
    specs.TemporalSpec(**options),
    execution=executions.Execution(
      remat=remat, scan=scan, attention_chunk=attention_chunk
    ),
    dtype=jnp.dtype(dtype),
  )
