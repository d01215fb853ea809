"""Names for array axes; `lumiere_jax.parallel.rules` says where they go.

Layers name what an axis is and never where it lives, so a new pod shape is a
new table and never a change to a layer.
"""

import flax.linen as nn

from lumiere_jax.types import Array

# Activations, [B, T, H, W, C].
VIDEO = ("batch", "frames", "height", "width", "channels")

# Parameters.
CONV_2D = (None, None, "conv_in", "conv_out")
CONV_1D = (None, "conv_in", "conv_out")
DENSE = ("embed", "mlp")
TO_HEADS = ("embed", "heads")
FROM_HEADS = ("heads", "embed")


def constrain(video: Array) -> Array:
  """Pins the layout of an activation [B, T, H, W, C] under the mesh in force.

  Without it the compiler's partitioner follows the weights and gathers whole
  activations.  Outside `flax.linen.logical_axis_rules` it does nothing.
  """
  return nn.with_logical_constraint(video, VIDEO)


def constrain_clips(x: Array) -> Array:
  """Pins an array with one row a clip, [B, ...]: cut along the batch alone."""
  return nn.with_logical_constraint(x, ("batch", *(None,) * (x.ndim - 1)))
