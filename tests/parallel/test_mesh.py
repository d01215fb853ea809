"""Meshes from a recipe's sizes, and batches on them; on 8 devices."""

import jax
from jax.sharding import PartitionSpec as P
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.parallel import mesh as meshes


@pytest.mark.parametrize(
  ("shape", "sizes"),
  [
    (dict(data=2, fsdp=2, frames=2), (2, 2, 2)),
    (dict(data=-1, fsdp=1, frames=1), (8, 1, 1)),
    (dict(data=2, fsdp=-1), (2, 4, 1)),
    (dict(frames=-1, data=4), (4, 1, 2)),
    (dict(data=8, frames=-1), (8, 1, 1)),
  ],
  ids=str,
)
def test_sizes_are_those_asked_for_and_minus_one_takes_the_rest(shape, sizes):
  mesh = meshes.make(shape)
  assert mesh.axis_names == meshes.AXES
  assert tuple(mesh.shape.values()) == sizes


def test_a_mesh_can_be_of_some_devices():
  mesh = meshes.make(dict(data=-1), jax.devices()[:3])
  assert set(mesh.devices.flat) == set(jax.devices()[:3])


@pytest.mark.parametrize(
  "shape",
  [
    dict(data=3, fsdp=-1),
    dict(data=2, fsdp=2),
    dict(data=16),
    dict(data=-1, fsdp=-1),
    dict(data=-1, fsdp=0),
    dict(data=-2, fsdp=-4),
    dict(),
  ],
  ids=str,
)
def test_sizes_that_do_not_multiply_to_the_devices_are_refused(shape):
  message = "there are 8 devices; sizes must multiply to that, and one of them"
  with pytest.raises(errors.ConfigError, match=message):
    meshes.make(shape)


def test_an_unknown_axis_is_refused_with_the_nearest():
  with pytest.raises(errors.ConfigError, match="Did you mean 'frames'"):
    meshes.make(dict(data=4, frame=2))


def test_clips_are_cut_over_data_and_fsdp_and_frames_over_frames():
  mesh = meshes.make(dict(data=2, fsdp=2, frames=2))
  assert meshes.batch_sharding(mesh, 2).spec == P(("data", "fsdp"))
  assert meshes.batch_sharding(mesh, 5).spec == P(("data", "fsdp"), "frames")


def test_a_batch_keeps_its_numbers_and_each_device_has_its_part():
  mesh = meshes.make(dict(data=2, fsdp=2, frames=2))
  batch = {
    "video": np.arange(8 * 4 * 2 * 2 * 3, dtype=np.float32).reshape(
      8, 4, 2, 2, 3
    ),
    "mask": np.arange(16).reshape(8, 2) % 3 == 0,
  }
  placed = meshes.place_batch(batch, mesh)
  for name, array in placed.items():
    np.testing.assert_array_equal(array, batch[name])
  assert placed["video"].addressable_shards[0].data.shape == (2, 2, 2, 2, 3)
  assert placed["mask"].addressable_shards[0].data.shape == (2, 2)


def test_a_replica_is_whole_on_every_device():
  mesh = meshes.make(dict(data=-1))
  array = jax.device_put(np.arange(3), meshes.replicated(mesh))
  assert [shard.data.shape for shard in array.addressable_shards] == [(3,)] * 8


@pytest.mark.parametrize("global_batch", [4, 8])
def test_a_batch_that_can_be_cut_passes(global_batch):
  mesh = meshes.make(dict(data=2, fsdp=2, frames=2))
  meshes.check_batch(global_batch, 80, mesh)


@pytest.mark.parametrize(
  ("global_batch", "num_frames", "message"),
  [
    (6, 80, r"global batch is 6, .* data x fsdp = 4 devices\. .*: 4 or 8"),
    (2, 80, r"global batch is 2, .*Nearest sizes that work: 4"),
    (4, 81, r"number of frames is 81, .* over 2 devices\. .*: 80 or 82"),
  ],
)
def test_a_batch_that_cannot_be_cut_is_refused(
  global_batch, num_frames, message
):
  mesh = meshes.make(dict(data=2, fsdp=2, frames=2))
  with pytest.raises(errors.ShapeError, match=message):
    meshes.check_batch(global_batch, num_frames, mesh)
