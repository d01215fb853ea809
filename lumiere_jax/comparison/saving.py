"""What a checkpoint costs the steps beside it, and its checksums the save.

`lumiere compare saving` trains something small beside a state of the size
asked for, whose arrays are as incompressible as weights are, and saves it
through the same store as `lumiere train` does.
"""

from collections.abc import Iterator
import dataclasses
import json
import pathlib
import statistics
import time

import jax
import jax.numpy as jnp

from lumiere_jax.checkpoints import checksums
from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import newest
from lumiere_jax.checkpoints import store as stores

_ARRAYS = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What to measure.

  Attributes:
    gigabytes: size of the state, 10^9 bytes.
    rounds: saves.
    side: of the matrices that a step multiplies.
  """

  gigabytes: float = 1.0
  rounds: int = 5
  side: int = 1024


def run(out: pathlib.Path, plan: Plan) -> None:
  """Measures, prints medians and writes `saving.json`."""
  out.mkdir(parents=True, exist_ok=True)
  rows = [*measure(out / "run", plan)]
  (out / "saving.json").write_text(json.dumps(rows, indent=1) + "\n")
  middle = {
    name: statistics.median(row[name] for row in rows) for name in rows[0]
  }
  print(
    f"state of {middle['gigabytes']:.2f} GB, medians of {len(rows)} saves:\n"
    f"  the loop waits        {middle['blocked']:.3f} s\n"
    f"  written behind it in  {middle['background']:.2f} s\n"
    f"  checksums of that     {middle['sealing']:.3f} s, "
    f"{middle['sealing_share']:.1%}\n"
    f"  a step alone          {middle['step_alone']:.4f} s\n"
    f"  a step beside a save  {middle['step_beside']:.4f} s, "
    f"{middle['step_ratio']:.2f} times as long\n"
    f"  verified in           {middle['verify']:.2f} s"
  )


def measure(workdir: pathlib.Path, plan: Plan) -> Iterator[dict[str, float]]:
  """A row for each save."""
  state, step = _state(plan), _step(plan.side)
  step()
  store = stores.Store(workdir)
  for index in range(1, plan.rounds + 1):
    alone = [step() for _ in range(20)]
    store.start(index, {"state": state}, {})
    beside = []
    while store.is_busy():
      beside.append(step())
    outcome = store.outcome()
    if outcome.error is not None:
      raise outcome.error
    began = time.monotonic()
    problems = checksums.problems(folder.of(workdir, index))
    verify = time.monotonic() - began
    if problems:
      raise RuntimeError(newest.said(problems))
    folder.remove(workdir, index)
    median = statistics.median
    yield {
      "gigabytes": outcome.nbytes / 1e9,
      "blocked": outcome.blocked,
      "background": outcome.background,
      "sealing": outcome.sealing,
      "sealing_share": outcome.sealing / (outcome.blocked + outcome.background),
      "step_alone": median(alone),
      "step_beside": median(beside or alone),
      "step_ratio": median(beside or alone) / median(alone),
      "verify": verify,
    }
  store.close()


def _state(plan: Plan) -> dict[str, jax.Array]:
  size = round(plan.gigabytes * 1e9 / 4 / _ARRAYS)
  keys = jax.random.split(jax.random.key(0), _ARRAYS)
  draw = jax.jit(lambda key: jax.random.normal(key, (size,), jnp.float32))
  return {f"array_{i:02d}": draw(key) for i, key in enumerate(keys)}


def _step(side: int):
  """Something to compute; returns the seconds it took."""
  matrix = jnp.full((side, side), 1 / side)
  multiply = jax.jit(lambda x: x @ x @ x @ x)

  def step() -> float:
    began = time.monotonic()
    jax.block_until_ready(multiply(matrix))
    return time.monotonic() - began

  return step
