"""What became of the clips: counts, a list, and a page with pictures."""

import base64
import collections
from collections.abc import Iterable
import dataclasses
import html
import json
import pathlib
from typing import Any

from lumiere_jax.data import making

# Pictures of each kind on the page, and of each shard's kept clips.
_SHOWN = 120
WORDS = {
  "kept": "kept",
  "short": "too short",
  "static": "hardly moving",
  "dark": "too dark",
  "duplicate": "seen before",
  "excluded": "excluded",
  "captionless": "without caption",
  "broken": "broken",
}


@dataclasses.dataclass(kw_only=True)
class Report:
  """What became of the clips.

  Attributes:
    read: files found.
    kept: clips in the dataset.
    held: clips among them whose last frame will stand.
    counts: kind -> clips, of all kinds in `WORDS`.
    notes: "cut", "cropped", "encoded", "held" -> clips kept.
    skipped: [{"id", "kind", "reason"}] for those left out.
    changed: [{"id", "notes"}] for those cut, cropped or held.
    seconds: length of the clips kept, together.
    num_bytes: size of the clips kept, as stored.
    root: Merkle root of the manifest.
    settings: what the dataset was made with.
  """

  read: int = 0
  kept: int = 0
  held: int = 0
  counts: dict[str, int] = dataclasses.field(
    default_factory=lambda: dict.fromkeys(WORDS, 0)
  )
  notes: dict[str, int] = dataclasses.field(default_factory=dict)
  skipped: list[dict[str, str]] = dataclasses.field(default_factory=list)
  changed: list[dict[str, Any]] = dataclasses.field(default_factory=list)
  seconds: float = 0.0
  num_bytes: int = 0
  root: str = ""
  settings: dict[str, Any] = dataclasses.field(default_factory=dict)

  def count(self, entry: making.Entry) -> None:
    """Takes one clip into account."""
    self.counts[entry.kind] += 1
    if entry.kind != "kept":
      self.skipped.append(
        {"id": entry.id, "kind": entry.kind, "reason": entry.reason}
      )
      return
    self.kept += 1
    self.held += entry.record.hold
    self.seconds = round(self.seconds + entry.record.duration, 3)
    self.num_bytes += entry.num_bytes
    told = [note for note in entry.notes if note != "encoded"]
    if told:
      self.changed.append({"id": entry.id, "notes": told})
    for note in entry.notes:
      self.notes[note] = self.notes.get(note, 0) + 1

  def write(self, folder: pathlib.Path) -> None:
    """Writes report.json."""
    said = dataclasses.asdict(self)
    text = json.dumps(said, indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")


class Page:
  """report.html: a table of counts, and pictures by kind."""

  def __init__(self):
    self._shown = collections.defaultdict(list)

  def show(self, entry: making.Entry) -> None:
    """Adds a picture, while there is room."""
    if entry.thumb and len(self._shown[entry.kind]) < _SHOWN:
      self._shown[entry.kind].append(entry)

  def write(self, folder: pathlib.Path, report: Report) -> None:
    """Writes the page; everything it needs is in it."""
    text = "".join(self._lines(report))
    (folder / "report.html").write_text(text, encoding="utf-8")

  def _lines(self, report: Report) -> Iterable[str]:
    yield _HEAD
    yield (
      f"<p>{report.read} files, {report.kept} clips kept, "
      f"{report.seconds / 3600:.2f} hours, {report.num_bytes / 1e6:.1f} MB.</p>"
      f"<p>Root of the manifest: <code>{report.root}</code></p><table>"
    )
    for kind, count in report.counts.items():
      yield f"<tr><th>{WORDS[kind]}</th><td>{count}</td></tr>"
    for note, count in sorted(report.notes.items()):
      yield f"<tr><th>kept, {html.escape(note)}</th><td>{count}</td></tr>"
    yield "</table><h2>Settings</h2><table>"
    for name, value in report.settings.items():
      yield f"<tr><th>{name}</th><td>{html.escape(str(value))}</td></tr>"
    yield "</table>"
    for kind in WORDS:
      if self._shown[kind]:
        yield f"<h2>{WORDS[kind]}</h2><div>"
        yield from map(_figure, self._shown[kind])
        yield "</div>"
    yield "\n"


def _figure(entry: making.Entry) -> str:
  data = base64.b64encode(bytes.fromhex(entry.thumb)).decode()
  said = entry.reason or (entry.record.caption if entry.record else "")
  return (
    f'<figure><img src="data:image/png;base64,{data}" alt="">'
    f"<figcaption>{html.escape(entry.id)}<br><i>{html.escape(said)}</i>"
    "</figcaption></figure>"
  )


_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>What became of the clips</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 70em;
  padding: 0 1em; color: #222; background: #fff }
th { text-align: left; font-weight: normal; padding-right: 2em }
td { font-variant-numeric: tabular-nums }
div { display: grid; gap: 1em;
  grid-template-columns: repeat(auto-fill, minmax(10em, 1fr)) }
figure { margin: 0 } img { width: 100%; image-rendering: auto }
figcaption { font-size: 12px; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #161616 } }
</style>
<h1>What became of the clips</h1>
"""
