"""The table from names of axes to the mesh is total, and says what it drops."""

import logging as python_logging

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import pytest

from lumiere_jax import errors
from lumiere_jax.nn import axes
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import rules


def _mesh():
  return meshes.make(dict(data=2, fsdp=2, frames=2))


def _spec(shape, names, table=rules.DEFAULT):
  box = nn.LogicallyPartitioned(jax.ShapeDtypeStruct(shape, jnp.float32), names)
  return table.shardings({"x": box}, _mesh())["x"].spec


def test_every_axis_that_layers_name_has_a_row():
  named = {
    *axes.VIDEO,
    *axes.PER_CLIP,
    *axes.CONV_2D,
    *axes.CONV_1D,
    *axes.DENSE,
    *axes.FROM_MLP,
    *axes.TO_HEADS,
    *axes.FROM_HEADS,
  }
  assert named - {None} <= set(rules.DEFAULT.table)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda t: t.pop("heads"), r"missing \['heads'\], unknown \[\]"),
    (lambda t: t.update(head=None), r"missing \[\], unknown \['head'\]"),
  ],
  ids=["missing", "unknown"],
)
def test_a_table_that_is_not_total_is_refused(change, message):
  table = dict(rules.DEFAULT.table)
  change(table)
  with pytest.raises(errors.ConfigError, match=message):
    rules.AxisRules(table)


def test_a_table_cannot_be_changed_behind_its_back():
  table = dict(rules.DEFAULT.table)
  made = rules.AxisRules(table)
  table["heads"] = "data"
  assert made.table["heads"] == "fsdp"
  with pytest.raises(TypeError, match="does not support item assignment"):
    made.table["heads"] = "data"


@pytest.mark.parametrize(
  ("shape", "names", "spec"),
  [
    ((3, 3, 64, 128), axes.CONV_2D, P(None, None, None, "fsdp")),
    ((3, 128, 128), axes.CONV_1D, P(None, None, "fsdp")),
    ((128, 128), axes.TO_HEADS, P(None, "fsdp")),
    ((128, 128), axes.FROM_HEADS, P("fsdp", None)),
    ((4,), (None,), P(None)),
  ],
  ids=["conv_2d", "conv_1d", "to_heads", "from_heads", "unnamed"],
)
def test_axes_go_where_the_table_says(shape, names, spec):
  assert _spec(shape, names) == spec


def test_a_parameter_without_names_is_replicated():
  tree = {"x": jax.ShapeDtypeStruct((128, 128), jnp.float32)}
  spec = rules.DEFAULT.shardings(tree, _mesh())["x"].spec
  assert all(axis is None for axis in spec)


def test_an_axis_that_cannot_be_cut_is_replicated_and_the_log_says_so(caplog):
  caplog.set_level(python_logging.INFO, logger="absl")
  assert _spec((3, 128, 127), axes.CONV_1D) == P(None, None, None)
  assert "['x']: axis of 127 is replicated, 'fsdp' would cut it 2 ways" in (
    caplog.text
  )


def test_an_axis_over_two_mesh_axes_needs_both_to_divide(caplog):
  caplog.set_level(python_logging.INFO, logger="absl")
  assert _spec((8, 4096), ("batch", None)) == P(("data", "fsdp"), None)
  assert _spec((6, 4096), ("batch", None)) == P(None, None)
  assert "would cut it 4 ways" in caplog.text


def test_another_table_is_another_layout():
  table = rules.AxisRules(
    dict(rules.DEFAULT.table) | {"conv_in": "frames", "conv_out": None}
  )
  assert _spec((3, 128, 128), axes.CONV_1D, table) == P(None, "frames", None)


def test_small_parameters_are_on_every_device():
  assert _spec((128, 127), axes.DENSE) == P(None, None)
  assert _spec((128, 128), axes.DENSE) == P(None, "fsdp")


def test_activations_lie_where_the_table_says():
  assert rules.DEFAULT.of(axes.VIDEO) == P(("data", "fsdp"), "frames")
  assert rules.DEFAULT.of((None, "batch")) == P(None, ("data", "fsdp"))
