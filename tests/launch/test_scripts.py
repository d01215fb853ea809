"""Every launcher: what it prints, what it would run, how it refuses."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
WHERE = ("--name", "big", "--zone", "us-west4-a")
ON = "--zone=us-west4-a"
TRAIN = ("--config=configs/tiny.py:base", "--workdir=~/bucket/run")
GKE = ("--name", "run", "--image", "host/lumiere:1")
JOBSET = (*GKE, "--bucket", "my-runs")
# The smallest call of each script that is right.
CALLS = {
  "tpu_vm/create.sh": (*WHERE, "--tpu", "v5e:16x16"),
  "tpu_vm/setup.sh": WHERE,
  "tpu_vm/train.sh": (*WHERE, "--", *TRAIN),
  "tpu_vm/status.sh": WHERE,
  "tpu_vm/delete.sh": WHERE,
  "gke/jobset.sh": (*JOBSET, "--tpu", "v5e:16x16", "--", *TRAIN),
  "gke/xpk.sh": (*GKE, "--cluster", "c", "--tpu", "v6e:4x4", "--", *TRAIN),
  "local_pod.sh": ("--python", sys.executable, 2, 4, *TRAIN),
}


@pytest.mark.parametrize("script", CALLS)
def test_help_is_the_header_with_an_example(launcher, script):
  done = launcher(script, "--help")
  assert done.returncode == 0, done.stderr
  assert f"launch/{script}" in done.stdout
  assert "xample" in done.stdout
  # Neither cut short nor running into the program.
  header = (ROOT / "launch" / script).read_text().split("\nset -euo")[0]
  assert done.stdout.splitlines() == [
    line[2:] for line in header.splitlines()[1:]
  ]


@pytest.mark.parametrize("script", CALLS)
def test_a_dry_run_runs_nothing_and_needs_nothing(launcher, script):
  done = launcher(script, "--dry-run", *CALLS[script], has_cloud=False)
  assert done.returncode == 0, done.stderr
  assert done.stdout
  assert launcher.said() == []
  assert sorted(p.name for p in launcher.folder.iterdir()) == ["bin"]


@pytest.mark.parametrize("script", CALLS)
def test_an_unknown_flag_is_one_sentence_and_exit_2(launcher, script):
  done = launcher(script, "--wrong", *CALLS[script])
  assert done.returncode == 2
  assert done.stdout == ""
  assert re.fullmatch(r"error: --wrong is unknown.*\n", done.stderr)


@pytest.mark.parametrize(
  ("script", "words", "message"),
  [
    ("tpu_vm/create.sh", ["--zone", "z"], "--name is missing"),
    ("tpu_vm/create.sh", ["--name", "big"], "--zone is missing"),
    ("tpu_vm/create.sh", ["--name"], "--name needs a value"),
    ("tpu_vm/create.sh", ["--name", "Big", "--zone", "z"], "small letters"),
    ("tpu_vm/create.sh", WHERE, "--tpu is missing"),
    ("tpu_vm/create.sh", [*WHERE, "--tpu", "v5e"], "chips along each axis"),
    ("tpu_vm/create.sh", [*WHERE, "--tpu", "v9:2x2"], "one of v4, v5e"),
    ("tpu_vm/create.sh", [*WHERE, "--tpu", "v5e:3x3"], "one of 1x1 2x2"),
    ("tpu_vm/create.sh", [*WHERE, "--tpu", "v5e:4x4x4"], "one of 1x1 2x2"),
    ("tpu_vm/create.sh", [*WHERE, "--tpu", "v5p:4x4"], "multiples of 4"),
    ("tpu_vm/create.sh", [*WHERE, "--tpu", "v5p:4x4x6"], "multiples of 4"),
    ("tpu_vm/create.sh", [*WHERE, "--tpu", "tpu7x:4x4x4"], "GKE alone"),
    (
      "tpu_vm/create.sh",
      [*WHERE, "--tpu", "v6e:2x4", "--slices", "2"],
      "v6e:2x4 is one machine",
    ),
    (
      "tpu_vm/create.sh",
      [*WHERE, "--tpu", "v6e:4x4", "--spot", "--reserved"],
      "exclude each other",
    ),
    ("tpu_vm/create.sh", [*WHERE, "--slices", "0"], "whole number from 1"),
    ("tpu_vm/setup.sh", [*WHERE, "--bucket", "a/b"], "name of a bucket"),
    ("tpu_vm/train.sh", WHERE, "there is nothing to train"),
    ("tpu_vm/train.sh", [*WHERE, "--"], "there is nothing to train"),
    ("tpu_vm/train.sh", [*WHERE, "--config=a"], "stand after --"),
    ("tpu_vm/train.sh", [*WHERE, "--", "--workdir=x"], "--config is missing"),
    ("tpu_vm/train.sh", [*WHERE, "--", "--config=a.py"], "no recipe a.py"),
    (
      "tpu_vm/train.sh",
      [*WHERE, "--run", "../x", "--", *TRAIN],
      "names a folder",
    ),
    ("gke/jobset.sh", GKE, "--tpu is missing"),
    ("gke/jobset.sh", [*GKE, "--tpu", "v5e:4x4"], "--bucket is missing"),
    (
      "gke/jobset.sh",
      [*JOBSET, "--tpu", "v5e:4x4", "--slices", "x", "--", "a"],
      "--slices is",
    ),
    (
      "gke/jobset.sh",
      [*JOBSET, "--tpu", "v5e:2x4", "--slices", "2", "--", "a"],
      "is one machine",
    ),
    (
      "gke/jobset.sh",
      [*JOBSET, "--tpu", "v5e:4x4", "--", "a\nb"],
      "control character",
    ),
    ("gke/jobset.sh", [*JOBSET, "--tpu", "v5e:4x4"], "nothing to train"),
    (
      "gke/jobset.sh",
      ["--name", "a b", *JOBSET[2:], "--tpu", "v5e:4x4"],
      "--name is",
    ),
    (
      "gke/jobset.sh",
      ["--name", "a", "--image", 'x"y', "--tpu", "v5e:4x4"],
      "--image is",
    ),
    ("gke/xpk.sh", GKE, "--cluster is missing"),
    (
      "gke/xpk.sh",
      [*GKE, "--cluster", "c", "--tpu", "v5e:4x4", "--max-restarts", "x"],
      "--max-restarts is",
    ),
    (
      "gke/xpk.sh",
      [*GKE, "--cluster", "c", "--tpu", "v5e:4x4"],
      "nothing to train",
    ),
    ("local_pod.sh", [], "number of processes and of devices"),
    ("local_pod.sh", ["--python"], "--python needs"),
    ("local_pod.sh", ["2", "none"], 'whole numbers from 1, got "none"'),
    ("local_pod.sh", ["0", "2"], 'whole numbers from 1, got "0"'),
    ("local_pod.sh", ["--python", "nopython", "2", "2"], "is not there"),
  ],
)
def test_a_wrong_call_is_one_sentence_and_exit_2(
  launcher, script, words, message
):
  done = launcher(script, *words)
  assert done.returncode == 2
  assert re.fullmatch(r"error: .*\n", done.stderr), done.stderr
  assert message in done.stderr
  assert launcher.said() == []


@pytest.mark.parametrize(
  ("script", "needed"),
  [
    ("tpu_vm/create.sh", "gcloud"),
    ("gke/jobset.sh", "kubectl"),
    ("gke/xpk.sh", "xpk"),
  ],
)
def test_a_missing_program_is_named(launcher, script, needed):
  if shutil.which(needed):
    pytest.skip(f"{needed} is installed here")
  done = launcher(script, *CALLS[script], has_cloud=False)
  assert done.returncode == 2
  assert f"{needed} is not installed" in done.stderr


def test_launchers_are_clean_to_shellcheck():
  command = pathlib.Path(sys.executable).with_name("shellcheck")
  scripts = sorted((ROOT / "launch").rglob("*.sh"))
  assert len(scripts) >= 14
  scripts.append(ROOT / ".ci/run")
  done = subprocess.run(
    [command, "-x", *scripts], cwd=ROOT, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stdout
