"""What `lumiere compare peers` measured, as figures, a table and a plot."""

from collections.abc import Mapping, Sequence
import pathlib
import statistics
from typing import Any

from matplotlib import figure
import numpy as np

from lumiere_jax.comparison import peer_cases
from lumiere_jax.training import metrics

PARAMETERS, FLOPS = 0.02, 0.05  # how far apart matched networks may be
_DRAWS = 2000

Row = dict[str, Any]


def compared(rows: Sequence[Row]) -> list[Row]:
  """Adds medians and ratios to our row, the first, and to the others.

  Args:
    rows: with "seconds" and "cpu", a number a round, or an "error".

  Returns:
    The rows with "median", "median_cpu"; those of others also with "ratio",
    theirs over ours, "ratio_low" and "ratio_high", between which it lies in
    95 % of resamples of the rounds, "cpu_ratio", "memory_ratio",
    "matched"; all of them "of_peak" where that of our device is known.
  """
  ours, *others = rows
  device = ours.get("versions", {}).get("device", "")
  for row in rows:
    if row.get("seconds"):
      row["median"] = statistics.median(row["seconds"])
      row["median_cpu"] = statistics.median(row["cpu"])
      row["of_peak"] = metrics.utilization(
        row["flops"], row["median"], device, 1
      )
  for row in others:
    if "median" not in row or "median" not in ours:
      continue
    row["ratio"] = row["median"] / ours["median"]
    row["ratio_low"], row["ratio_high"] = spread(
      row["seconds"], ours["seconds"]
    )
    row["cpu_ratio"] = row["median_cpu"] / ours["median_cpu"]
    row["memory_ratio"] = row["peak"] / ours["peak"]
    row["matched"] = is_matched(row, ours)
  return list(rows)


def is_matched(row: Row, ours: Row) -> bool:
  """Whether parameters and FLOPs are as near as they have to be."""
  off = lambda key: abs(row[key] / ours[key] - 1)
  return off("parameters") <= PARAMETERS and off("flops") <= FLOPS


def spread(theirs: Sequence[float], ours: Sequence[float]) -> list[float]:
  """Bootstrap interval, 95 %, of the ratio of medians."""
  rng = np.random.default_rng(0)
  draw = lambda x: np.median(
    rng.choice(np.asarray(x), (_DRAWS, len(x))), axis=1
  )
  ratios = draw(theirs) / draw(ours)
  return [float(q) for q in np.quantile(ratios, (0.025, 0.975))]


HEAD = (
  "| work | framework | parameters | GFLOP | median s | GFLOP/s | "
  "theirs / ours | 95 % | of CPU s | peak MiB | theirs / ours | running MiB |\n"
  "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)


def table(rows: Sequence[Row]) -> str:
  """A Markdown table, a line each."""
  return HEAD + "\n".join(map(line, rows))


def line(row: Row) -> str:
  """One line of the table."""
  title = peer_cases.TITLES[row["case"]["task"]]
  cells = [
    f"{title}, {shape(row['case'])}",
    f"{row['framework']} {row['mode']}",
  ]
  if "median" not in row:
    said = row.get("error", "not measured").split(": ", 1)[-1]
    return "| " + " | ".join([*cells, said.replace("|", "/")]) + " |" * 10
  flops = row["flops"] / 1e9
  cells += [
    f"{row['parameters'] / 1e6:.2f} M",
    f"{flops:.1f}" + ("" if row.get("matched", True) else " (not matched)"),
    f"{row['median']:.3f}",
    _rate(row),
  ]
  if "ratio" in row:
    cells += [
      f"{row['ratio']:.2f}",
      f"{row['ratio_low']:.2f} to {row['ratio_high']:.2f}",
      f"{row['cpu_ratio']:.2f}",
      f"{row['peak']:.0f}",
      f"{row['memory_ratio']:.2f}",
    ]
  else:
    cells += ["", "", "", f"{row['peak']:.0f}", ""]
  cells.append(f"{row['running']:.0f}" if "running" in row else "")
  return "| " + " | ".join(cells) + " |"


def _rate(row: Row) -> str:
  """GFLOP a second, and what share that is of what the device could."""
  said = f"{row['flops'] / 1e9 / row['median']:.0f}"
  share = row.get("of_peak")
  return said if share is None else f"{said} ({share:.1%} of peak)"


def shape(case: Mapping[str, Any]) -> str:
  """A case's size, as a person says it."""
  if case["task"] == "text":
    return f"{case['frames']} x {case['size']} tokens"
  side = f"{case['frames']} x {case['size']} x {case['size']}"
  return f"{side}, width {case['width']}" if "width" in case else side


def plot(rows: Sequence[Row], path: pathlib.Path) -> None:
  """Draws how many times as long the others take, into a PNG."""
  found = [row for row in rows if "ratio" in row]
  page = figure.Figure(
    figsize=(8, 1.2 + 0.3 * max(len(found), 1)), layout="constrained"
  )
  axis = page.subplots()
  for height, row in enumerate(reversed(found)):
    colour = "tab:blue" if row["mode"] == "eager" else "tab:orange"
    axis.barh(height, row["ratio"], color=colour)
    axis.plot([row["ratio_low"], row["ratio_high"]], [height] * 2, color="k")
  axis.set_yticks(
    range(len(found)),
    [
      f"{peer_cases.name(row['case'])}, {row['framework']} {row['mode']}"
      for row in reversed(found)
    ],
    fontsize=7,
  )
  axis.axvline(1, color="k", linewidth=0.8)
  axis.set_xlabel("theirs / ours, seconds: above 1 ours is the faster")
  page.savefig(path, dpi=120)
