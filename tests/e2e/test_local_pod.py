"""Processes that are really joined train as one process does."""

import json
import os
import subprocess
import sys

import clips
from e2e import commands
import numpy as np
import pytest

from lumiere_jax.video import write

pytestmark = pytest.mark.e2e

NUM_STEPS = 3


@pytest.fixture(scope="module")
def home(tmp_path_factory):
  folder = tmp_path_factory.mktemp("pods")
  source = folder / "source"
  source.mkdir()
  for index in range(4):
    # Mirrored and negative, or they would be copies of one clip.
    frames = clips.moving(130)[:, :: 1 - 2 * (index % 2)]
    frames = 255 - frames if index >= 2 else frames
    write.write_mp4(source / f"clip_{index}.mp4", frames, 25)
    (source / f"clip_{index}.txt").write_text(f"clip number {index}")
  done = commands.run("prepare", "--source", source, "--out", folder / "data")
  assert done.returncode == 0, done.stderr
  return folder


def train(home, name, processes, devices, *more, steps=NUM_STEPS):
  """Trains the base, cut small, on a local pod; returns what it said."""
  env = dict(
    os.environ,
    JAX_DISABLE_MOST_OPTIMIZATIONS="1",
    JAX_COMPILATION_CACHE_DIR=str(home / "cache"),
    JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
  )
  done = subprocess.run(
    [
      commands.ROOT / "launch" / "local_pod.sh",
      *("--python", sys.executable, str(processes), str(devices)),
      "--config=configs/tiny.py:base",
      f"--workdir={home / name}",
      f"--config.data.dataset={home / 'data'}",
      f"--config.num_steps={steps}",
      # All of it, or what is trained would begin as zeros.
      "--config.trainable=all",
      *commands.SMALL,
      *commands.STAGE["base"],
      *more,
    ],
    env=env,
    capture_output=True,
    text=True,
    timeout=570,
    check=False,
  )
  assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
  return done.stdout


def losses(home, name):
  """Losses and norms of the gradient, step by step."""
  lines = (home / name / "metrics.jsonl").read_text().splitlines()
  read = [json.loads(line) for line in lines]
  assert [one["step"] for one in read] == [*range(1, len(read) + 1)]
  return np.array([[one["loss"], one["norm/gradient"]] for one in read])


@pytest.mark.slow
def test_two_processes_of_two_devices_are_one_of_four(home):
  batch = "--config.data.global_batch=4"
  shown = "--config.every.preview=0"
  said = train(home, "2x2", 2, 2, batch, shown, steps=2)
  assert "[0] done: " in said
  assert "[1] done: " in said
  train(home, "1x4", 1, 4, batch, steps=2)
  np.testing.assert_allclose(
    losses(home, "2x2"), losses(home, "1x4"), rtol=1e-5
  )
  record = json.loads((home / "2x2" / "run.json").read_text())
  assert record["mesh"] == {"data": 4, "fsdp": 1, "frames": 1}
  # Written by the first process alone, and whole.
  assert (home / "2x2" / "previews" / "preview_000002.png").is_file()


@pytest.mark.bar
@pytest.mark.slow
def test_a_pod_goes_on_where_it_stopped_and_so_does_another(home):
  batch = "--config.data.global_batch=4"
  train(home, "whole", 2, 2, batch)
  train(home, "parts", 2, 2, batch, steps=1)
  said = train(home, "parts", 2, 2, batch, steps=2)
  assert "[0] resumed from step 1" in said
  assert "[1] resumed from step 1" in said
  # Checkpoints and the place in the data do not know how many processes.
  assert "[0] resumed from step 2" in train(home, "parts", 1, 4, batch)
  np.testing.assert_allclose(
    losses(home, "parts"), losses(home, "whole"), rtol=1e-5
  )


@pytest.mark.bar
@pytest.mark.slow
def test_four_processes_of_two_devices_are_one_of_eight_and_one_device(home):
  batch = "--config.data.global_batch=8"
  train(home, "4x2", 4, 2, batch)
  train(home, "1x8", 1, 8, batch)
  train(home, "1x1", 1, 1, batch)
  pod = losses(home, "4x2")
  assert len(pod) == NUM_STEPS
  np.testing.assert_allclose(pod, losses(home, "1x8"), rtol=1e-5)
  np.testing.assert_allclose(pod, losses(home, "1x1"), rtol=1e-4)


@pytest.mark.bar
@pytest.mark.slow
@pytest.mark.parametrize(
  ("name", "mesh"),
  [("weights", (2, 2, 1)), ("frames", (1, 1, 4)), ("both", (1, 2, 2))],
)
def test_weights_and_frames_are_cut_across_processes(home, name, mesh):
  """Two processes of two devices against one, weights taken from a run."""
  data, fsdp, frames = mesh
  batch = "--config.data.global_batch=4"
  if not (home / "start").exists():
    train(home, "start", 1, 1, batch, steps=1)
  start = f"--config.init_from={home / 'start'}"
  cut = [
    f"--config.mesh.{axis}={size}"
    for axis, size in (("data", data), ("fsdp", fsdp), ("frames", frames))
  ]
  train(home, name, 2, 2, batch, start, *cut)
  train(home, f"{name}_alone", 1, 1, batch, start)
  np.testing.assert_allclose(
    losses(home, name), losses(home, f"{name}_alone"), rtol=1e-4
  )
