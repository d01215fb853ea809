"""What compilers are told beside their defaults, by generation of TPU.

libtpu reads LIBTPU_INIT_ARGS when it is loaded, and ends the process if a flag
in there is unknown to it, so the table holds only flags that the release we
test with takes for that generation; `tests/parallel/test_xla_flags.py` compiles
with them, and that change what it makes of a program. What cannot be judged
without a TPU is not here: more fast memory for one operation
(xla_tpu_scoped_vmem_limit_kib=65536) makes a block cheaper by the compiler's
own estimate, 35 % on v5p and 11 % on v6e, but compiling takes thrice as long
and the estimate is no measurement.

Where there is no accelerator, the CPU's compiler is told to leave matrix
products and convolutions to its older library: measured on two cores with
AVX-512 (jaxlib 0.10.2, November 2026), a training step of nano's base takes
2.8 s instead of 3.4, and a forward pass 0.40 s instead of 0.52.
"""

from collections.abc import Mapping
from importlib import metadata
import os
import re
import types

from lumiere_jax import errors
from lumiere_jax.parallel import machine

VARIABLE = "LIBTPU_INIT_ARGS"

# Weights are gathered while the block before computes. v5e does so unasked, and
# on tpu7x, whose gathers run elsewhere, these change nothing. libtpu 0.0.42, of
# jax 0.10, takes them; 0.0.48, of jax 0.11, ends a compilation for any but v5e
# that has them, since results might be wrong, so later ones get none.
_ASYNC = {
  "xla_enable_async_all_gather": "true",
  "xla_tpu_enable_async_collective_fusion": "true",
  "xla_tpu_enable_async_collective_fusion_fuse_all_gather": "true",
  "xla_tpu_enable_async_collective_fusion_multiple_steps": "true",
  "xla_tpu_overlap_compute_collective_tc": "true",
}
TRAINING: Mapping[str, Mapping[str, str]] = types.MappingProxyType(
  {
    "v4": _ASYNC,
    "v5e": {},
    "v5p": _ASYNC,
    "v6e": _ASYNC,
    "tpu7x": {},
  }
)

_LAST = (0, 0, 42)  # the release of libtpu that the table is for

CPU = "--xla_cpu_experimental_ynn_fusion_type="

# Names of one generation: JAX's device kinds, then accelerator types of Cloud
# TPU ("v5litepod-256"), then labels of GKE's machines ("tpu-v5-lite-podslice").
_NAMES = {
  "v4": r"tpu v4( lite)?|v4(-\d+)?|tpu-v4-.*",
  "v5e": r"tpu v5 lite|tpu v5e|v5litepod-\d+|v5e(-\d+)?|tpu-v5-lite-.*",
  "v5p": r"tpu v5|tpu v5p|v5p(-\d+)?|tpu-v5p-.*",
  "v6e": r"tpu v6 lite|tpu v6e|v6e(-\d+)?|tpu-v6e-.*",
  "tpu7x": r"tpu7x?|tpu v7x?|tpu7x(-.*)?",
}


def generation(name: str) -> str | None:
  """Generation of a device kind or accelerator type; None of anything else.

  Args:
    name: such as "TPU v5 lite" (JAX), "v5litepod-256" (Cloud TPU),
      "tpu-v5-lite-podslice" (GKE), or "v5e" itself.
  """
  for found, pattern in _NAMES.items():
    if re.fullmatch(pattern, name.strip().lower()):
      return found
  return None


def for_generation(name: str) -> str:
  """The flags of a generation, as LIBTPU_INIT_ARGS takes them.

  None, "", where the libtpu that is installed is later than the table.

  Raises:
    ConfigError: we know no such generation.
  """
  errors.require_one_of("TPU generation", name, TRAINING)
  if _libtpu() > _LAST:
    return ""
  return " ".join(f"--{k}={v}" for k, v in TRAINING[name].items())


def apply(accelerator_type: str | None = None) -> str:
  """Tells libtpu of the flags; call it before JAX looks for devices.

  A flag that LIBTPU_INIT_ARGS names already keeps its value there, so a person
  has the last word, one flag at a time.

  Args:
    accelerator_type: what the machine is; None asks the machine.

  Returns:
    What was added; "" where the machine is no TPU that we know.
  """
  name = accelerator_type or machine.accelerator_type()
  found = generation(name) if name else None
  if found is None:
    return ""
  given = os.environ.get(VARIABLE, "")
  named = {word.split("=")[0] for word in given.split()}
  added = [
    flag
    for flag in for_generation(found).split()
    if flag.split("=")[0] not in named
  ]
  os.environ[VARIABLE] = " ".join([*given.split(), *added])
  return " ".join(added)


def _libtpu() -> tuple[int, ...]:
  """First three numbers of the release that is installed; zeros of none."""
  try:
    said = metadata.version("libtpu")
  except metadata.PackageNotFoundError:
    return (0, 0, 0)
  return tuple(int(part) for part in said.split(".")[:3])


def apply_cpu() -> str:
  """Tells the CPU's compiler of `CPU`, where nothing faster is attached.

  Returns:
    What was added; "" where there is an accelerator, or the flag was given.
  """
  given = os.environ.get("XLA_FLAGS", "")
  name = CPU.split("=")[0]
  if machine.has_tpu() or machine.has_gpu() or name in given:
    return ""
  os.environ["XLA_FLAGS"] = f"{given} {CPU}".strip()
  return CPU


def in_force() -> str:
  """All flags that the compilers of this process were given, for the record."""
  given = (os.environ.get(name, "") for name in ("XLA_FLAGS", VARIABLE))
  return " ".join(" ".join(given).split())
