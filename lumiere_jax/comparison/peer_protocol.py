"""How a worker of `lumiere compare peers` is told what to do, and answers.

One JSON object a line each way, over the worker's standard input and output:

  -> {"do": "build", "case": {...}}   <- {"parameters": n, "flops": n, ...}
  -> {"do": "run"}                    <- {"seconds": s, "cpu": s}
  -> {"do": "memory"}                 <- {"peak": MiB, "running": MiB}
  -> {"do": "numerics"}               <- {"name": number, ...}

A worker says {"hello": {...}} when its imports are done, and ends with its
input.  It is imported by interpreters that have PyTorch and none of our
packages, so it needs the standard library alone.
"""

from collections.abc import Callable, Mapping
import dataclasses
import json
import os
import pathlib
import sys
import time
from typing import Any

STATUS = pathlib.Path("/proc/self/status")
_CLEAR = pathlib.Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # see proc(5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
  """One thing to do, as often as asked.

  Attributes:
    run: does it, and waits until it is done.
    parameters: of the network.
    flops: of one run, of convolutions and matrix products, by the framework's
      own count.
    peak_mib: largest memory of the device so far, in MiB; None where the device
      is the processor, whose memory is this process's.
  """

  run: Callable[[], Any]
  parameters: int
  flops: float
  peak_mib: Callable[[], float] | None = None


# (case, mode) -> Work
Make = Callable[[Mapping[str, Any], str], Work]


def peak_mib() -> float:
  """Largest resident size of this process, in MiB; children do not count."""
  for line in STATUS.read_text().splitlines():
    if line.startswith("VmHWM"):
      return int(line.split()[1]) / 1024
  return float("nan")


def forget_peak() -> None:
  """Counts `peak_mib` from now on, where the kernel lets us."""
  try:
    _CLEAR.write_text(_RESET_PEAK)
  except OSError:
    return


class Worker:
  """What a worker does between two lines.

  Attributes:
    make: builds the work of a case.
    numerics: measures initialisation properties; None for no such thing.
    mode: of the framework, such as "eager".
  """

  def __init__(self, make: Make, numerics, mode: str):
    self.make, self.numerics, self.mode = make, numerics, mode
    self.work, self.before = None, 0.0

  def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
    """Does what a request asks for."""
    what = request["do"]
    if what == "build":
      return self.build(request["case"])
    if what == "run":
      return timed(self.work.run)
    if what == "memory":
      return self.memory()
    return self.numerics()

  def memory(self) -> dict[str, float]:
    """Peaks in MiB: from the start, and since the first run where known."""
    if self.work.peak_mib is not None:
      return {"peak": self.work.peak_mib()}
    running = peak_mib()
    return {"peak": max(running, self.before), "running": running}

  def build(self, case: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the work and runs it once, which compiles what is compiled."""
    began = time.perf_counter()
    self.work = self.make(case, self.mode)
    built = time.perf_counter() - began
    first = timed(self.work.run)
    self.before = peak_mib()
    forget_peak()
    return {
      "parameters": self.work.parameters,
      "flops": self.work.flops,
      "build": built,
      "first": first["seconds"],
    }


def timed(run: Callable[[], Any]) -> dict[str, float]:
  """Seconds of the clock and of the processors that a call takes."""
  cpu, clock = time.process_time(), time.perf_counter()
  run()
  return {
    "seconds": time.perf_counter() - clock,
    "cpu": time.process_time() - cpu,
  }


def serve(
  make: Make,
  numerics: Callable[[], dict[str, Any]] | None,
  hello: Mapping[str, Any],
  mode: str,
) -> None:
  """Answers until the input ends; what others print goes to the errors."""
  out = os.fdopen(os.dup(1), "w", encoding="utf-8")
  os.dup2(2, 1)
  say = lambda said: print(json.dumps(said), file=out, flush=True)
  say({"hello": dict(hello)})
  worker = Worker(make, numerics, mode)
  for line in sys.stdin:
    try:
      say(worker.answer(json.loads(line)))
    except Exception as error:
      first = (str(error).splitlines() or [""])[0]
      say({"error": f"{type(error).__name__}: {first}"[:400]})
