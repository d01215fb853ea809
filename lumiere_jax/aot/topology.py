"""TPUs that are not here: their devices, their sizes, what they are rated at.

`parse("v5e:16x16")` names a slice of a pod; its `devices()` make a mesh that
`jax.jit(...).lower(...).compile()` accepts, and the compiler that then runs is
the one that TPUs run. A device is what JAX shows as one on that TPU:

  generation   devices a chip   HBM a device   rated bf16   clock   HBM     ICI
  v4           1 (megacore)     30.75 GiB      275 T/s      1.05    1228    300
  v5e          1                15.75          197          1.50     819    200
  v5p          1 (megacore)     95.74          459          1.75    2765    600
  v6e          1                31.25          918          1.75    1638    448
  tpu7x        2                94.75          1153.5       -       3690    600

HBM is what the compiler leaves to a program, read from its own refusals, which
round to 0.01 GiB; the rest is the maker's data sheet (GHz, and GB/s a device,
ICI over all links and one way). The cost model assumes slower memory and, for
v4 and v5p, fewer FLOP/s: `modelled_flops` and `modelled_bandwidth` are what
`cost_analysis()["optimal_seconds"]` divides by, found from single operations.
For tpu7x it returns nonsense: use that generation for memory alone.
"""

import dataclasses
import importlib.util
import math
import os
import re

import jax
from jax.experimental import topologies

from lumiere_jax import errors

