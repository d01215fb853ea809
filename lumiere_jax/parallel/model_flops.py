"""FLOPs that the mathematics of a step asks for, whatever the compiler does.

Convolutions and matrix products of the traced program: no recomputation, no
padding, no duplicate work on several devices. Divided by time and peak this is
"model FLOPs utilisation" (Chowdhery et al. 2022, appendix B).
"""

from collections.abc import Callable
import math
from typing import Any

import jax
from jax.extend import core


def count(fun: Callable[..., Any], *arguments: Any) -> float:
  """Counts one call, arguments being abstract; the trace is not compiled."""
  return _count(jax.make_jaxpr(fun)(*arguments).jaxpr)


def _count(jaxpr) -> float:
  return sum(_of(equation) for equation in jaxpr.eqns)


def _of(equation) -> float:
  name, params = equation.primitive.name, equation.params
  if name == "dot_general":
    (contracted, _), _ = params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    depth = math.prod(left[axis] for axis in contracted)
    return 2.0 * equation.outvars[0].aval.size * depth
  if name == "conv_general_dilated":
    return _convolution(equation)
  times = 1
  if name == "scan":
    times = params["length"]
  elif name == "shard_map":  # its program is that of one device
    times = params["mesh"].size
  if name == "cond":
    return max(_count(branch.jaxpr) for branch in params["branches"])
  return times * sum(_count(inner) for inner in _inner(params))


def _convolution(equation) -> float:
  """Counts every tap of every output, those on padding too."""
  out, kernel = equation.outvars[0].aval, equation.invars[1].aval
  numbers = equation.params["dimension_numbers"]
  features = kernel.shape[numbers.rhs_spec[0]]
  # Zeros that a strided convolution's gradient puts between its inputs are
  # not multiplied by.
  dilation = math.prod(equation.params["lhs_dilation"])
  return 2.0 * out.size * (kernel.size / features) / dilation


def _inner(params):
  for value in params.values():
    if isinstance(value, core.ClosedJaxpr):
      yield value.jaxpr
    elif isinstance(value, core.Jaxpr):
      yield value
