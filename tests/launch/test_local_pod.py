"""A pod of processes on this machine, with a stand-in for Python."""

import shlex
import sys

TRAIN = ("--config=configs/tiny.py:base", "--workdir=out")
CALL = ("--python", sys.executable, 2, 4, *TRAIN)


def test_a_local_pod_is_the_same_command_in_each_process(launcher):
  done = launcher("local_pod.sh", "--dry-run", *CALL)
  lines = [shlex.split(line) for line in done.stdout.splitlines()]
  assert len(lines) == 2
  for index, words in enumerate(lines):
    settings = dict(w.split("=", 1) for w in words[1:] if w[0].isupper())
    assert settings["JAX_PLATFORMS"] == "cpu"
    assert settings["JAX_PROCESS_ID"] == str(index)
    assert settings["JAX_NUM_PROCESSES"] == "2"
    assert settings["XLA_FLAGS"].endswith("device_count=4")
    assert words[-4:] == ["lumiere_jax.cli.main", "train", *TRAIN]


def _pod(launcher, program):
  python = launcher.folder / "python"
  python.write_text(
    f'#!/usr/bin/env bash\n[[ "$1" != -c ]] || {{ echo 1; exit; }}\n{program}\n'
  )
  python.chmod(0o755)
  return launcher("local_pod.sh", "--python", python, 3, 1, "--flag")


def test_a_local_pod_says_who_said_what(launcher):
  done = _pod(launcher, 'echo "$JAX_PROCESS_ID says ${@: -1}"; printf end')
  assert done.returncode == 0, done.stderr
  assert sorted(done.stdout.splitlines()) == sorted(
    line for k in range(3) for line in (f"[{k}] {k} says --flag", f"[{k}] end")
  )


def test_a_local_pod_ends_with_the_first_that_fails(launcher):
  done = _pod(
    launcher,
    '((JAX_PROCESS_ID == 1)) && exit 7; trap "" TERM; sleep 50 & sleep 50',
  )
  assert done.returncode == 7
