"""The named mesh: data, fsdp, frames.

data    clips, one replica of everything else each
fsdp    clips too, and every weight cut into as many parts
frames  the frames of each clip
"""

from collections.abc import Mapping, Sequence
import math

import jax
from jax.experimental import mesh_utils
from jax.sharding import AxisType
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
import numpy as np

from lumiere_jax import errors

AXES = ("data", "fsdp", "frames")


def make(
  shape: Mapping[str, int], devices: Sequence[jax.Device] | None = None
) -> jax.sharding.Mesh:
  """Builds the mesh.

  Args:
    shape: size of each of `AXES`; one may be -1, which takes the devices that
      the others leave.
    devices: defaults to all devices of all processes.

  Raises:
    ConfigError: an unknown axis, or a product that is not the device count.
  """
  devices = list(jax.devices() if devices is None else devices)
  for name in shape:
    errors.require_one_of("mesh axis", name, AXES)
  sizes = [int(shape.get(name, 1)) for name in AXES]
  rest = math.prod(size for size in sizes if size != -1)
  if sizes.count(-1) == 1 and rest > 0 and len(devices) % rest == 0:
    sizes[sizes.index(-1)] = len(devices) // rest
  if math.prod(sizes) != len(devices) or min(sizes) < 1:
    raise errors.ConfigError(
      f"mesh is {dict(zip(AXES, sizes, strict=True))} but there are "
      f"{len(devices)} devices; sizes must multiply to that, and one of them "
      "may be -1."
    )
  grid = _grid(sizes, devices)
  return jax.sharding.Mesh(grid, AXES, axis_types=(AxisType.Auto,) * 3)


def _grid(sizes: list[int], devices: list[jax.Device]) -> np.ndarray:
  """Devices by axis: neighbours on an axis are neighbours on the machine.

  Slices of a pod lie along `data`, outermost: between them go gradients, once
  a step, over the slower network.
  """
  num_slices = len({getattr(device, "slice_index", 0) for device in devices})
  if num_slices == 1:
    return mesh_utils.create_device_mesh(
      sizes, devices, allow_split_physical_axes=True
    )
  if sizes[0] % num_slices:
    raise errors.ConfigError(
      f"mesh is {dict(zip(AXES, sizes, strict=True))} over {num_slices} "
      f"slices, which lie along data; make mesh.data a multiple of "
      f"{num_slices}."
    )
  return mesh_utils.create_hybrid_device_mesh(
    [sizes[0] // num_slices, *sizes[1:]],
    [num_slices, 1, 1],
    devices,
    allow_split_physical_axes=True,
  )


def batch_sharding(mesh: jax.sharding.Mesh, ndim: int) -> NamedSharding:
  """Where an array with a leading clip axis lives; frames are axis 1 of 5."""
  return NamedSharding(
    mesh, P(("data", "fsdp"), *(("frames",) if ndim == 5 else ()))
  )


def replicated(mesh: jax.sharding.Mesh) -> NamedSharding:
  """A copy on every device."""
  return NamedSharding(mesh, P())


def rows_of_processes(
  global_batch: int, mesh: jax.sharding.Mesh
) -> dict[int, tuple[int, ...]]:
  """Which clips of a global batch the devices of each process work on."""
  places = batch_sharding(mesh, 1).devices_indices_map((global_batch,))
  rows: dict[int, set[int]] = {}
  for device, (part,) in places.items():
    rows.setdefault(device.process_index, set()).update(
      range(*part.indices(global_batch))
    )
  return {process: tuple(sorted(found)) for process, found in rows.items()}


def reader(
  global_batch: int, mesh: jax.sharding.Mesh, process: int | None = None
) -> tuple[int, int]:
  """(which, of how many) equal parts of each global batch a process reads.

  Processes whose devices hold frames of the same clips read the same part.

  Raises:
    ConfigError: the mesh cuts clips so that two processes share some of their
      clips and not all.
  """
  rows = rows_of_processes(global_batch, mesh)
  parts = sorted(set(rows.values()))
  if sum(map(len, parts)) != global_batch or len({*map(len, parts)}) > 1:
    raise errors.ConfigError(
      f"mesh {dict(mesh.shape)} makes processes share some of their clips and "
      "not all; make mesh.frames divide the devices of a process, or be a "
      "multiple of them."
    )
  process = jax.process_index() if process is None else process
  return parts.index(rows[process]), len(parts)


def place_batch(batch, mesh: jax.sharding.Mesh):
  """Assembles each process's part of a batch into sharded global arrays.

  Args:
    batch: tree of numpy arrays [B / parts, ...], the clips of this process,
      whole; see `reader`.
    mesh: the mesh in use.

  Returns:
    The same tree of global `jax.Array` [B, ...].
  """
  processes = {device.process_index for device in mesh.devices.flat}
  if len(processes) == 1:
    return jax.tree.map(
      lambda x: jax.device_put(x, batch_sharding(mesh, x.ndim)), batch
    )
  local = jax.tree.leaves(batch)[0].shape[0]
  shards = mesh.shape["data"] * mesh.shape["fsdp"]
  count = len(set(rows_of_processes(shards, mesh).values()))
  rows = rows_of_processes(local * count, mesh)[jax.process_index()]
  return jax.tree.map(lambda x: _assemble(x, rows, local * count, mesh), batch)


def _assemble(x: np.ndarray, rows, global_batch: int, mesh) -> jax.Array:
  """A global array out of the rows that this process has."""
  shape = (global_batch, *x.shape[1:])
  sharding = batch_sharding(mesh, x.ndim)
  pieces = []
  for device, index in sharding.addressable_devices_indices_map(shape).items():
    mine = [rows.index(row) for row in range(*index[0].indices(global_batch))]
    pieces.append(jax.device_put(x[mine][:, *index[1:]], device))
  return jax.make_array_from_single_device_arrays(shape, sharding, pieces)


def check_batch(
  global_batch: int, num_frames: int, mesh: jax.sharding.Mesh
) -> None:
  """Refuses a batch that the mesh cannot cut evenly."""
  shards = mesh.shape["data"] * mesh.shape["fsdp"]
  errors.require_divisible(
    "global batch",
    global_batch,
    shards,
    because=f"clips are spread over data x fsdp = {shards} devices",
  )
  errors.require_divisible(
    "number of frames",
    num_frames,
    mesh.shape["frames"],
    because=f"frames are spread over {mesh.shape['frames']} devices",
  )
