"""Eight simulated devices for every test, set before jax is imported."""

from importlib import metadata
import os
import tempfile

import pytest

from lumiere_jax.parallel import machine

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Tests run each program a few times: compiling fast beats running fast.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
_FLAGS = {
  "--xla_force_host_platform_device_count": 8,
  "--xla_cpu_parallel_codegen_split_count": 1,
}
if metadata.version("jaxlib").startswith("0.10."):
  # Later ones have no other emitters, and end a process that names a flag which
  # they do not know.
  _FLAGS["--xla_cpu_use_fusion_emitters"] = "false"
for _flag, _value in _FLAGS.items():
  _flags = os.environ.get("XLA_FLAGS", "")
  if _flag not in _flags:
    os.environ["XLA_FLAGS"] = f"{_flags} {_flag}={_value}".strip()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Many tests run the same small programs, in processes of their own: what one of
# them compiles, the others read. Of this run alone, for another machine's may
# not suit; workers of one run inherit the name.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
  _programs = tempfile.TemporaryDirectory(prefix="lumiere-tests-")
  os.environ["JAX_COMPILATION_CACHE_DIR"] = _programs.name
machine.ensure_two_threads()


def pytest_addoption(parser):
  parser.addoption(
    "--bars",
    action="store_true",
    help="also run what measures the figures of the documents at full size",
  )


def pytest_collection_modifyitems(config, items):
  if config.getoption("--bars"):
    return
  skip = pytest.mark.skip(reason="full size; runs with --bars")
  for item in items:
    if item.get_closest_marker("bar"):
      item.add_marker(skip)
