"""Names for array axes; `lumiere_jax.parallel.rules` says where they go.

Layers name what an axis is and never where it lives, so a new pod shape is a
new table and never a change to a layer.
"""

# Clips, [B, T, H, W, C], and what there is one of for each clip, [B, ...].
VIDEO = ("batch", "frames")
PER_CLIP = ("batch",)

# Parameters.
CONV_2D = (None, None, "conv_in", "conv_out")
CONV_1D = (None, "conv_in", "conv_out")
DENSE = ("embed", "mlp")
FROM_MLP = ("mlp", "embed")
TO_HEADS = ("embed", "heads")
FROM_HEADS = ("heads", "embed")
