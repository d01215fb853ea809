"""What a TPU machine of Google says of itself, before JAX looks at it.

Flags of the compiler must be set before it is loaded, and processes must meet
before the first device is asked for, so neither can wait for `jax.devices()`.
GKE puts what one needs into the environment of a pod; the machines of Cloud
TPU answer on an address of their own.
"""

from collections.abc import Callable
import ctypes
import importlib.util
import os
import pathlib
import urllib.error
import urllib.request

# Where the driver shows chips: of v4, and of later ones.
_CHIPS = ("/dev/accel0", "/dev/vfio/0")
_GPUS = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")
_ADDRESS = "http://{host}/computeMetadata/v1/instance/attributes/{name}"
_TIMEOUT = 2.0  # seconds; the answer comes from the machine itself

# Name of an attribute -> its text, or None.
Attribute = Callable[[str], str | None]


def has_tpu() -> bool:
  """Whether chips are attached to this machine."""
  return any(pathlib.Path(path).exists() for path in _CHIPS)


def has_gpu() -> bool:
  """Whether a GPU is attached to this machine."""
  return any(pathlib.Path(path).exists() for path in _GPUS)


def avoid_absent_tpu() -> None:
  """Keeps JAX from looking for a TPU where only its compiler is.

  libtpu is at length about not finding any. Whoever set `JAX_PLATFORMS` has
  decided otherwise.
  """
  if importlib.util.find_spec("libtpu") and not (has_tpu() or has_gpu()):
    os.environ.setdefault("JAX_PLATFORMS", "cpu")


def compute_threads() -> int:
  """Threads of the pool in which JAX computes on a CPU."""
  asked = os.environ.get("NPROC", "")
  if asked.isdecimal():
    return int(asked)
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def ensure_two_threads() -> None:
  """Gives JAX a second thread where it may use one core alone.

  With one it stops for good when a program tells of a step: the thread that
  computes waits for the one that would copy what is told, itself (jax 0.10.2).
  """
  if compute_threads() < 2:
    os.environ["NPROC"] = "2"


def give_back_memory() -> None:
  """Gives the system what this process has freed and its C library keeps.

  Compiling takes much memory in small pieces: of a training step of a small
  network on a CPU, 890 of 1,630 MB were held for nothing afterwards (jaxlib
  0.10.2, glibc, November 2026). Other C libraries are left alone.
  """
  library = ctypes.CDLL(None)
  if hasattr(library, "malloc_trim"):
    library.malloc_trim(0)


def attribute(name: str) -> str | None:
  """What the machine says of `name`; None where nobody answers."""
  if not has_tpu() or "TPU_SKIP_MDS_QUERY" in os.environ:
    return None
  host = os.environ.get("GCE_METADATA_IP", "metadata.google.internal")
  request = urllib.request.Request(
    _ADDRESS.format(host=host, name=name), headers={"Metadata-Flavor": "Google"}
  )
  try:
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
      return answer.read().decode()
  except (urllib.error.URLError, OSError):
    return None


def accelerator_type(ask: Attribute = attribute) -> str | None:
  """Such as "v5litepod-256"; None on other machines."""
  return os.environ.get("TPU_ACCELERATOR_TYPE") or ask("accelerator-type")


def is_one_of_many(ask: Attribute = attribute) -> bool:
  """Whether this machine is a worker of a slice, or of slices, with others."""
  if "MEGASCALE_NUM_SLICES" in os.environ:
    return True
  for name in ("TPU_WORKER_HOSTNAMES", "TPU_PROCESS_ADDRESSES"):
    if name in os.environ:
      return "," in os.environ[name]
  return "," in (ask("worker-network-endpoints") or "") or (
    "MEGASCALE_NUM_SLICES" in (ask("tpu-env") or "")
  )
