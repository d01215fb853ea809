"""Runs launchers with stand-ins for gcloud, kubectl and xpk that take notes."""

import os
import pathlib
import shutil
import stat
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
_STAND_IN = """#!/usr/bin/env bash
printf '%s\\n' "$(basename "$0") $*" >>"$SAID"
[[ "$*" != *"-f -" ]] || cat >"$SAID.applied"
while read -r pattern answer; do
  [[ -z "$pattern" || "$*" != *"$pattern"* ]] || printf '%b\\n' "$answer"
done <<<"${ANSWERS:-}"
[[ -z "${FAILS:-}" || "$*" != *"$FAILS"* ]] || exit 1
"""


class Launcher:
  """Runs a script of launch/ where the cloud's commands only take notes.

  Attributes:
    folder: of this test; the stand-ins and their notes are in it.
  """

  def __init__(self, folder: pathlib.Path):
    self.folder = folder
    self._notes = folder / "said"
    self._commands = folder / "bin"
    self._commands.mkdir()
    for name in ("gcloud", "kubectl", "xpk"):
      path = self._commands / name
      path.write_text(_STAND_IN)
      path.chmod(path.stat().st_mode | stat.S_IXUSR)

  def __call__(
    self, script, *words, answers=None, fails="", has_cloud=True, **env
  ):
    """Runs launch/SCRIPT; `answers` are what words of a command bring up."""
    path = os.environ["PATH"]
    if has_cloud:
      path = f"{self._commands}{os.pathsep}{path}"
    lines = "\n".join(f"{k} {v}" for k, v in (answers or {}).items())
    return subprocess.run(
      [ROOT / "launch" / script, *map(str, words)],
      cwd=self.folder,
      env={
        **os.environ,
        "PATH": path,
        "SAID": str(self._notes),
        "ANSWERS": lines,
        "FAILS": fails,
        "LUMIERE_PATIENCE": "0",
        **env,
      },
      capture_output=True,
      text=True,
      timeout=60,
      check=False,
    )

  def applied(self) -> str:
    """What kubectl was given to apply."""
    return self._notes.with_name("said.applied").read_text()

  def said(self) -> list[str]:
    """What the stand-ins were called with, a line each."""
    return self._notes.read_text().splitlines() if self._notes.exists() else []


@pytest.fixture
def launcher(tmp_path):
  if shutil.which("bash") is None:
    pytest.skip("no bash here")
  return Launcher(tmp_path)
