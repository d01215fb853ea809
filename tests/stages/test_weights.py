"""What a recipe computes in where its weights are used, and which are meant."""

import jax
import pytest

from lumiere_jax import errors
from lumiere_jax.stages import weights


@pytest.mark.parametrize(
  ("backend", "dtype"), [("cpu", "float32"), ("tpu", "bfloat16")]
)
def test_cpus_compute_in_float32_whatever_was_trained_in(
  monkeypatch, backend, dtype
):
  monkeypatch.setattr(jax, "default_backend", lambda: backend)
  recipe = {"stage": "base", "model": {"widths": (8,), "dtype": "bfloat16"}}
  found = weights._on_this_machine(recipe)
  assert found == {"stage": "base", "model": {"widths": (8,), "dtype": dtype}}
  assert recipe["model"]["dtype"] == "bfloat16"


def test_a_stage_without_network_stays_as_it_is():
  recipe = {"stage": "text", "model": {}}
  assert weights._on_this_machine(recipe) is recipe


def test_a_cascade_where_one_stage_is_wanted_names_its_stages():
  with pytest.raises(errors.WeightsError, match=r"ssr; .* such as nano/base\."):
    weights.load("nano")
