"""How fast the toybox is rendered, on one core.

Seconds are of the processor, not of the clock, so that a busy machine says
nearly the same as a quiet one.
"""

from collections.abc import Iterator
import dataclasses
import json
import pathlib
import statistics
import time

from lumiere_jax.toybox import render
from lumiere_jax.toybox import world
from lumiere_jax.video import atomic


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What to measure.

  Attributes:
    sizes: pixels of a frame's side.
    clips: of 80 frames, of each size.
    split: of the toybox.
  """

  sizes: tuple[int, ...] = (32, 128)
  clips: int = 20
  split: str = "train"


def run(out: pathlib.Path, plan: Plan) -> None:
  """Measures, prints a line for each size and writes `rendering.json`."""
  rows = [*measure(plan)]
  atomic.write_text(out / "rendering.json", json.dumps(rows, indent=1) + "\n")
  for row in rows:
    print(
      f"{row['size']} px: {row['clips_per_second']:.2f} clips of 80 frames a "
      f"second on a core (mean of {row['clips']}; a clip takes "
      f"{row['least']:.2f} to {row['most']:.2f} s, half of them less than "
      f"{row['median']:.2f})"
    )


def measure(plan: Plan) -> Iterator[dict[str, float]]:
  """A row for each size."""
  for size in plan.sizes:
    render.footage(world.scene(plan.split, 0), size, num_frames=2)
    spent = [_seconds(plan.split, k, size) for k in range(plan.clips)]
    yield {
      "size": size,
      "clips": len(spent),
      "clips_per_second": len(spent) / sum(spent),
      "median": statistics.median(spent),
      "least": min(spent),
      "most": max(spent),
    }


def _seconds(split: str, index: int, size: int) -> float:
  began = time.process_time()
  render.footage(world.scene(split, index), size)
  return time.process_time() - began
