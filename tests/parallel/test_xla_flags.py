"""Flags for the TPU compiler: whose they are, and that it takes them."""

from importlib import metadata
import importlib.util
import os
import subprocess
import sys

import pytest

from lumiere_jax import errors
from lumiere_jax.parallel import xla_flags

V = xla_flags.VARIABLE
# Compiles blocks whose weights are gathered one at a time, for an absent TPU; a
# flag unknown to libtpu ends it.
_PROGRAM = """
import sys
import jax, jax.numpy as jnp
from jax.experimental import topologies
name, options = sys.argv[1], eval(sys.argv[2])
devices = topologies.get_topology_desc(
  platform="tpu", topology_name=name, **options
).devices
auto = jax.sharding.AxisType.Auto
mesh = jax.sharding.Mesh(devices, ("a",), axis_types=(auto,))
def on(*shape, spec):
  place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*spec))
  return jax.ShapeDtypeStruct(shape, jnp.bfloat16, sharding=place)
def loss(weights, x):
  x = jax.lax.scan(lambda x, w: (jnp.tanh(x @ w), None), x, weights)[0]
  return (x.astype(jnp.float32) ** 2).mean()
weights = on(4, 1024, 1024, spec=(None, "a"))
x = on(8 * len(devices), 1024, spec=("a",))
step = lambda weights, x: weights - jax.grad(loss)(weights, x)
step = jax.jit(step, out_shardings=weights.sharding)
text = step.lower(weights, x).compile().as_text()
print(f"{devices[0].device_kind}|{'all-gather-start' in text}")
"""
_SLICES = {
  "v4": ("v4:2x2x2", {"chip_config_name": "megacore"}),
  "v5e": ("v5e:2x4", {}),
  "v5p": ("v5p:2x2x2", {}),
  "v6e": ("v6e:2x4", {}),
  "tpu7x": ("tpu7x:2x2x1", {}),
}


@pytest.fixture(autouse=True)
def _no_flags(monkeypatch):
  # The release that the table is for, whichever is installed.
  monkeypatch.setattr(metadata, "version", lambda name: "0.0.42")
  for name in (V, "XLA_FLAGS", "TPU_ACCELERATOR_TYPE"):
    monkeypatch.delenv(name, raising=False)


def _compile(name, flags):
  shape, options = _SLICES[name]
  env = dict(
    os.environ,
    TPU_SKIP_MDS_QUERY="1",
    JAX_PLATFORMS="cpu",
    ALLOW_MULTIPLE_LIBTPU_LOAD="1",
    LIBTPU_INIT_ARGS=flags,
  )
  return subprocess.run(
    [sys.executable, "-c", _PROGRAM, shape, repr(options)],
    env=env,
    capture_output=True,
    text=True,
    timeout=300,
    check=False,
  )


needs_libtpu = pytest.mark.skipif(
  importlib.util.find_spec("libtpu") is None
  or xla_flags._libtpu() > xla_flags._LAST,
  reason="no libtpu here that the table is for",
)


def _compiled(name, flags):
  """Device kind, and whether weights are gathered beside other work."""
  done = _compile(name, flags)
  assert done.returncode == 0, done.stderr[-2000:]
  kind, is_async = done.stdout.splitlines()[-1].split("|")
  return kind, is_async == "True"


@pytest.mark.compile
@needs_libtpu
@pytest.mark.parametrize("name", xla_flags.TRAINING)
def test_the_compiler_takes_the_flags_of_each_generation(name):
  kind, is_async = _compiled(name, xla_flags.for_generation(name))
  assert xla_flags.generation(kind) == name
  assert is_async == (name != "tpu7x")


@pytest.mark.compile
@needs_libtpu
@pytest.mark.parametrize("name", ["v4", "v5e", "v5p", "v6e"])
def test_flags_are_there_only_where_they_change_something(name):
  _, is_async = _compiled(name, "")
  assert is_async == (not xla_flags.TRAINING[name])


@pytest.mark.compile
@needs_libtpu
def test_the_compiler_refuses_a_flag_that_it_does_not_know():
  done = _compile("v5e", "--xla_tpu_enable_nothing=true")
  assert done.returncode != 0
  assert "xla_tpu_enable_nothing" in done.stderr


