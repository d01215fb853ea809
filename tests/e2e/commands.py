"""Runs the real commands in processes of their own, on recipes cut small."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]

# Fields of configs/tiny.py that make a step compile in seconds.
SMALL = (
  "--config.model.widths=(8,8)",
  "--config.model.blocks=(1,1)",
  "--config.model.attention=(1,)",
  "--config.model.head_dim=8",
  "--config.model.groups=4",
  "--config.model.embedding_width=16",
  "--config.model.text_width=8",
  "--config.text.max_length=16",
  "--config.text.encoder.width=8",
  "--config.text.encoder.num_layers=1",
  "--config.text.encoder.num_heads=2",
  "--config.text.encoder.head_dim=4",
  "--config.text.encoder.mlp_width=16",
  "--config.data.num_frames=8",
  "--config.every.log=1",
  "--config.every.preview=-1",
)
STAGE = {
  "t2i": ("--config.data.resolution=16",),
  "base": (
    "--config.data.resolution=16",
    "--config.model.temporal.factors=(2,2)",
  ),
  "ssr": (
    "--config.data.resolution=32",
    "--config.data.crop=16",
    "--config.diffusion.low_res=16",
  ),
}


def run(verb, *args, devices=1, cache=None):
  """Runs `lumiere VERB ARGS`; returns the finished process."""
  env = dict(os.environ)
  # The last of a flag that is given twice counts.
  env["XLA_FLAGS"] += f" --xla_force_host_platform_device_count={devices}"
  env["TF_CPP_MIN_LOG_LEVEL"] = "3"
  if cache is not None:
    env["JAX_COMPILATION_CACHE_DIR"] = str(cache)
    env["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
  return subprocess.run(
    [sys.executable, "-m", "lumiere_jax.cli.main", verb, *map(str, args)],
    cwd=ROOT,
    env=env,
    capture_output=True,
    text=True,
    timeout=600,
    check=False,
  )


def train(stage, dataset, workdir, num_steps, *more, **kwargs):
  """Trains a small recipe; fails the test if the command fails."""
  done = run(
    "train",
    f"--config=configs/tiny.py:{stage}",
    f"--workdir={workdir}",
    f"--config.data.dataset={dataset}",
    f"--config.num_steps={num_steps}",
    *SMALL,
    *STAGE[stage],
    *more,
    **kwargs,
  )
  assert done.returncode == 0, done.stderr[-3000:]
  return done
