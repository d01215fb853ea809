"""Every name that docs/paper_map.md leads to is there."""

import importlib
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
ROOMS = {p.parent.name for p in (ROOT / "lumiere_jax").glob("*/__init__.py")}


def _names(text):
  quoted = re.findall(r"`([^`]+)`", text)
  return sorted({name for name in quoted if name.split(".")[0] in ROOMS})


def _find(name):
  room, module, *attributes = name.split(".")
  found = importlib.import_module(f"lumiere_jax.{room}.{module}")
  for attribute in attributes:
    # A field of a dataclass without a default is no attribute of its class.
    fields = getattr(found, "__dataclass_fields__", {})
    found = fields.get(attribute) or getattr(found, attribute)
  return found


TEXT = (ROOT / "docs" / "paper_map.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", _names(TEXT))
def test_name_leads_somewhere(name):
  assert _find(name) is not None


@pytest.mark.parametrize("path", re.findall(r"`(tests/[^`]+)`", TEXT))
def test_test_is_there(path):
  assert (ROOT / path).is_file()


def test_a_name_that_leads_nowhere_is_found():
  assert _names("`models.t2i` and `alpha`, `trainable`") == ["models.t2i"]
  with pytest.raises(AttributeError, match="inflated"):
    _find("models.inflate.inflated")
