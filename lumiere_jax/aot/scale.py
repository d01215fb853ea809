"""The page of all plans: docs/scale.md's tables and its plot.

The page keeps what people wrote; only what stands between the two marks is
made again.
"""

from collections.abc import Mapping, Sequence
import io
import pathlib
from typing import Any

from lumiere_jax import errors
from lumiere_jax.aot import report
from lumiere_jax.aot import seconds
from lumiere_jax.video import atomic

BEGIN = "<!-- made by lumiere plan --table -->"
END = "<!-- end -->"
_NUM_SLOWEST = 5
_HEAD = (
  "| row | TPUs | mesh | clips | HBM GiB | model T | executed T | step s "
  "| of peak | MFU | ICI GiB | DCN GiB | compiled in |"
)

Row = Mapping[str, Any]


def read(folder: pathlib.Path) -> dict[str, list[Row]]:
  """Plans by the name of their file; of each the tries, in order.

  Raises:
    ConfigError: there are none.
  """
  files = sorted(folder.glob("*.json"))
  if not files:
    raise errors.ConfigError(
      f"{folder} holds no plans; make them with ./launch/scale.sh."
    )
  return {file.stem: report.read(file) for file in files}


def write(folder: pathlib.Path) -> pathlib.Path:
  """Writes the tables into the page beside the folder; returns the page."""
  found = read(folder)
  page = folder.with_suffix(".md")
  old = page.read_text(encoding="utf-8") if page.exists() else f"{BEGIN}{END}\n"
  if BEGIN not in old or END not in old.split(BEGIN)[1]:
    raise errors.ConfigError(
      f"{page} has no place for the tables; put the lines {BEGIN} and {END} "
      "where they belong."
    )
  before, rest = old.split(BEGIN)
  after = rest.split(END)[1]
  atomic.write_text(page, f"{before}{BEGIN}\n\n{tables(found)}\n{END}{after}")
  picture = folder.parent / "img" / "scale.png"
  picture.parent.mkdir(exist_ok=True)
  atomic.write_bytes(picture, plot(found))
  return page


def tables(found: Mapping[str, Sequence[Row]]) -> str:
  """All plans in one table, then what did not fit."""
  best = {name: chosen(rows) for name, rows in found.items()}
  lines = [_HEAD, "|---" * (_HEAD.count("|") - 1) + "|"]
  lines += [line(name, row) for name, row in best.items() if row["fits"]]
  lines += ["", *breakdown(best), "", *slowest(best)]
  refused = [
    f"| {name} | {row['topology']} | {knobs(row)} | {row['hbm_gib']:.1f} of "
    f"{row['hbm_limit_gib']:.2f} |"
    for name, rows in found.items()
    for row in rows
    if not row["fits"]
  ]
  if refused:
    lines += ["", "What does not fit:", ""]
    lines += ["| row | TPUs | tried | GiB |", "|---|---|---|---|", *refused]
  return "\n".join(lines) + "\n"


def breakdown(best: Mapping[str, Row]) -> list[str]:
  """Where the time of each row goes, by kind of operation."""
  timed = {
    name: row for name, row in best.items() if row.get("roofline_seconds")
  }
  kinds = [
    kind
    for kind in seconds.KINDS
    if any(kind in row["seconds_by_kind"] for row in timed.values())
  ]
  share = lambda row, kind: (
    row["seconds_by_kind"].get(kind, {}).get("roofline", 0.0)
    / row["roofline_seconds"]
  )
  head = ["Share of the estimated time:", "", f"| row | {' | '.join(kinds)} |"]
  return [
    *head,
    "|---" * (len(kinds) + 1) + "|",
    *(
      f"| {name} | " + " | ".join(f"{share(row, k):.1%}" for k in kinds) + " |"
      for name, row in timed.items()
    ),
  ]


def slowest(best: Mapping[str, Row]) -> list[str]:
  """What takes longest beside products, by JAX primitive."""
  lines = [
    f"| {name} | "
    + ", ".join(
      f"{one['operation']} ({one['kind']}) "
      f"{one['seconds'] / row['roofline_seconds']:.1%}"
      for one in row["slowest"][:_NUM_SLOWEST]
    )
    + " |"
    for name, row in best.items()
    if row.get("slowest")
  ]
  return ["| row | what takes longest beside products |", "|---|---|", *lines]


def chosen(rows: Sequence[Row]) -> Row:
  """The first try that fits, or the last one."""
  return next((row for row in rows if row["fits"]), rows[-1])


def line(name: str, row: Row) -> str:
  """One row of the table."""
  what, sent = row["what"], row["collectives"]
  over = lambda network: sum(
    one["gib"] for kind, one in sent.items() if kind.startswith(network)
  )
  time = row["roofline_seconds"]
  number = lambda value, form: "-" if value is None else format(value, form)
  cells = [
    name,
    (f"{row['num_slices']} x " if row["num_slices"] > 1 else "")
    + f"{row['topology']}",
    " x ".join(str(size) for size in what["mesh"].values()),
    str(what["clips"]),
    f"{row['hbm_gib']:.1f} of {row['hbm_limit_gib']:.1f}",
    f"{row['model_tflops']:.0f}",
    f"{row['executed_tflops']:.0f}",
    number(time, ".2f"),
    number(row["executed_share"], ".1%"),
    number(row["mfu"], ".1%"),
    f"{over('ICI'):.2f}",
    f"{over('DCN'):.2f}",
    f"{row['compile_seconds'] + row['trace_seconds']:.0f} s",
  ]
  return "| " + " | ".join(cells) + " |"


def knobs(row: Row) -> str:
  """What was tried, in words."""
  what = row["what"]
  mesh = " x ".join(str(size) for size in what["mesh"].values())
  front = f", {what['front']}" if "front" in what else ""
  return f"{mesh}, {what['clips']} clips, remat {what['remat']}{front}"


def plot(found: Mapping[str, Sequence[Row]]) -> bytes:
  """Memory by class and share of peak, a bar each: bytes of a PNG."""
  from matplotlib import figure

  rows = {
    name: row for name, rows in found.items() if (row := chosen(rows))["fits"]
  }
  page = figure.Figure(
    figsize=(10, 1.5 + 0.35 * len(rows)), layout="constrained"
  )
  left, right = page.subplots(1, 2, sharey=True)
  names = list(rows)
  start = [0.0] * len(names)
  for kind in sorted({kind for row in rows.values() for kind in row["gib"]}):
    width = [rows[name]["gib"].get(kind, 0.0) for name in names]
    if max(width, default=0) < 0.05:
      continue
    left.barh(names, width, left=start, label=kind)
    start = [a + b for a, b in zip(start, width, strict=True)]
  limit = [rows[name]["hbm_limit_gib"] for name in names]
  left.plot(limit, names, "k|", markersize=14, label="there is")
  left.set_xlabel("GiB a device")
  left.legend(fontsize=7)
  for key, label in (("executed_share", "executed"), ("mfu", "model FLOPs")):
    share = [100 * (rows[name][key] or 0) for name in names]
    right.plot(share, names, "o", label=label)
  right.set_xlim(0, 100)
  right.set_xlabel("% of rated peak (compiler's roofline estimate)")
  right.legend(fontsize=7)
  buffer = io.BytesIO()
  page.savefig(buffer, format="png", dpi=110)
  return buffer.getvalue()
