"""The ways compared are one attention, and each is compiled and read."""

import importlib.util
import json

import jax
from jax.experimental.pallas import tpu as pltpu
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.aot import attention


@pytest.mark.parametrize("way", ["chunks", "kernel"])
def test_all_ways_are_one_attention(way):
  shape = lambda length: (1, length, 2, 128)
  query, key, value = (
    jax.random.normal(jax.random.key(i), shape(n))
    for i, n in enumerate((512, 384, 384))
  )
  want = attention.WAYS["all at once"](query, key, value)
  with pltpu.force_tpu_interpret_mode():
    got = attention.WAYS[way](query, key, value)
  np.testing.assert_allclose(got, want, atol=2e-5)


def test_products_are_counted_by_hand():
  size = attention.Size(frames=1, queries=2, keys=3, heads=1, dim=5)
  # Forward: logits and result. Backward: logits again, and the gradients of
  # the weights, values, queries and keys.
  assert size.flops == 7 * 2 * (2 * 3 * 5)


@pytest.mark.compile
@pytest.mark.skipif(
  importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed"
)
def test_each_size_and_way_is_a_row(monkeypatch, tmp_path, capsys):
  small = attention.Size(frames=1, queries=512, keys=512, heads=1, dim=128)
  monkeypatch.setattr(attention, "SIZES", {"small": small})
  attention.run(tmp_path, attention.Plan(effort="low"))
  rows = json.loads((tmp_path / "attention.json").read_text())
  assert [row["way"] for row in rows] == [*attention.WAYS]
  assert all(row["roofline_ms"] > 0 for row in rows)
  assert [row["cycles_ms"] is None for row in rows] == [False, False, True]
  assert "small | kernel" in capsys.readouterr().out
  assert jnp.isfinite(rows[0]["temporaries_mib"])