EXAMPLES = (
  "v4:4x4x4",
  "v5e:1x1",
  "v5e:2x4",
  "v5e:16x16",
  "v5p:4x4x8",
  "v6e:16x16",
  "tpu7x:4x4x4",
)
_NAME = re.compile(r"(\w+?):(\d+(?:x\d+)+)(_twisted|_untwisted)?")
_GIB = 2**30
_ENVIRONMENT = {
  "TPU_SKIP_MDS_QUERY": "1",  # there is no metadata server to ask
  "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # another process may be compiling
  # Of the machine we are on, not of the topology; else libtpu complains.
  "TPU_ACCELERATOR_TYPE": "v5litepod-4",
  "TPU_WORKER_HOSTNAMES": "localhost",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generation:
  """One kind of TPU; all figures are for one JAX device, see the module.

  Attributes:
    name: as in `EXAMPLES`, before the colon.
    rank: axes of its torus, 2 or 3.
    max_chips: chips of its largest slice.
    devices_per_chip: JAX devices on a chip.
    hbm_bytes: what the compiler lets one program use.
    peak_flops: rated bf16 FLOP/s.
    hbm_bandwidth: rated bytes/s.
    ici_bandwidth: rated bytes/s out of the device, over all links together.
    clock: cycles/s that `estimated_cycles` count; None where unknown.
    modelled_flops: FLOP/s that the compiler's cost model assumes.
    modelled_bandwidth: HBM bytes/s that it assumes.
    has_time_model: False where that model returns nonsense.
  """

  name: str
  rank: int
  max_chips: int
  devices_per_chip: int = 1
  hbm_bytes: int
  peak_flops: float
  hbm_bandwidth: float
  ici_bandwidth: float
  clock: float | None
  modelled_flops: float
  modelled_bandwidth: float
  has_time_model: bool = True
  options: tuple[tuple[str, str], ...] = ()


GENERATIONS = {
  one.name: one
  for one in (
    Generation(
      name="v4",
      rank=3,
      max_chips=4096,
      hbm_bytes=int(30.75 * _GIB),
      peak_flops=275e12,
      hbm_bandwidth=1228e9,
      ici_bandwidth=300e9,
      clock=1.05e9,
      modelled_flops=274e12,
      modelled_bandwidth=982.4737e9,
      # Two devices a chip is this API's default; JAX on a v4 VM shows one.
      options=(("chip_config_name", "megacore"),),
    ),
    Generation(
      name="v5e",
      rank=2,
      max_chips=256,
      hbm_bytes=int(15.75 * _GIB),
      peak_flops=197e12,
      hbm_bandwidth=819e9,
      ici_bandwidth=200e9,
      clock=1.5e9,
      modelled_flops=197e12,
      modelled_bandwidth=737.6606e9,
    ),
    Generation(
      name="v5p",
      rank=3,
      max_chips=8960,
      hbm_bytes=int(95.74 * _GIB),
      peak_flops=459e12,
      hbm_bandwidth=2765e9,
      ici_bandwidth=600e9,
      clock=1.75e9,
      modelled_flops=394e12,
      modelled_bandwidth=2350.4208e9,
    ),
    Generation(
      name="v6e",
      rank=2,
      max_chips=256,
      hbm_bytes=int(31.25 * _GIB),
      peak_flops=918e12,
      hbm_bandwidth=1638e9,
      ici_bandwidth=448e9,
      clock=1.75e9,
      modelled_flops=918e12,
      modelled_bandwidth=1638e9,
    ),
    Generation(
      name="tpu7x",
      rank=3,
      max_chips=9216,
      devices_per_chip=2,
      hbm_bytes=int(94.75 * _GIB),
      peak_flops=1153.5e12,
      hbm_bandwidth=3690e9,
      ici_bandwidth=600e9,
      clock=None,
      modelled_flops=996e12,
      modelled_bandwidth=3686e9,
      has_time_model=False,
    ),
  )
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Topology:
  """Slices of one generation, all of one shape.

  Attributes:
    name: such as "v5e:16x16", of one slice.
    shape: chips along each axis of one slice.
    num_slices: slices joined by the data-centre network.
    generation: what each device can do.
  """

  name: str
  shape: tuple[int, ...]
  num_slices: int
  generation: Generation

  @property
  def num_chips(self) -> int:
    """Chips of all slices together."""
    return math.prod(self.shape) * self.num_slices

  @property
  def devices_per_slice(self) -> int:
    """JAX devices of one slice."""
    return math.prod(self.shape) * self.generation.devices_per_chip

  @property
  def num_devices(self) -> int:
    """JAX devices of all slices together."""
    return self.devices_per_slice * self.num_slices

  def devices(self) -> list[jax.Device]:
    """The devices, slice by slice, in the order in which JAX lists them.

    Nothing can run on them. Sets the environment that libtpu needs to load
    where there is no TPU, or where another process has it.

    Raises:
      ConfigError: libtpu is not installed, or knows no such slice.
    """
    if importlib.util.find_spec("libtpu") is None:
      raise errors.ConfigError(
        "libtpu is not installed, and it is the compiler for TPUs: "
        'pip install "lumiere-jax[tpu]".'
      )
    for variable, value in _ENVIRONMENT.items():
      os.environ.setdefault(variable, value)
    options = dict(self.generation.options)
    if self.num_slices > 1:
      options["num_slices"] = self.num_slices
    if bounds := self._host_bounds():
      options["chips_per_host_bounds"] = bounds
    try:
      return topologies.get_topology_desc(
        platform="tpu", topology_name=self.name, **options
      ).devices
    except (jax.errors.JaxRuntimeError, ValueError) as error:
      reason = str(error).splitlines()[0]
      raise _refusal(self.name, f"libtpu says: {reason}.") from error

  def _host_bounds(self) -> list[int] | None:
    # Up to 8 chips of a 2-D generation hang on one host; a single chip of any
    # generation needs this too, since hosts have 2x2 by default.
    is_one_host = self.generation.rank == 2 and math.prod(self.shape) <= 8
    if is_one_host or math.prod(self.shape) == 1:
      return [*self.shape, 1][:3]
    return None


def parse(name: str, num_slices: int = 1) -> Topology:
  """Reads a name such as "v5e:16x16", without loading libtpu.

  Raises:
    ConfigError: not a generation we know, or a shape that it does not have.
  """
  found = _NAME.fullmatch(name)
  if not found:
    raise _refusal(name, "A name is a generation, a colon and chips by axis.")
  if found[1] not in GENERATIONS:
    raise _refusal(name, f"We know {', '.join(GENERATIONS)}.")
  generation = GENERATIONS[found[1]]
  shape = tuple(int(size) for size in found[2].split("x"))
  if len(shape) != generation.rank:
    raise _refusal(name, f"A {found[1]} slice has {generation.rank} axes.")
  if not 0 < math.prod(shape) <= generation.max_chips:
    raise _refusal(
      name, f"A {found[1]} slice has 1 to {generation.max_chips} chips."
    )
  if num_slices < 1:
    raise errors.ConfigError(
      f"number of slices is {num_slices}; it must be 1 or more."
    )
  return Topology(
    name=name, shape=shape, num_slices=num_slices, generation=generation
  )


def _refusal(name: str, rule: str) -> errors.ConfigError:
  return errors.ConfigError(
    f"topology is {name!r}, which is not a TPU slice. {rule} Names that work: "
    f"{', '.join(EXAMPLES)}."
  )
