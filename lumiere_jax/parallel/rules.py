"""From the names layers give their axes to the axes of a device mesh.

Layers only say what an axis is ("batch", "conv_out"); this table is the one
place that says where it goes.  It is total: an axis name without a row is an
error, never silently replicated.
"""

from collections.abc import Mapping
import dataclasses
import math
import types

from absl import logging
import flax.linen as nn
import jax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from lumiere_jax import errors

MeshAxes = str | tuple[str, ...] | None

ACTIVATION_AXES = frozenset({"batch", "frames"})
PARAMETER_AXES = frozenset(
  {"conv_in", "conv_out", "embed", "heads", "mlp", "vocab"}
)
LOGICAL_AXES = ACTIVATION_AXES | PARAMETER_AXES


@dataclasses.dataclass(frozen=True)
class AxisRules:
  """A total map from logical axis to mesh axes; None means replicated.

  Attributes:
    table: logical axis -> mesh axis, several of them, or None.
    smallest: parameters of fewer elements are on every device: to bring them
      together would cost more time than it saves memory.
  """

  table: Mapping[str, MeshAxes]
  smallest: int = 2**14

  def __post_init__(self):
    given = set(self.table)
    if given != LOGICAL_AXES:
      raise errors.ConfigError(
        "axis rules must name every logical axis once; "
        f"missing {sorted(LOGICAL_AXES - given)}, "
        f"unknown {sorted(given - LOGICAL_AXES)}."
      )
    object.__setattr__(self, "table", types.MappingProxyType(dict(self.table)))

  def items(self) -> list[tuple[str, MeshAxes]]:
    """Rows in the form that `flax.linen.logical_axis_rules` takes."""
    return list(self.table.items())

  def shardings(self, abstract_tree, mesh: jax.sharding.Mesh):
    """Shardings for a tree of (possibly boxed) `jax.ShapeDtypeStruct`.

    An axis whose size the mesh axis does not divide is replicated, and the
    log says which and why.

    Returns:
      A tree of `NamedSharding` of the structure of the unboxed tree.
    """
    return jax.tree.map(
      lambda spec: NamedSharding(mesh, spec), self.specs(abstract_tree, mesh)
    )

  def specs(self, abstract_tree, mesh: jax.sharding.Mesh):
    """As `shardings`, as `PartitionSpec`s."""
    named = nn.get_partition_spec(abstract_tree)
    shapes = nn.unbox(abstract_tree)
    return jax.tree.map_with_path(
      lambda path, shape, spec: self._place(
        jax.tree_util.keystr(path), shape.shape, spec, mesh
      ),
      shapes,
      named,
    )

  def of(self, names: tuple[str | None, ...]) -> P:
    """Where an activation goes whose axes layers call so."""
    return P(*(self.table[name] if name else None for name in names))

  def _place(self, name: str, shape, spec, mesh: jax.sharding.Mesh) -> P:
    if math.prod(shape) < self.smallest:
      return P(*(None,) * len(shape))
    placed = nn.logical_to_mesh_axes(spec, self.items()) if spec else P()
    axes = []
    for size, axis in zip(shape, placed, strict=False):
      by = (
        math.prod(
          mesh.shape[a] for a in ((axis,) if isinstance(axis, str) else axis)
        )
        if axis
        else 1
      )
      if size % by:
        logging.info(
          "%s: axis of %d is replicated, %r would cut it %d ways",
          name,
          size,
          axis,
          by,
        )
      axes.append(axis if by > 1 and size % by == 0 else None)
    return P(*axes)


_REPLICATED = dict.fromkeys(LOGICAL_AXES)

# Clips over data and fsdp, frames of a clip over frames; parameters over fsdp.
DEFAULT = AxisRules(
  _REPLICATED
  | {
    "batch": ("data", "fsdp"),
    "frames": "frames",
    "conv_out": "fsdp",
    "mlp": "fsdp",
    "heads": "fsdp",
  }
)
