"""Real runs that are hurt on purpose, and what became of them."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from e2e import commands
import jax
import numpy as np

from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import store
from lumiere_jax.training import ledger

PATIENCE = 240  # seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lab:
  """A dataset, and how a small base is trained on it.

  Attributes:
    home: folder of everything.
    flags: more of `lumiere train`.
  """

  home: pathlib.Path
  flags: tuple[str, ...] = ()

  def start(self, name, num_steps, *, processes=1, devices=1):
    """Starts a run, or goes on with it; a process group of its own."""
    env = dict(os.environ, JAX_DISABLE_MOST_OPTIMIZATIONS="1")
    env["JAX_COMPILATION_CACHE_DIR"] = str(self.home / "cache")
    env["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    words = [
      "--config=configs/tiny.py:base",
      f"--workdir={self.home / name}",
      f"--config.data.dataset={self.home / 'data'}",
      f"--config.num_steps={num_steps}",
      "--config.trainable=all",
      *commands.SMALL,
      *commands.STAGE["base"],
      *self.flags,
    ]
    pod = commands.ROOT / "launch" / "local_pod.sh"
    with open(self.home / f"{name}.log", "ab") as log:
      return subprocess.Popen(
        [pod, "--python", sys.executable, f"{processes}", f"{devices}", *words],
        env=env,
        stdout=log,
        stderr=log,
        start_new_session=True,
      )

  def finish(self, name, num_steps, **where):
    """Runs until the command succeeds; how often it was started."""
    for times in range(1, 4):
      process = self.start(name, num_steps, **where)
      if process.wait(timeout=PATIENCE) == 0:
        return times
    raise AssertionError(self.said(name)[-3000:])

  def said(self, name):
    """All that a run printed."""
    return (self.home / f"{name}.log").read_text()

  def events(self, name, kind=None):
    """What its ledger says; a torn last line is passed over."""
    path = self.home / name / ledger.FILE
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
      with contextlib.suppress(ValueError):
        found.append(json.loads(line))
    return [e for e in found if kind in (None, e["event"])]

  def metrics(self, name):
    """Step -> (loss, norm of the gradient), the last time it was done."""
    lines = (self.home / name / "metrics.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines if line.endswith("}")]
    return {one["step"]: (one["loss"], one["norm/gradient"]) for one in read}

  def weights(self, name):
    """Arrays of its newest checkpoint, and the place in the data."""
    path = folder.of(self.home / name, folder.newest(self.home / name))
    arrays = store.read_host(path, ["state", "ema", "frozen"])
    place = store.read(path, {}, ("data",))["data"]
    return jax.tree.leaves(arrays), place


def same(one, other):
  """Whether two of `Lab.weights` agree, bit for bit."""
  arrays, others = one[0], other[0]
  assert len(arrays) == len(others)
  for a, b in zip(arrays, others, strict=True):
    np.testing.assert_array_equal(a, b)
  assert one[1] == other[1]
  return True


def wait_for(what, process=None):
  """Waits until `what()` is true; whether it was while the process ran."""
  deadline = time.monotonic() + PATIENCE
  while time.monotonic() < deadline:
    if what():
      return True
    if process is not None and process.poll() is not None:
      return False
    time.sleep(0.001)
  raise AssertionError("waited in vain")


def trainers(process):
  """Process numbers of the training processes of a pod, in their order."""
  found = []
  for path in pathlib.Path("/proc").glob("[0-9]*"):
    with contextlib.suppress(OSError):  # gone meanwhile
      # "pid (name) state parent ...", and the name may hold anything.
      parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
      said = (path / "cmdline").read_bytes()
      if parent == process.pid and b"lumiere_jax.cli.main" in said:
        found.append(int(path.name))
  return sorted(found)


def kill_all(process):
  """Ends a pod as a power cut does."""
  for pid in (*trainers(process), process.pid):
    with contextlib.suppress(ProcessLookupError):
      os.killpg(pid, signal.SIGKILL)
  process.wait()
