"""launch/test.sh --peers, with a Python that takes notes instead."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
# Answers questions, makes environments like itself, and notes all else.
_PYTHON = """#!/usr/bin/env bash
home="$(dirname "$(dirname "$0")")"
name="$(basename "$home")"
case "$*" in
  *purelib*) echo "$home/bin" && exit ;;
  *"import diffusers"*) exit "${BROKEN:-0}" ;;
  "-c "*) exec "$REAL" "$@" ;;
  "-m venv "*) mkdir -p "${@: -1}/bin" && cp "$0" "${@: -1}/bin/python" ;;
esac
echo "$name: ${*//$PWD/ROOT}" >>"$SAID"
[[ "$*" != "-m pip "* ]] || exit "${OFFLINE:-0}"
"""


class Root:
  """A root with the scripts and a .venv that is no more than its Python."""

  def __init__(self, folder: pathlib.Path):
    self.folder, self._notes = folder, folder / "said"
    (folder / "launch").mkdir()
    for name in ("test.sh", "venv.sh"):
      shutil.copy(ROOT / "launch" / name, folder / "launch")
    shutil.copy(ROOT / "setup.py", folder)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(_PYTHON)
    python.chmod(0o755)

  def __call__(self, *words, **env):
    self._notes.unlink(missing_ok=True)
    return subprocess.run(
      [self.folder / "launch" / "test.sh", *words],
      cwd=self.folder,
      env={
        **os.environ,
        "REAL": sys.executable,
        "SAID": str(self._notes),
        **env,
      },
      capture_output=True,
      text=True,
      timeout=60,
      check=False,
    )

  def said(self) -> list[str]:
    return self._notes.read_text().splitlines() if self._notes.exists() else []


@pytest.fixture
def root(tmp_path):
  if shutil.which("bash") is None:
    pytest.skip("no bash here")
  return Root(tmp_path)


def test_help_says_what_there_is(root):
  done = root("--help")
  assert done.returncode == 0, done.stderr
  header = (ROOT / "launch" / "test.sh").read_text().split("\nset -euo")[0]
  assert done.stdout.splitlines() == [
    line[2:] for line in header.splitlines()[1:]
  ]
  assert "--peers" in done.stdout


def test_peers_are_installed_once_and_theirs_alone_is_run(root):
  done = root("--peers", "-k", "t5")
  assert done.returncode == 0, done.stderr
  installed, *_, ran = root.said()
  assert re.fullmatch(r"\.venv: -m pip .*\[dev\]", installed)
  beside = root.folder / ".venv-peers" / "bin" / "beside.pth"
  assert beside.read_text() == f"{root.folder / '.venv' / 'bin'}\n"
  assert ".venv-peers: -m pip" in "\n".join(root.said())
  assert "--editable ROOT[compare]" in "\n".join(root.said())
  assert re.fullmatch(
    r"\.venv-peers: -m pytest -n \d -m peers tests/interop/peers -k t5", ran
  )
  done = root("--peers")
  assert done.returncode == 0, done.stderr
  assert len(root.said()) == 1
  (root.folder / "setup.py").write_text("# newer")
  root("--peers")
  assert "--editable ROOT[compare]" in "\n".join(root.said())


def test_other_tests_leave_the_peers_alone(root):
  root("tests/text")
  assert not (root.folder / ".venv-peers").exists()
  assert not any("peers" in line for line in root.said())


@pytest.mark.parametrize(
  ("env", "message"),
  [
    ({"BROKEN": "1"}, "the peers in .venv-peers do not run"),
    ({"OFFLINE": "1"}, "pip could not install"),
  ],
  ids=["broken", "offline"],
)
def test_without_peers_nothing_passes_for_run(root, env, message):
  done = root("--peers", **env)
  assert done.returncode == 2
  assert re.search(rf"^error: .*{message}", done.stderr, re.MULTILINE)
  assert not any("pytest" in line for line in root.said())
