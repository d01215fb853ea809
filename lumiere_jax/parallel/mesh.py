"""The named mesh: data, fsdp, frames.

data    clips, one replica of everything else each
fsdp    clips too, and every weight cut into as many parts
frames  the frames of each clip
"""

from collections.abc import Mapping, Sequence
import math

import jax
from jax.sharding import AxisType
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

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
  # Linen's logical constraints need automatic axes; make_mesh's default is
  # explicit ones since jax 0.9.
  return jax.make_mesh(
    tuple(sizes), AXES, axis_types=(AxisType.Auto,) * 3, devices=devices
  )


def batch_sharding(mesh: jax.sharding.Mesh, ndim: int) -> NamedSharding:
  """Where an array with a leading clip axis lives; frames are axis 1 of 5."""
  return NamedSharding(
    mesh, P(("data", "fsdp"), *(("frames",) if ndim == 5 else ()))
  )


def replicated(mesh: jax.sharding.Mesh) -> NamedSharding:
  """A copy on every device."""
  return NamedSharding(mesh, P())


def place_batch(batch, mesh: jax.sharding.Mesh):
  """Assembles each process's part of a batch into sharded global arrays.

  Args:
    batch: tree of numpy arrays [B / processes, ...], this process's clips.
    mesh: the mesh in use.

  Returns:
    The same tree of global `jax.Array` [B, ...].
  """
  return jax.tree.map(
    lambda x: jax.make_array_from_process_local_data(
      batch_sharding(mesh, x.ndim), x
    ),
    batch,
  )


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
