"""The same work in other frameworks, interleaved, in one run.

`lumiere compare peers` starts a worker for each framework and mode of a case
(`peer_process`), has each build and compile its network, and then times them in
turns: round by round, in an order that rotates, so that whatever else the
machine does falls on all alike.
"""

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import json
import os
import pathlib
import sys
import time
from typing import Any

from lumiere_jax import errors
from lumiere_jax.comparison import peer_cases
from lumiere_jax.comparison import peer_page
from lumiere_jax.comparison import peer_process
from lumiere_jax.comparison import peer_report
from lumiere_jax.video import atomic

MODES = {
  peer_cases.OURS: ("jit",),
  peer_cases.LUMIERE: ("eager", "compile"),
  peer_cases.DIFFUSERS: ("eager", "compile"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What to measure.

  Attributes:
    peers: comma-separated: lumiere-pytorch, diffusers; "none" for ours alone.
    peers_python: interpreter of an environment that has them; None for ours.
    device: "cpu" or "gpu".
    dtype: of what is multiplied, weights being float32; None for float32 on a
      CPU and bfloat16 on a GPU.
    rounds: times that each does each case, at most.
    seconds: after which a case gets no more rounds.
    threads: of each worker; None for one a core.
    tasks: comma-separated: forward, train, base, ssr, image, text, or cases by
      name, such as forward-80x32x32-w64; "all".
    quick: one small network a task.
    compiled: likewise, of which torch.compile is measured too, which takes
      minutes to compile; "none" for nothing.
    cache: folder in which compiled programs are kept; None compiles anew.
    page: where to write the page of the documents; None for nowhere.
  """

  peers: str = "lumiere-pytorch,diffusers"
  peers_python: pathlib.Path | None = None
  device: str = "cpu"
  dtype: str | None = None
  rounds: int = 9
  seconds: float = 120.0
  threads: int | None = None
  tasks: str = "all"
  quick: bool = False
  compiled: str = "all"
  cache: pathlib.Path | None = None
  page: pathlib.Path | None = None

  def __post_init__(self):
    errors.require_one_of("device", self.device, peer_cases.DEVICES)
    if self.dtype is not None:
      errors.require_one_of("dtype", self.dtype, peer_cases.DTYPES)
    if self.peers != "none":
      for peer in self.wanted:
        errors.require_one_of("peer", peer, peer_process.NEEDS)
    names = [peer_cases.name(case) for case in self._every()]
    for task in self.tasks.split(","):
      errors.require_one_of("task", task, ("all", *peer_cases.TITLES, *names))
    if self.rounds < 1:
      raise errors.ConfigError(
        f"rounds is {self.rounds}; a median needs at least 1."
      )

  @property
  def wanted(self) -> tuple[str, ...]:
    """Names of the peers that are asked for."""
    return () if self.peers == "none" else tuple(self.peers.split(","))

  def cases(self) -> list[dict[str, Any]]:
    """The cases whose peer and task are asked for."""
    return [
      case
      for case in self._every()
      if (not self.wanted or peer_cases.peer(case) in self.wanted)
      and _is_named(case, self.tasks)
    ]

  def _every(self) -> list[dict[str, Any]]:
    dtype = self.dtype or {"cpu": "float32", "gpu": "bfloat16"}[self.device]
    return peer_cases.every(self.quick, self.device, dtype)


def _is_named(case: Mapping[str, Any], names: str) -> bool:
  said = names.split(",")
  return bool({"all", case["task"], peer_cases.name(case)} & {*said})


def run(out: pathlib.Path, plan: Plan) -> None:
  """Measures; writes peers.json, peers.png and, if asked for, the page.

  Args:
    out: folder for results and logs.
    plan: what to measure.

  Raises:
    ConfigError: a peer is not installed where it was said to be.
  """
  python = plan.peers_python or pathlib.Path(sys.executable)
  for peer in plan.wanted:
    peer_process.require(peer, python)
  if plan.device == "gpu":
    peer_process.require_gpu("jax", sys.executable)
    if plan.wanted:
      peer_process.require_gpu("torch", python)
  where = peer_process.Where(
    python=python,
    threads=plan.threads or len(os.sched_getaffinity(0)),
    folder=out,
    cache=plan.cache and plan.cache.resolve(),
    device=plan.device,
  )
  found = {"machine": machine(where), "rows": [], "numerics": {}}
  for case in plan.cases():
    rows = measure(case, where, plan)
    found["rows"] += rows
    _save(out, found)
    print(peer_report.table(rows), flush=True)
  if peer_cases.LUMIERE in plan.wanted:
    # In float32, which a GPU shortens on the way.
    found["numerics"] = numerics(dataclasses.replace(where, device="cpu"))
  _save(out, found)
  peer_report.plot(found["rows"], out / "peers.png")
  if plan.page is not None:
    atomic.write_text(plan.page, peer_page.page(found))


def measure(
  case: Mapping[str, Any], where: peer_process.Where, plan: Plan
) -> list[dict[str, Any]]:
  """A row for each framework and mode that does a case; see `peer_report`."""
  frameworks = [peer_cases.OURS]
  if peer_cases.peer(case) in plan.wanted:
    frameworks.append(peer_cases.peer(case))
  wanted = [
    (framework, mode)
    for framework in frameworks
    for mode in MODES[framework]
    if mode != "compile" or _is_named(case, plan.compiled)
  ]
  workers, rows = [], []
  try:
    for framework, mode in wanted:
      row = {"case": dict(case), "framework": framework, "mode": mode}
      rows.append(row)
      try:
        worker = peer_process.Process(
          where, framework, mode, peer_cases.name(case)
        )
        workers.append((worker, row))
        row |= {"versions": worker.hello, "start_up": worker.start_up}
        row |= worker.ask(do="build", case=case)
      except peer_process.WorkerError as error:
        row["error"] = str(error)
    able = [pair for pair in workers if "error" not in pair[1]]
    print(f"timing {peer_cases.name(case)}", flush=True)
    for worker, row in interleaved(able, plan.rounds, plan.seconds):
      answer = worker.ask(do="run")
      row.setdefault("seconds", []).append(answer["seconds"])
      row.setdefault("cpu", []).append(answer["cpu"])
    print(f"timed {peer_cases.name(case)}", flush=True)
    for worker, row in able:
      row |= worker.ask(do="memory")
  finally:
    for worker, _ in workers:
      worker.close()
  return peer_report.compared(rows)


def interleaved(
  items: Sequence[Any], rounds: int, seconds: float
) -> Iterator[Any]:
  """Each item once a round, in an order that rotates, while there is time."""
  until = time.monotonic() + seconds
  for turn in range(rounds):
    if turn and time.monotonic() > until:
      return
    shift = turn % max(len(items), 1)
    yield from (*items[shift:], *items[:shift])


def numerics(where: peer_process.Where) -> dict[str, dict[str, float]]:
  """Properties of both inflations as they start; see `peer_page`."""
  found = {}
  for framework, mode in (
    (peer_cases.OURS, "jit"),
    (peer_cases.LUMIERE, "eager"),
  ):
    worker = peer_process.Process(where, framework, mode, "numerics")
    try:
      found[framework] = worker.ask(do="numerics")
    finally:
      worker.close()
  return found


def machine(where: peer_process.Where) -> dict[str, Any]:
  """What the figures were measured on."""
  model = "unknown"
  for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
    if line.startswith("model name"):
      model = line.split(":", 1)[1].strip()
      break
  return {
    "processor": model,
    "cores": os.cpu_count(),
    "threads": where.threads,
    "kept": where.cache is not None,
    "waiting": os.environ.get("OMP_WAIT_POLICY", "default"),
    "load": os.getloadavg()[0],
    "date": time.strftime("%Y-%m-%d"),
  }


def _save(out: pathlib.Path, found: Mapping[str, Any]) -> None:
  out.mkdir(parents=True, exist_ok=True)
  atomic.write_text(out / "peers.json", json.dumps(found, indent=1) + "\n")
