"""What is imported is declared, and what is promised is there."""

import ast
import importlib.metadata
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SETUP = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
DECLARED = {
  node.targets[0].id: ast.literal_eval(node.value)
  for node in SETUP.body
  if isinstance(node, ast.Assign) and node.targets[0].id in ("CORE", "EXTRAS")
}
# Workers that run in an environment of their own; `test_architecture` says what
# they may import.
PEERS = tuple(
  f"peer_{name}.py"
  for name in ("diffusers", "lumiere_pytorch", "torch", "unet")
)


def _names(requirements):
  names = (re.match(r"[\w.-]+", r)[0] for r in requirements)
  return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def _at_import(node):
  """What runs when a file is imported: all but the insides of functions."""
  for child in ast.iter_child_nodes(node):
    if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
      yield child
      yield from _at_import(child)


def _imported(path):
  roots = set()
  for node in _at_import(ast.parse(path.read_text(encoding="utf-8"))):
    if isinstance(node, ast.Import):
      roots |= {alias.name.split(".")[0] for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      roots.add(node.module.split(".")[0])
  return roots - {*sys.stdlib_module_names, "lumiere_jax"}


def _rooms():
  folders = (ROOT / "lumiere_jax").iterdir()
  return sorted(p.name for p in folders if (p / "__init__.py").exists())


@pytest.mark.parametrize("room", _rooms())
def test_what_a_room_imports_is_declared(room):
  # Of the core, so that every command runs on a plain installation; what is
  # imported inside a function may be of an extra, which its error names.
  asked = DECLARED["CORE"]
  owners = importlib.metadata.packages_distributions()
  for path in (ROOT / "lumiere_jax" / room).rglob("*.py"):
    if room == "comparison" and path.name in PEERS:
      continue
    for module in _imported(path):
      assert _names(owners[module]) & _names(asked), (path.name, module)


def test_tests_run_on_core_and_dev_alone():
  dev = _names(DECLARED["EXTRAS"]["dev"])
  assert {"pytest", "ruff"} <= dev


def test_extras_are_those_that_are_promised():
  assert set(DECLARED["EXTRAS"]) == {
    "tpu",
    "gpu",
    "prep",
    "eval",
    "credentials",
    "studio",
    "compare",
    "dev",
  }


def test_launchers_and_package_ask_for_the_same_python():
  source = (ROOT / "setup.py").read_text(encoding="utf-8")
  assert 'python_requires=">=3.11,<3.14"' in source
  launcher = (ROOT / "launch" / "venv.sh").read_text(encoding="utf-8")
  assert r"^3\.1[123]\." in launcher


def test_licence_is_the_whole_of_apache_2():
  text = (ROOT / "LICENSE").read_text(encoding="utf-8")
  assert "Apache License" in text
  assert "END OF TERMS AND CONDITIONS" in text


def test_readme_is_short():
  text = (ROOT / "README.md").read_text(encoding="utf-8")
  assert len(text.splitlines()) <= 200
