import importlib.util

import pytest

from lumiere_jax import errors
from lumiere_jax.aot import topology

GIB = 2**30


@pytest.mark.parametrize(
  ("name", "num_slices", "chips", "devices", "hbm"),
  [
    ("v4:4x4x4", 1, 64, 64, 30.75),
    ("v5e:1x1", 1, 1, 1, 15.75),
    ("v5e:16x16", 1, 256, 256, 15.75),
    ("v5e:16x16", 2, 512, 512, 15.75),
    ("v5p:4x4x8", 1, 128, 128, 95.74),
    ("v6e:16x16", 1, 256, 256, 31.25),
    ("tpu7x:4x4x4", 1, 64, 128, 94.75),
  ],
)
def test_a_name_gives_chips_devices_and_memory(
  name, num_slices, chips, devices, hbm
):
  found = topology.parse(name, num_slices)
  assert (found.num_chips, found.num_devices) == (chips, devices)
  assert found.devices_per_slice * num_slices == devices
  assert found.generation.hbm_bytes == int(hbm * GIB)


@pytest.mark.parametrize("name", topology.EXAMPLES)
def test_examples_are_names(name):
  assert topology.parse(name).name == name


@pytest.mark.parametrize(
  ("name", "rule"),
  [
    ("v5e", "A name is a generation"),
    ("v5litepod-16", "A name is a generation"),
    ("v3:2x2", "We know v4, v5e"),
    ("v5e:4x4x4", "has 2 axes"),
    ("v5p:4x4", "has 3 axes"),
    ("v5e:32x16", "has 1 to 256 chips"),
    ("v5e:0x4", "has 1 to 256 chips"),
  ],
)
def test_other_names_are_refused_with_examples(name, rule):
  with pytest.raises(errors.ConfigError, match=rule) as caught:
    topology.parse(name)
  assert "v5e:16x16" in str(caught.value)


def test_no_slices_are_refused():
  with pytest.raises(errors.ConfigError, match="number of slices is 0"):
    topology.parse("v5e:4x4", 0)


def test_without_libtpu_it_says_what_to_install(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(errors.ConfigError, match=r"lumiere-jax\[tpu\]"):
    topology.parse("v5e:4x4").devices()


@pytest.mark.compile
@pytest.mark.parametrize(
  ("name", "num_slices"),
  [
    *((name, 1) for name in topology.EXAMPLES),
    ("v4:1x1x1", 1),
    ("v5p:1x1x1", 1),
    ("v6e:1x1", 1),
    ("v5e:4x4", 2),
  ],
)
def test_devices_are_as_many_as_the_name_says(name, num_slices):
  pytest.importorskip("libtpu")
  found = topology.parse(name, num_slices)
  devices = found.devices()
  assert len(devices) == found.num_devices
  slices = [getattr(device, "slice_index", None) or 0 for device in devices]
  assert slices == sorted(slices)
  assert slices.count(0) == found.devices_per_slice


@pytest.mark.compile
@pytest.mark.parametrize(("name", "hosts"), [("v5e:2x4", 1), ("v5e:4x4", 4)])
def test_eight_chips_hang_on_one_host(name, hosts):
  pytest.importorskip("libtpu")
  devices = topology.parse(name).devices()
  assert len({device.process_index for device in devices}) == hosts


@pytest.mark.compile
def test_a_shape_that_libtpu_refuses_is_refused():
  pytest.importorskip("libtpu")
  with pytest.raises(errors.ConfigError, match=r"libtpu says: .*divisible"):
    topology.parse("v5e:3x5").devices()
