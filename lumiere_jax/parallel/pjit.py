"""Programs over global arrays, under the name that TPU users know.

`pjit` was JAX's own word for a program whose arrays are cut over the devices
of all hosts; it is `jax.jit` with shardings now.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec


def pjit(
  fun: Callable[..., Any],
  mesh: jax.sharding.Mesh,
  *,
  out_specs: Any,
  donate_argnums: Sequence[int] = (),
):
  """Compiles a function whose results lie where `out_specs` says.

  Args:
    fun: of global arrays; arguments bring their own shardings.
    mesh: what `PartitionSpec`s refer to.
    out_specs: tree, or prefix of one, of `PartitionSpec` or `NamedSharding`.
    donate_argnums: arguments whose memory the results may take over.
  """
  shardings = jax.tree.map(
    lambda spec: (
      NamedSharding(mesh, spec) if isinstance(spec, PartitionSpec) else spec
    ),
    out_specs,
    is_leaf=lambda x: isinstance(x, PartitionSpec),
  )
  return jax.jit(
    fun, out_shardings=shardings, donate_argnums=tuple(donate_argnums)
  )
