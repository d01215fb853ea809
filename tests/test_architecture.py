"""The rooms, their floors, and which way imports point; see docs/house.md."""

import ast
import importlib
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FLOORS = {
  0: {"types", "errors"},
  1: {
    *("video", "diffusion", "nn", "parallel", "provenance", "toybox"),
    "shipped",
  },
  2: {"data", "text", "models", "sampling", "checkpoints", "rendering"},
  3: {"stages"},
  4: {"training", "generation", "interop"},
  5: {"apps", "evaluation", "aot", "comparison"},
  6: {"cli", "studio"},
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
OURS = "lumiere_jax"
COMPUTED = "<computed>"
DOORS = {"cli", "studio"}  # where flags and ConfigDicts stop
FLAGS = ("absl.flags", "absl.app", "ml_collections", "tyro")
# What a file may import against the rules, and why.
EXCEPTIONS = {
  # Grain's worker processes read grain's own absl flags, not ours.
  (f"{OURS}/data/pipeline.py", "absl.flags"),
}
NOWHERE = ("torch", "tensorflow", "clu")
# Workers of `lumiere compare peers` run in an environment of their own, which
# has PyTorch and none of our dependencies: they may import the one, and of ours
# only what needs the standard library alone. Nothing of ours imports them.
PEERS = {
  f"{OURS}/comparison/peer_{name}.py"
  for name in ("diffusers", "lumiere_pytorch", "torch", "unet")
}
PEERS_MAY = (
  *("torch", "diffusers", "transformers", "lumiere_pytorch", "argparse"),
  *("collections.abc", "importlib.metadata", "math", "typing.Any"),
  *(
    f"{OURS}.comparison.peer_{name}"
    for name in ("cases", "protocol", "torch", "unet")
  ),
)
BANS = {
  "models": (f"{OURS}.parallel",),
  "nn": (f"{OURS}.parallel",),
  "diffusion": ("flax",),
  "video": ("jax", "jaxlib", "flax"),
  "toybox": ("jax", "jaxlib", "flax"),
  "training": (f"{OURS}.models", f"{OURS}.data", f"{OURS}.stages"),
}
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc"}
MAX_FILE, MAX_FUNCTION = 400, 80
LONGER = {f"{OURS}/training/loop.py": 150}  # one flat loop with chapters

SOURCES = sorted(
  str(path.relative_to(ROOT))
  for folder in (OURS, "configs", "tests")
  for path in (ROOT / folder).rglob("*.py")
)
MODULES = [s for s in SOURCES if s.startswith(OURS) and s not in PEERS]
LAUNCHERS = sorted(
  str(path.relative_to(ROOT))
  for folder in ("launch", ".ci")
  for path in (ROOT / folder).rglob("*")
  if path.is_file()
)


def faults(path: str, source: str) -> list[str]:
  """What in a Python file breaks the house rules; empty if nothing does."""
  tree = ast.parse(source, path)
  found = _form_faults(path, source, tree)
  if path.startswith(OURS):
    found += _import_faults(path, tree) + _docstring_faults(tree)
  if path.startswith("configs"):
    found += [
      f"imports {name}; a recipe imports ml_collections and nothing else"
      for name in _imports(tree)
      if not _is_within(name, ("ml_collections", "__future__"))
    ]
  return found


def _form_faults(path: str, source: str, tree: ast.AST) -> list[str]:
  found = []
  if vague := VAGUE & {*pathlib.Path(path).with_suffix("").parts}:
    found.append(f"is named {vague.pop()}, which says nothing")
  if (length := len(source.splitlines())) > MAX_FILE:
    found.append(f"has {length} lines, over {MAX_FILE}")
  for node in ast.walk(tree):
    if isinstance(node, ast.ImportFrom) and node.level:
      found.append(f"line {node.lineno}: a relative import")
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
      length = node.end_lineno - node.lineno + 1
      if length > LONGER.get(path, MAX_FUNCTION):
        found.append(f"function {node.name} has {length} lines")
  return found


def _import_faults(path: str, tree: ast.AST) -> list[str]:
  room = pathlib.PurePath(path).with_suffix("").parts[1]
  if room == "__init__":
    return [f"the package itself imports {name}" for name in _imports(tree)]
  if room not in FLOOR_OF:
    return [f"room {room} stands on no floor"]
  found, floor = [], FLOOR_OF[room]
  if path in PEERS:
    return [
      f"imports {name}, which a peer's worker may not have"
      for name in _imports(tree)
      if not _is_within(name, PEERS_MAY)
    ]
  for name in _imports(tree):
    if name.replace(".", "/") + ".py" in PEERS:
      found.append(f"imports {name}, which only runs in the peers' environment")
    other = _room(name)
    if other and other != room and FLOOR_OF.get(other, 99) >= floor:
      found.append(
        f"imports {name}, from floor {FLOOR_OF.get(other)}; {room} is on "
        f"floor {floor}, and imports point down"
      )
    if _is_within(name, BANS.get(room, ()) + NOWHERE):
      found.append(f"imports {name}, which {room} never does")
    if (
      room not in DOORS
      and _is_within(name, FLAGS)
      and (path, name) not in EXCEPTIONS
    ):
      found.append(f"imports {name}; flags stop at {sorted(DOORS)}")
    if name == COMPUTED and room not in DOORS:
      found.append("imports a module whose name is computed")
    if _is_name_of_ours(name):
      found.append(f"imports the name {name}; import its module")
  return found


def _docstring_faults(tree: ast.Module) -> list[str]:
  found = [] if ast.get_docstring(tree) else ["the module has no docstring"]
  for node in tree.body:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
      found += _undocumented(node, "")
  return found


def _undocumented(node: ast.AST, prefix: str) -> list[str]:
  if node.name.startswith("_") or node.name == "setup":  # Linen calls setup
    return []
  name = prefix + node.name
  found = [] if ast.get_docstring(node) else [f"{name} has no docstring"]
  for child in node.body if isinstance(node, ast.ClassDef) else []:
    if isinstance(child, ast.FunctionDef | ast.ClassDef):
      found += _undocumented(child, f"{name}.")
  return found


def _imports(tree: ast.AST) -> list[str]:
  """Dotted names that a file imports, wherever in the file it does so."""
  names = []
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      names += [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
      names += [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Call) and node.args:
      called = getattr(node.func, "attr", getattr(node.func, "id", ""))
      if called in ("import_module", "__import__"):
        names.append(getattr(node.args[0], "value", COMPUTED))
  return names


def _room(name: str) -> str | None:
  """Room that a dotted name of ours is in; None for others and the package."""
  parts = name.split(".")
  if parts[0] != OURS or len(parts) == 1 or parts[1].startswith("__"):
    return None
  return parts[1]


def _is_name_of_ours(name: str) -> bool:
  # Rooms are flat, so lumiere_jax.room.module is as deep as modules go.
  depth = 2 if _room(name) in FLOORS[0] else 3
  return bool(
    _room(name) and _room(name) != "types" and len(name.split(".")) > depth
  )


def _is_within(name: str, roots: tuple[str, ...]) -> bool:
  return any(name == root or name.startswith(f"{root}.") for root in roots)


def launch_faults(source: str) -> list[str]:
  """What in a launcher knows more of us than the commands."""
  return [
    f"line {number} names {OURS} other than as python -m {OURS}.cli.VERB"
    for number, line in enumerate(source.splitlines(), start=1)
    if re.search(rf"{OURS}\b", re.sub(rf"-m {OURS}\.cli\.\w+", "", line))
  ]


@pytest.mark.parametrize("path", SOURCES)
def test_file_keeps_the_rules_of_the_house(path):
  assert faults(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", LAUNCHERS)
def test_launcher_knows_commands_alone(path):
  assert launch_faults((ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", MODULES)
def test_file_imports(path):
  name = ".".join(pathlib.PurePath(path).with_suffix("").parts)
  importlib.import_module(name.removesuffix(".__init__"))


@pytest.mark.parametrize(
  ("room", "banned"),
  [
    ("diffusion", "flax"),
    ("video", "jax"),
    ("toybox", "jax"),
    ("cli.main", "jax"),
  ],
)
def test_room_loads_without_what_it_must_not_need(room, banned):
  # Through others, too: what a file imports may import what it must not.
  prefix = f"{OURS}/{room.replace('.', '/')}"
  names = [
    source.removesuffix(".py").replace("/", ".")
    for source in MODULES
    if source.startswith(prefix)
  ]
  assert names
  program = (
    "import importlib, sys\n"
    f"for name in {names!r}: importlib.import_module(name)\n"
    f"sys.exit({banned!r} in sys.modules)"
  )
  run = subprocess.run(
    [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
  )
  assert run.returncode == 0, run.stderr or f"{room} loads {banned}"


def test_tests_mirror_the_rooms():
  folders = {
    path.name
    for path in (ROOT / "tests").iterdir()
    if path.is_dir() and not path.name.startswith((".", "__"))
  }
  others = {"e2e", "compile", "faults", "peers", "golden", "launch"}
  assert folders <= {*FLOOR_OF, *others}


DOC = '"""Doc."""\n'


@pytest.mark.parametrize(
  ("path", "source", "fault"),
  [
    ("nn/a.py", "from lumiere_jax.models import unet", "imports point down"),
    ("nn/a.py", "from lumiere_jax.diffusion import weights", "point down"),
    ("text/a.py", "import lumiere_jax.data.pipeline", "imports point down"),
    ("types.py", "from lumiere_jax import errors", "imports point down"),
    ("stages/a.py", "def f():\n  from lumiere_jax import cli", "point down"),
    ("nn/a.py", "importlib.import_module('lumiere_jax.cli.x')", "point down"),
    ("nn/a.py", "importlib.import_module(room)", "name is computed"),
    ("cli/a.py", "importlib.import_module(f'{room}')", None),
    ("cli/a.py", "from lumiere_jax.studio import app", "imports point down"),
    ("attic/a.py", "import os", "attic stands on no floor"),
    ("__init__.py", "from lumiere_jax import nn", "package itself imports"),
    ("nn/a.py", "from . import conv", "relative import"),
    ("cli/a.py", "from .. import nn", "relative import"),
    ("models/a.py", "from lumiere_jax.parallel import mesh", "models never"),
    ("nn/a.py", "from lumiere_jax import parallel", "nn never does"),
    ("diffusion/a.py", "import flax.linen as nn", "diffusion never does"),
    ("diffusion/a.py", "from flax import struct", "diffusion never does"),
    ("video/a.py", "import jax.numpy as jnp", "video never does"),
    ("video/a.py", "from lumiere_jax.types import Array", None),
    ("training/a.py", "from lumiere_jax import models", "training never"),
    ("training/a.py", "from lumiere_jax.data import pipeline", "never does"),
    ("training/a.py", "from lumiere_jax.stages import stage", "never does"),
    ("generation/a.py", "from absl import flags", "flags stop at"),
    ("generation/a.py", "from ml_collections import config_dict", "flags stop"),
    ("evaluation/a.py", "import tyro", "flags stop at"),
    ("data/source.py", "from absl import flags", "flags stop at"),
    ("data/pipeline.py", "from absl import flags", None),
    ("generation/a.py", "from absl import logging", None),
    ("cli/a.py", "from absl import flags", None),
    ("interop/a.py", "import torch", "interop never does"),
    ("comparison/a.py", "from torch import nn", "comparison never does"),
    ("comparison/peer_unet.py", "from torch import nn", None),
    ("comparison/peer_unet.py", "import jax", "worker may not have"),
    (
      "comparison/a.py",
      "from lumiere_jax.comparison import peer_unet",
      "only runs in",
    ),
    ("data/a.py", "import tensorflow as tf", "data never does"),
    ("data/a.py", "import tensorflow_datasets as tfds", None),
    ("cli/a.py", "from clu import metric_writers", "cli never does"),
    ("text/a.py", "from lumiere_jax.nn.conv import Conv", "import its module"),
    ("text/a.py", "from lumiere_jax.errors import DataError", "its module"),
    ("text/a.py", "from lumiere_jax.types import Array", None),
    ("text/a.py", "from lumiere_jax import __version__", None),
    ("text/utils.py", "", "named utils"),
    ("helpers/a.py", "", "named helpers"),
    ("text/a.py", "x = 1\n" * 400, "has 401 lines"),
    ("text/a.py", "def _f():\n" + "  x = 1\n" * 80, "_f has 81 lines"),
    ("training/loop.py", "def _f():\n" + "  x = 1\n" * 149, None),
    ("training/loop.py", "def _f():\n" + "  x = 1\n" * 150, "_f has 151"),
    ("text/a.py", "def f():\n  pass", "f has no docstring"),
    ("text/a.py", "class A:\n  pass", "A has no docstring"),
    ("text/a.py", f"class A:\n  {DOC}  def b(self): ...", "A.b has no doc"),
    ("text/a.py", f"class A:\n  {DOC}  def _b(self): ...", None),
  ],
)
def test_the_rules_can_be_broken(path, source, fault):
  found = faults(f"{OURS}/{path}", DOC + source)
  assert any(fault in one for one in found) if fault else not found, found


def test_a_file_without_docstring_is_found():
  assert "the module has no docstring" in faults(f"{OURS}/nn/a.py", "x = 1")


@pytest.mark.parametrize(
  "source",
  ["from lumiere_jax import types", "import os", "def f():\n  import jax"],
)
def test_a_recipe_that_imports_is_found(source):
  assert "a recipe imports" in faults("configs/a.py", source)[0]
  assert not faults("configs/a.py", "from ml_collections import config_dict")


@pytest.mark.parametrize(
  ("line", "is_fault"),
  [
    ("python -m lumiere_jax.cli.train --config=x", False),
    ("lumiere sample --prompt x", False),
    ("python -c 'import lumiere_jax'", True),
    ("python -m lumiere_jax.training.loop", True),
    ("python lumiere_jax/cli/train.py", True),
  ],
)
def test_a_launcher_that_knows_too_much_is_found(line, is_fault):
  assert bool(launch_faults(line)) == is_fault