@pytest.mark.parametrize(
  ("name", "generation"),
  [
    ("TPU v4", "v4"),
    ("v4-64", "v4"),
    ("tpu-v4-podslice", "v4"),
    ("TPU v5 lite", "v5e"),
    ("TPU v5e", "v5e"),
    ("v5litepod-256", "v5e"),
    ("tpu-v5-lite-podslice", "v5e"),
    ("TPU v5", "v5p"),
    ("TPU v5p", "v5p"),
    ("v5p-128", "v5p"),
    ("tpu-v5p-slice", "v5p"),
    ("TPU v6 lite", "v6e"),
    ("TPU v6e", "v6e"),
    ("v6e-256", "v6e"),
    ("tpu-v6e-slice", "v6e"),
    ("TPU7x", "tpu7x"),
    ("tpu7x-128", "tpu7x"),
    ("tpu7x", "tpu7x"),
    ("v4", "v4"),
    ("v5e", "v5e"),
    ("v5p", "v5p"),
    ("v6e", "v6e"),
    ("TPU v3", None),
    ("v3-8", None),
    ("cpu", None),
    ("NVIDIA H100", None),
  ],
)
def test_a_generation_is_known_by_all_its_names(name, generation):
  assert xla_flags.generation(name) == generation


@pytest.mark.parametrize("name", xla_flags.TRAINING)
def test_flags_are_words_that_libtpu_splits(name):
  words = xla_flags.for_generation(name).split()
  assert len(words) == len(xla_flags.TRAINING[name])
  for word in words:
    flag, value = word.split("=")
    assert flag.startswith("--xla_")
    assert value
    assert xla_flags.TRAINING[name][flag[2:]] == value


@pytest.mark.parametrize(
  ("release", "is_told"),
  [("0.0.41", True), ("0.0.42.1", True), ("0.0.43", False), ("0.1.0", False)],
)
def test_a_libtpu_later_than_the_table_is_told_nothing(
  monkeypatch, release, is_told
):
  monkeypatch.setattr(metadata, "version", lambda name: release)
  assert bool(xla_flags.for_generation("v5p")) is is_told
  assert bool(xla_flags.apply("v5p-128")) is is_told
  assert bool(os.environ.get(V)) is is_told


def test_a_machine_without_libtpu_may_still_ask(monkeypatch):
  def missing(name):
    raise metadata.PackageNotFoundError(name)

  monkeypatch.setattr(metadata, "version", missing)
  assert xla_flags.for_generation("v5p")


def test_an_unknown_generation_is_refused():
  with pytest.raises(errors.ConfigError, match="TPU generation is 'v9'"):
    xla_flags.for_generation("v9")


def test_a_machine_without_tpu_is_told_nothing():
  assert xla_flags.apply("cpu") == ""
  assert xla_flags.apply() == ""
  assert V not in os.environ


def test_what_was_added_is_said_and_stands(monkeypatch):
  monkeypatch.setenv("TPU_ACCELERATOR_TYPE", "v5p-128")
  added = xla_flags.apply()
  assert added == xla_flags.for_generation("v5p") == os.environ[V]
  assert xla_flags.apply() == ""  # once
  assert os.environ[V] == added


def test_a_person_has_the_last_word_on_each_flag(monkeypatch):
  flag, value = next(iter(xla_flags.TRAINING["v5p"].items()))
  monkeypatch.setenv(V, f"--{flag}=mine --xla_other=1")
  added = xla_flags.apply("v5p-128")
  assert f"--{flag}={value}" not in added
  assert len(added.split()) == len(xla_flags.TRAINING["v5p"]) - 1
  assert os.environ[V] == f"--{flag}=mine --xla_other=1 {added}"


def test_what_is_in_force_is_all_that_the_compilers_read(monkeypatch):
  assert xla_flags.in_force() == ""
  monkeypatch.setenv("XLA_FLAGS", " --xla_a=1  --xla_b=2 ")
  monkeypatch.setenv(V, "--xla_c=3")
  assert xla_flags.in_force() == "--xla_a=1 --xla_b=2 --xla_c=3"


@pytest.mark.parametrize("attached", ["has_tpu", "has_gpu", None])
def test_the_cpu_compiler_is_told_where_there_is_nothing_faster(
  attached, monkeypatch
):
  for name in ("has_tpu", "has_gpu"):
    monkeypatch.setattr(xla_flags.machine, name, lambda n=name: n == attached)
  monkeypatch.setenv("XLA_FLAGS", "--xla_a=1")
  assert xla_flags.apply_cpu() == ("" if attached else xla_flags.CPU)
  expected = "--xla_a=1" + ("" if attached else f" {xla_flags.CPU}")
  assert os.environ["XLA_FLAGS"] == expected
  assert xla_flags.apply_cpu() == ""  # once


def test_the_cpu_compiler_takes_its_flag():
  done = subprocess.run(
    [sys.executable, "-c", "import jax; print(jax.numpy.ones(2).sum())"],
    env=dict(os.environ, JAX_PLATFORMS="cpu", XLA_FLAGS=xla_flags.CPU),
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.stdout.strip() == "2.0", done.stderr
