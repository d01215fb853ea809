"""Many requests from one file: a prompt a line, or a JSON request a line."""

from collections.abc import Mapping
import json
import os
import pathlib
from typing import Any

from lumiere_jax import errors
from lumiere_jax.generation import request as requests


def read(
  path: str | os.PathLike, given: Mapping[str, Any]
) -> list[requests.Request]:
  """Reads every request, so that a bad last line is known before the first.

  Args:
    path: NAME.txt, whose lines are prompts, or NAME.jsonl, whose lines are
      objects with keys of `Request`. Blank lines are skipped.
    given: fields for all lines; what a line says itself wins.

  Raises:
    ConfigError: the file is missing, empty or of another kind, or a line is
      no request; the message names the line.
  """
  path = pathlib.Path(path)
  if path.suffix not in (".txt", ".jsonl"):
    raise errors.ConfigError(
      f"{path} is neither .txt (a prompt a line) nor .jsonl (a JSON request a "
      "line); rename it to what it is."
    )
  try:
    lines = path.read_text(encoding="utf-8").splitlines()
  except (OSError, UnicodeDecodeError) as error:
    raise errors.ConfigError(f"{path} cannot be read: {error}.") from error
  found = [
    _request(f"{path}:{number}", line, path.suffix, given)
    for number, line in enumerate(lines, start=1)
    if line.strip()
  ]
  if not found:
    raise errors.ConfigError(f"{path} holds no prompt; write one a line.")
  return found


def _request(
  where: str, line: str, kind: str, given: Mapping[str, Any]
) -> requests.Request:
  try:
    if kind == ".txt":
      return requests.Request.from_dict({**given, "prompt": line.strip()})
    return requests.Request.from_json(_merged(line, given))
  except errors.LumiereError as error:
    raise errors.ConfigError(f"{where}: {error}") from error


def _merged(line: str, given: Mapping[str, Any]) -> str:
  """Puts `given` under what the line says; leaves what is no object alone."""
  try:
    entry = json.loads(line)
  except json.JSONDecodeError:
    return line
  return json.dumps({**given, **entry}) if isinstance(entry, dict) else line
