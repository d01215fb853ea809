"""Workers of `lumiere compare peers`: one process a framework, mode and case.

Each runs in its own interpreter and environment.  Peers' interpreters see of us
only this package's source, by a link in a folder of its own: were all of our
site-packages on their path, our numpy would stand before theirs.
"""

from collections.abc import Mapping
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

import lumiere_jax
from lumiere_jax import errors
from lumiere_jax.comparison import peer_cases

# peer -> (modules it needs, how pip gets them)
NEEDS: Mapping[str, tuple[tuple[str, ...], str]] = {
  peer_cases.LUMIERE: (
    ("torch", "lumiere_pytorch", "x_transformers", "einops", "beartype"),
    "torch einops einx beartype optree && PYTHON -m pip install --no-deps "
    "lumiere-pytorch==0.0.24 x-transformers==1.31.6",
  ),
  peer_cases.DIFFUSERS: (
    ("torch", "diffusers", "transformers"),
    "torch diffusers transformers",
  ),
}
_ROOM = "lumiere_jax.comparison"
MODULES = {
  peer_cases.OURS: f"{_ROOM}.peer_ours",
  peer_cases.LUMIERE: f"{_ROOM}.peer_lumiere_pytorch",
  peer_cases.DIFFUSERS: f"{_ROOM}.peer_diffusers",
}
# How an interpreter says whether it reaches a GPU, and what to install if not.
_GPU = {
  "jax": ("import jax; jax.devices('cuda')", "'jax[cuda12]'"),
  "torch": ("import torch; torch.zeros(1, device='cuda')", "torch for CUDA"),
}
_ASK = (
  "import importlib.util as u, sys; "
  "print(' '.join(n for n in sys.argv[1:] if u.find_spec(n) is None))"
)


class WorkerError(errors.LumiereError, RuntimeError):
  """A worker of the comparison died or could not do what it was asked."""


def require(peer: str, python: pathlib.Path | str) -> None:
  """Refuses an interpreter that has not what a peer needs.

  Raises:
    ConfigError: there is no such interpreter, or a module is missing.
  """
  errors.require_one_of("peer", peer, NEEDS)
  modules, install = NEEDS[peer]
  try:
    asked = subprocess.run(
      [str(python), "-c", _ASK, *modules],
      capture_output=True,
      text=True,
      check=True,
    )
  except (OSError, subprocess.CalledProcessError) as error:
    raise errors.ConfigError(
      f"{python} is no Python that runs; give the interpreter of an "
      "environment that has the peers, with --peers-python PATH."
    ) from error
  if missing := asked.stdout.split():
    install = install.replace("PYTHON", str(python))
    raise errors.ConfigError(
      f"{python} has no {', '.join(missing)}, which a comparison with {peer} "
      f"needs; run {python} -m pip install {install}, or name an interpreter "
      "that has it with --peers-python PATH."
    )


def require_gpu(framework: str, python: pathlib.Path | str) -> None:
  """Refuses an interpreter whose "jax" or "torch" reaches no GPU.

  Raises:
    ConfigError: there is none, or what it has was built without.
  """
  asks, install = _GPU[framework]
  asked = subprocess.run([str(python), "-c", asks], capture_output=True)
  if asked.returncode:
    raise errors.ConfigError(
      f"device is 'gpu', and {framework} of {python} reaches none; on a "
      f"machine that has one install {install} there, or leave --device out to "
      "compare on the CPU."
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Where:
  """Where workers run.

  Attributes:
    python: interpreter of the peers.
    threads: that each worker may use.
    folder: for logs and the link to our source.
    cache: compiled programs are kept here; None compiles anew every time.
    device: one of `peer_cases.DEVICES`.
    modules: framework -> the module that serves; for tests.
  """

  python: pathlib.Path | str
  threads: int
  folder: pathlib.Path
  cache: pathlib.Path | None = None
  device: str = "cpu"
  modules: Mapping[str, str] = dataclasses.field(
    default_factory=lambda: MODULES
  )

  def environment(self, framework: str) -> dict[str, str]:
    """Variables of a worker's environment."""
    said = dict(os.environ) | {
      name: str(self.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    }
    if framework != peer_cases.OURS:
      said["PYTHONPATH"] = str(self._link())
    if self.device == "gpu":
      # Else ours would take most of the memory that the others share with it.
      said["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if self.cache is None:
      said["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    else:
      said["TORCHINDUCTOR_CACHE_DIR"] = str(self.cache / "inductor")
      said["JAX_COMPILATION_CACHE_DIR"] = str(self.cache / "jax")
      said["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    return said

  def _link(self) -> pathlib.Path:
    path = self.folder / "path"
    path.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
      package = pathlib.Path(lumiere_jax.__file__).resolve().parent
      (path / "lumiere_jax").symlink_to(package)
    return path.resolve()


class Process:
  """A worker, from its start to its end.

  Attributes:
    framework: whose work it does.
    mode: how, such as "eager".
    hello: versions it has.
    start_up: seconds from its start until its imports were done.
  """

  def __init__(self, where: Where, framework: str, mode: str, name: str):
    self.framework, self.mode = framework, mode
    is_ours = framework == peer_cases.OURS
    python = sys.executable if is_ours else str(where.python)
    told = [f"--device={where.device}"]
    if not is_ours:
      told += [f"--mode={mode}", f"--threads={where.threads}"]
    logs = where.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    self._log = logs / f"{name}-{framework}-{mode}.log"
    began = time.perf_counter()
    with self._log.open("w") as log:
      self._process = subprocess.Popen(
        [python, "-m", where.modules[framework], *told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=where.environment(framework),
      )
    self.hello = self._read()["hello"]
    self.start_up = time.perf_counter() - began

  def ask(self, **request: Any) -> dict[str, Any]:
    """Sends a request and waits for its answer.

    Raises:
      WorkerError: the worker says that it failed, or is gone.
    """
    self._process.stdin.write(json.dumps(request) + "\n")
    self._process.stdin.flush()
    answer = self._read()
    if "error" in answer:
      raise WorkerError(
        f"{self.framework} ({self.mode}) could not {request['do']}: "
        f"{answer['error']}. Its log is {self._log}."
      )
    return answer

  def close(self) -> None:
    """Ends the worker."""
    with contextlib.suppress(OSError):
      self._process.stdin.close()
    try:
      self._process.wait(timeout=10)
    except subprocess.TimeoutExpired:
      self._process.kill()
      self._process.wait()
    self._process.stdout.close()

  def _read(self) -> dict[str, Any]:
    line = self._process.stdout.readline()
    if not line:
      code = self._process.wait()
      raise WorkerError(
        f"the worker of {self.framework} ({self.mode}) ended with code {code} "
        f"before it answered; {self._log} says why."
      )
    return json.loads(line)
