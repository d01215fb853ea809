"""Weights that are cut over devices, brought together where they are used.

Inside `jax.shard_map` each device holds its part of every large weight (ZeRO
stage 3, "fully sharded data parallel").  Just before a block runs its weights
are gathered, in the compute dtype; the backward pass gathers them again, and
sums gradients in float32 as it cuts them.
"""

from collections.abc import Callable, Mapping
import functools

import jax
import jax.numpy as jnp

from lumiere_jax.types import Array, Params


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def whole(part: Array, axis_name: str, axis: int, dtype) -> Array:
  """Gathers one weight.

  Args:
    part: this device's part.
    axis_name: mesh axis that the weight is cut along.
    axis: which of the weight's axes is cut.
    dtype: of the result, and of what goes over the wires.
  """
  return jax.lax.all_gather(
    part.astype(dtype), axis_name, axis=axis, tiled=True
  )


def _forward(part, axis_name, axis, dtype):
  # An empty array remembers the weight's dtype.
  return whole(part, axis_name, axis, dtype), jnp.zeros((0,), part.dtype)


def _backward(axis_name, axis, dtype, like, gradient):
  del dtype
  part = jax.lax.psum_scatter(
    gradient.astype(jnp.float32), axis_name, scatter_dimension=axis, tiled=True
  )
  return (part.astype(like.dtype),)


whole.defvjp(_forward, _backward)


def gatherer(
  specs: Params, dtype, axis_name: str = "fsdp"
) -> Callable[[tuple[str, ...], Params], Params]:
  """Returns what gathers the parameters of a module.

  Args:
    specs: nested dicts of `PartitionSpec`, of the whole network.
    dtype: compute dtype, in which weights travel.
    axis_name: mesh axis that weights are cut along.

  Returns:
    (path of a module, its parameters on this device) -> whole parameters.
  """

  def gather(path: tuple[str, ...], params: Params) -> Params:
    return _gather(params, functools.reduce(lambda x, k: x[k], path, specs))

  def _gather(params, spec):
    if isinstance(params, Mapping):
      return {k: _gather(value, spec[k]) for k, value in params.items()}
    if axis_name not in spec:
      return params
    return whole(params, axis_name, tuple(spec).index(axis_name), dtype)

  return gather
