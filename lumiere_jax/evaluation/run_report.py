"""How a run went, as a page: loss, speed, where the time went, what happened.

One file that needs no other, so that it can be sent to somebody.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
import html
import io
import json
import os
import pathlib
import time
from typing import Any

from lumiere_jax import errors
from lumiere_jax.provenance import run_record
from lumiere_jax.training import ledger
from lumiere_jax.video import atomic

FILE = "report.html"
_PICTURES = 6
_EVENTS = 100
_QUIET = ("spent", "checkpoint")
_HEAD = """<!doctype html><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 60em }}
table {{ border-collapse: collapse }} td, th {{ padding: .1em .8em .1em 0;
text-align: left; vertical-align: top }} img {{ max-width: 100% }}
</style><h1>{title}</h1>"""

Entries = Sequence[Mapping[str, Any]]


def write(
  workdir: str | os.PathLike, out: str | os.PathLike | None = None
) -> pathlib.Path:
  """Writes the page of a run.

  Args:
    workdir: the run's folder.
    out: the file; `report.html` in that folder unless given.

  Returns:
    Where it is.

  Raises:
    WeightsError: the folder holds no run.
    OutputError: the page cannot be written.
  """
  workdir = pathlib.Path(workdir)
  record = run_record.read(workdir)
  entries, scalars = ledger.read(workdir), metrics(workdir)
  found = ledger.goodput(entries)
  parts = [
    _HEAD.format(
      title=html.escape(f"{record.recipe['stage']}: {workdir.name}")
    ),
    table(facts(record, scalars)),
    picture(curves(scalars)) if scalars else "<p>No step was logged yet.</p>",
    "<h2>Where the time went</h2>",
    table(time_rows(found)),
    "<h2>What happened</h2>",
    table(event_rows(entries)),
    "<h2>Samples</h2>",
    *previews(workdir),
  ]
  path = pathlib.Path(out) if out else workdir / FILE
  atomic.write_text(path, "\n".join(parts) + "\n")
  return path


def metrics(workdir: pathlib.Path) -> list[dict[str, float]]:
  """What was logged, by step; of a step done twice, the last time."""
  path, by_step = workdir / "metrics.jsonl", {}
  for line in path.read_text("utf-8").splitlines() if path.exists() else ():
    try:
      entry = json.loads(line)
      by_step[entry["step"]] = entry
    except (ValueError, KeyError, TypeError):
      continue  # cut by a stop
  return [by_step[step] for step in sorted(by_step)]


def facts(record: run_record.RunRecord, scalars: Entries) -> list[tuple]:
  """What the run is, in rows of name and value."""
  rows = [("stage", record.recipe["stage"])]
  if scalars:
    of = record.recipe.get("num_steps", "?")
    rows.append(("steps", f"{scalars[-1]['step']} of {of}"))
    rows.append(("loss", f"{scalars[-1].get('loss', float('nan')):.5g}"))
  rows.append(("mesh", ", ".join(f"{k} {v}" for k, v in record.mesh.items())))
  rows += [
    ("data", f"{one['name']} {one['split']}, root {one['root'] or 'none'}")
    for one in record.datasets
  ]
  said = ", ".join(f"{k} {v}" for k, v in record.versions.items())
  return [*rows, ("versions", said)]


def time_rows(found: ledger.Goodput) -> list[tuple]:
  """Seconds and shares of each class."""
  share = lambda spent: f"{spent / found.total:.1%}" if found.total else "-"
  rows = [
    (name, f"{spent:,.1f} s", share(spent))
    for name, spent in found.seconds.items()
  ]
  rows.append(("lost steps", f"{found.lost:,.1f} s", share(found.lost)))
  rows.append(("goodput", "", f"{found.share:.1%}"))
  return [*rows, ("away, not counted", f"{found.away:,.1f} s", "")]


def event_rows(entries: Entries) -> list[tuple]:
  """The last events but windows and saves that went well."""
  told = [one for one in entries if one["event"] not in _QUIET]
  rest = lambda one: ", ".join(
    f"{k} {v}" for k, v in one.items() if k not in ("time", "event")
  )
  when = lambda one: time.strftime("%F %T UTC", time.gmtime(one["time"]))
  return [(when(one), one["event"], rest(one)) for one in told[-_EVENTS:]]


def table(rows: Iterable[Sequence[Any]]) -> str:
  """Rows as an HTML table."""
  cell = lambda value: f"<td>{html.escape(str(value))}</td>"
  lines = ["".join(map(cell, row)) for row in rows]
  return (
    "<table>" + "".join(f"<tr>{line}</tr>\n" for line in lines) + "</table>"
  )


def curves(scalars: Entries) -> bytes:
  """Loss, norm of the gradient and clips a second over steps: a PNG."""
  from matplotlib import figure

  shown = [
    (name, unit)
    for name, unit in [
      ("loss", "loss"),
      ("norm/gradient", "norm of the gradient"),
      ("clips_per_second", "clips a second"),
    ]
    if any(name in one for one in scalars)
  ]
  page = figure.Figure(
    figsize=(10, 2.6 * max(len(shown), 1)), layout="constrained"
  )
  plots = page.subplots(max(len(shown), 1), 1, sharex=True, squeeze=False)
  for (name, unit), plot in zip(shown, plots[:, 0], strict=False):
    points = [(one["step"], one[name]) for one in scalars if name in one]
    steps, values = zip(*points, strict=True)
    plot.plot(steps, values, ".-" if len(points) < 30 else "-", linewidth=1)
    if min(values) > 0 and max(values) > 10 * min(values):
      plot.set_yscale("log")
    plot.set_ylabel(unit)
  plots[-1, 0].set_xlabel("step")
  buffer = io.BytesIO()
  page.savefig(buffer, format="png", dpi=100)
  return buffer.getvalue()


def losses(runs: Mapping[str, Entries]) -> bytes:
  """The loss of several runs, each in a field of its own: a PNG.

  Raises:
    ConfigError: a run has logged nothing.
  """
  from matplotlib import figure

  for name, scalars in runs.items():
    if not any("loss" in one for one in scalars):
      raise errors.ConfigError(
        f"{name} has logged no loss; give the folder of a run that has trained."
      )
  page = figure.Figure(figsize=(3.2 * len(runs), 2.8), layout="constrained")
  plots = page.subplots(1, len(runs), squeeze=False)[0]
  for (name, scalars), plot in zip(runs.items(), plots, strict=True):
    points = [(one["step"], one["loss"]) for one in scalars if "loss" in one]
    plot.plot(*zip(*points, strict=True), linewidth=1)
    plot.set(title=name, xlabel="step", yscale="log")
  plots[0].set_ylabel("loss")
  buffer = io.BytesIO()
  page.savefig(buffer, format="png", dpi=100)
  return buffer.getvalue()


def picture(data: bytes, kind: str = "png") -> str:
  """A picture inside the page."""
  said = base64.b64encode(data).decode()
  return f'<p><img src="data:image/{kind};base64,{said}"></p>'


def previews(workdir: pathlib.Path) -> list[str]:
  """The newest previews, pictures with their names."""
  folder = workdir / "previews"
  found = sorted(folder.glob("preview*.png"), reverse=True)[:_PICTURES]
  found += sorted(folder.glob("preview*.gif"), reverse=True)[:1]
  return [
    f"<p>{html.escape(path.stem)}</p>"
    + picture(path.read_bytes(), path.suffix[1:])
    for path in found
  ] or ["<p>None yet; every.preview says how often.</p>"]
