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


@pytest.mark.parametrize(
  ("rows", "expected"),
  [
    ({0: (0, 1), 1: (2, 3)}, [(0, 2), (1, 2)]),
    ({0: (0, 1, 2, 3)}, [(0, 1)]),
    # Frames of a clip over two processes: both read it.
    ({0: (0,), 1: (0,), 2: (1,), 3: (1,)}, [(0, 2), (0, 2), (1, 2), (1, 2)]),
    # Devices are numbered along the torus, not along the clips.
    ({0: (0, 2), 1: (1, 3)}, [(0, 2), (1, 2)]),
  ],
  ids=["apart", "alone", "shared", "interleaved"],
)
def test_each_process_reads_the_clips_of_its_devices(
  rows, expected, monkeypatch
):
  monkeypatch.setattr(meshes, "rows_of_processes", lambda *_: rows)
  clips = len({row for some in rows.values() for row in some})
  got = [meshes.reader(clips, None, process) for process in rows]
  assert got == expected


def test_clips_that_processes_half_share_are_refused(monkeypatch):
  rows = {0: (0, 1), 1: (1, 2), 2: (2, 3)}
  monkeypatch.setattr(meshes, "rows_of_processes", lambda *_: rows)
  with pytest.raises(errors.ConfigError, match="share some of their clips and"):
    meshes.reader(4, meshes.make({"data": -1}), 0)


def test_rows_of_one_process_are_all():
  mesh = meshes.make({"data": 2, "frames": 4})
  assert meshes.rows_of_processes(4, mesh) == {0: (0, 1, 2, 3)}


@pytest.mark.parametrize("shape", [dict(data=8), dict(data=2, frames=4)])
def test_pieces_of_several_processes_make_the_whole(shape, monkeypatch):
  """As a process that has all rows, in another order than its devices'."""
  mesh = meshes.make(shape)
  clips = np.arange(8 * 4).reshape(8, 4, 1, 1, 1).astype(np.float32)
  placed = meshes._assemble(clips, tuple(range(8)), 8, mesh)
  np.testing.assert_array_equal(placed, clips)
  assert placed.sharding == meshes.batch_sharding(mesh, 5)


class _Device:
  """Of a slice of a pod that is not here."""

  def __init__(self, number, slice_index):
    self.id, self.slice_index, self.process_index = number, slice_index, 0
    self.platform, self.device_kind = "cpu", "made up"


def test_slices_lie_along_data():
  devices = [_Device(n, n // 4) for n in range(8)]
  grid = meshes._grid([2, 2, 2], devices)
  for index in range(2):
    assert {device.slice_index for device in grid[index].flat} == {index}
  with pytest.raises(
    errors.ConfigError, match=r"make mesh\.data a multiple of 2"
  ):
    meshes._grid([1, 4, 2], devices)
