"""Clips made again from the record beside them, by whatever verb made them."""

from collections.abc import Mapping
import importlib
import pathlib
from typing import Any

from lumiere_jax import errors
from lumiere_jax.cli import application
from lumiere_jax.generation import record as records

APPLICATIONS = (
  *("animate", "keyframes", "cinemagraph", "inpaint", "outpaint"),
  *("extend", "edit", "upscale", "stylize"),
)


def run(record: records.Record, flags) -> None:
  """Runs an application again and says whether the pixels are the same.

  Args:
    record: of a clip that an application made.
    flags: of `lumiere sample`: where to write, and other weights if any.

  Raises:
    ConfigError: a file that was given then is gone or has changed.
    LumiereError: as the application.
  """
  errors.require_one_of("app of the record", record.told["app"], APPLICATIONS)
  if record.index:
    raise errors.ConfigError(
      f"the record is of clip {record.index} of several that were painted "
      "together; replay the first, or give its command again."
    )
  for path, then in record.told["files"].items():
    _require_same(pathlib.Path(path), then)
  app = importlib.import_module(f"lumiere_jax.cli.{record.told['app']}")
  app.main(
    [
      *("--out", f"{flags.out}"),
      *("--weights", flags.weights or record.weights),
      *(["--overwrite"] if flags.overwrite else []),
      *(["--save-frames"] if flags.save_frames else []),
      *record.told["flags"],
      *_as_flags(record),
    ]
  )
  again = records.read(flags.out.with_suffix(".json"))
  print(compare(record, again.pixels, again.settings))


def compare(
  record: records.Record,
  pixels: str,
  settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
  """Says whether a replay gave the same pixels, and if not what may be why.

  Args:
    record: of the clip that was made first.
    pixels: digest of those that were made now.
    settings: how they were sampled, where that may be otherwise.
  """
  if pixels == record.pixels:
    return "replay: the same pixels as recorded"
  now = records.versions()
  changed = [
    f"{name} {then}, now {now.get(name, 'absent')}"
    for name, then in record.versions.items()
    if now.get(name) != then
  ]
  for stage, said in (settings or {}).items():
    then = record.settings.get(stage, {})
    changed += [
      f"{name} of {stage} {then.get(name)}, now {value}"
      for name, value in said.items()
      if then.get(name) != value
    ]
  why = ", ".join(changed) or "no version did, so look at the device"
  return f"replay: pixels differ from those recorded; what changed: {why}"


def _require_same(path: pathlib.Path, then: str) -> None:
  """Refuses a file that is no longer what it was."""
  if not path.is_file():
    raise errors.ConfigError(
      f"{path}, from which the clip was made, is not there; put it back, or "
      "replay where it is."
    )
  now = application.digest(path)
  if now != then:
    raise errors.ConfigError(
      f"{path} is not what the clip was made from (SHA-256 {now[:12]}, then "
      f"{then[:12]}); put the old one back."
    )


def _as_flags(record: records.Record) -> list[str]:
  """The request as a command line."""
  said = []
  for name, value in record.request.as_dict().items():
    flag = name.replace("_", "-")
    if name in ("version", "num_videos") or value is None or value == "":
      continue
    if isinstance(value, bool):
      said.append(f"--{flag}" if value else f"--no-{flag}")
    else:
      said += [f"--{flag}", f"{value}"]
  return said
