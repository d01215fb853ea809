"""Clips in, three trained stages, an mp4 out: through the real commands."""

import json
import re
import shutil

import chex
import clips
from e2e import commands
import numpy as np
import orbax.checkpoint as ocp
import pytest

from lumiere_jax.checkpoints import folder
from lumiere_jax.video import read
from lumiere_jax.video import write

pytestmark = pytest.mark.e2e

MESH = (
  "--config.mesh.data=2",
  "--config.mesh.fsdp=2",
  "--config.mesh.frames=2",
  "--config.data.global_batch=4",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
  home = tmp_path_factory.mktemp("e2e")
  source = home / "source"
  source.mkdir()
  for index in range(3):
    # Mirrored and negative, or they would be copies of one clip.
    frames = clips.moving(130)[:, :: 1 - 2 * (index % 2)]
    frames = 255 - frames if index == 2 else frames
    write.write_mp4(source / f"clip_{index}.mp4", frames, 25)
    (source / f"clip_{index}.txt").write_text(f"clip number {index}")
  done = commands.run("prepare", "--source", source, "--out", home / "data")
  assert done.returncode == 0, done.stderr
  return home


@pytest.fixture(scope="module")
def images(home):
  """A text-to-image run of two steps on eight devices."""
  where = dict(devices=8, cache=home / "cache")
  commands.train("t2i", home / "data", home / "images", 2, *MESH, **where)
  return home / "images"


def _saved(workdir, step):
  at = folder.of(workdir, step).absolute()
  with ocp.PyTreeCheckpointer() as reader:
    state = reader.restore(at / "state")
    ema = reader.restore(at / "ema")
  place = json.loads((at / "data" / "metadata").read_text())
  return state, ema, place


@pytest.mark.bar  # tests/faults does the same, with kills between
def test_two_steps_and_a_resume_are_four_steps(home):
  cache = home / "cache"
  train = lambda name, steps: commands.train(
    "t2i", home / "data", home / name, steps, cache=cache
  )
  train("whole", 4)
  train("parts", 2)
  resumed = train("parts", 4)
  assert "resumed from step 2" in resumed.stderr
  whole, parts = _saved(home / "whole", 4), _saved(home / "parts", 4)
  chex.assert_trees_all_equal(whole, parts)
  losses = lambda name: [
    json.loads(line)["loss"]
    for line in (home / name / "metrics.jsonl").read_text().splitlines()
  ]
  assert losses("whole") == losses("parts")
  assert len(losses("whole")) == 4
  finished = train("whole", 4)
  assert "has its 4 steps" in finished.stderr


def test_batches_drawn_on_the_device_go_on_after_a_stop(home):
  def train(name, steps):
    done = commands.run(
      *("train", "--config=configs/nano.py:t2i", f"--workdir={home / name}"),
      *(f"--config.data.dataset={home / 'data'}", "--config.data.keep=device"),
      *("--config.data.global_batch=2", "--config.data.num_workers=2"),
      *("--config.data.resolution=16", "--config.model.widths=(16,16)"),
      *("--config.model.blocks=(1,1)", "--config.model.attention=(1,)"),
      *("--config.model.head_dim=8", "--config.optimizer.decay=constant"),
      *("--config.every.log=1", "--config.every.checkpoint=1"),
      "--config.checkpoints.keep_newest=3",
      f"--config.num_steps={steps}",
      cache=home / "cache",
    )
    assert done.returncode == 0, done.stderr
    return done

  train("drawn_whole", 3)
  # As it was after its first step.
  shutil.copytree(home / "drawn_whole", home / "drawn_parts")
  for step in (2, 3):
    folder.remove(home / "drawn_parts", step)
  assert "resumed from step 1" in train("drawn_parts", 3).stderr
  whole, parts = (
    _saved(home / "drawn_whole", 3),
    _saved(home / "drawn_parts", 3),
  )
  chex.assert_trees_all_equal(whole, parts)


def test_embeddings_made_ahead_train_the_same(home, images):
  cache = home / "cache"
  made = commands.run(
    *("embed", "--weights", images, "--dataset", home / "data"),
    *("--out", home / "text"),
  )
  assert made.returncode == 0, made.stderr
  assert "3 captions embedded" in made.stdout
  losses = []
  for name, more in (
    ("in_step", ()),
    ("ahead", (f"--config.data.embeddings={home / 'text'}",)),
  ):
    options = (f"--config.init_from={images}", *more)
    workdir = home / name
    commands.train("base", home / "data", workdir, 2, *options, cache=cache)
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    losses.append([json.loads(line)["loss"] for line in lines])
  np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.slow
def test_all_stages_train_and_sample_on_eight_devices(home, images):
  on_mesh = dict(devices=8, cache=home / "cache")
  out = home / "cascade"
  train = lambda stage, *more: commands.train(
    stage, home / "data", out / stage, 2, *MESH, *more, **on_mesh
  )
  out.mkdir()
  (out / "t2i").symlink_to(images)
  said = train("base", f"--config.init_from={images}").stderr
  assert re.search(r"network from .*: loaded \d+, initialised [1-9]", said)
  taken = json.loads((out / "base" / "init_from.json").read_text())["parts"]
  assert "conv_in/conv/kernel" in taken["network"]["loaded"]
  assert all("temporal_" in name for name in taken["network"]["initialised"])
  assert taken["network"]["unused"] == []
  train("ssr", f"--config.init_from={images}")
  sample = lambda name, devices, *more: commands.run(
    *("sample", "--weights", out, "--prompt", "clip number 1", "--no-guard"),
    *("--out", out / name, "--num-inference-steps", 2, "--save-frames"),
    *("--ssr-num-inference-steps", 2, *more),
    devices=devices,
    cache=home / "cache",
  )
  frames = {}
  for name, devices, more in (
    ("pmap.mp4", 8, ("--front", "pmap")),
    ("sharded.mp4", 8, ("--front", "sharded")),
    ("alone.mp4", 1, ()),
  ):
    done = sample(name, devices, *more)
    assert done.returncode == 0, done.stderr[-3000:]
    frames[name] = np.load(out / name.replace(".mp4", ".npy")).astype(int)
  for name in ("sharded.mp4", "alone.mp4"):
    assert np.abs(frames[name] - frames["pmap.mp4"]).max() <= 1
  assert read.probe(out / "pmap.mp4").num_frames == 8
  replayed = commands.run(
    *("sample", "--replay", out / "alone.json", "--out", out / "again.mp4"),
    *("--save-frames",),
    cache=home / "cache",
  )
  assert replayed.returncode == 0, replayed.stderr
  np.testing.assert_array_equal(np.load(out / "again.npy"), frames["alone.mp4"])


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (["--config.data.num_frames=6"], "number of frames is 6.*4 or 8"),
    (["--config.data.dataset=nowhere"], "error: "),
    (["--config.init_from=nowhere"], "there is no folder nowhere"),
    (["--config.mesh.data=3"], "mesh is .*but there are 1 devices"),
    (["--config.optimizer.learning_rat=1"], "Did you mean"),
    (["--config=configs/big.py"], "there is no recipe configs/big.py"),
    (["--config.trainable=half"], "trainable is 'half'"),
  ],
)
def test_bad_input_is_one_sentence_and_exit_2(home, tmp_path, change, message):
  done = commands.run(
    "train",
    "--config=configs/tiny.py:base",
    f"--workdir={tmp_path / 'refused'}",
    f"--config.data.dataset={home / 'data'}",
    *commands.SMALL,
    *commands.STAGE["base"],
    *change,
  )
  assert done.returncode == 2, done.stderr[-2000:]
  assert "Traceback" not in done.stderr
  assert re.search(message, done.stderr.splitlines()[-1])
  assert not (tmp_path / "refused" / "run.json").exists()


def test_a_run_refuses_another_recipe(home, images):
  done = commands.run(
    "train",
    "--config=configs/tiny.py:t2i",
    f"--workdir={images}",
    f"--config.data.dataset={home / 'data'}",
    *commands.SMALL,
    *commands.STAGE["t2i"],
    *MESH,
    "--config.model.head_dim=4",
    devices=8,
  )
  assert done.returncode == 2
  assert "was trained with model.head_dim=8" in done.stderr
