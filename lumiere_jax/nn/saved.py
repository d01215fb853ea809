"""Names by which the backward pass keeps, moves or recomputes activations.

The norm behind a convolution needs its result; everything between two
convolutions is cheap to compute again.  Without a `jax.checkpoint` policy
that asks for them the names do nothing.
"""

from jax import ad_checkpoint

from lumiere_jax.types import Array

CONVOLVED = "convolved"
BLOCK_INPUT = "block_input"


def convolved(x: Array) -> Array:
  """Names the result of a convolution."""
  return ad_checkpoint.checkpoint_name(x, CONVOLVED)


def block_input(x: Array) -> Array:
  """Names what a block starts from, all that it needs to run again."""
  return ad_checkpoint.checkpoint_name(x, BLOCK_INPUT)
