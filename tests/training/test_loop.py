"""The loop: order of events, resume, and what stops it."""

import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lumiere_jax import errors
from lumiere_jax.models import inflate
from lumiere_jax.training import loop
from lumiere_jax.training import metrics as metrics_lib
from lumiere_jax.training import step as steps
from lumiere_jax.types import VideoBatch


class Counter:
  """An iterator whose batch k is filled with k."""

  def __init__(self):
    self.place = 0

  def __next__(self):
    value = np.full((2, 4, 8, 8, 3), self.place, np.uint8)
    self.place += 1
    return VideoBatch(
      video=value,
      tokens=np.zeros((2, 3), np.int32),
      text_mask=np.ones((2, 3), bool),
    )

  def get_state(self):
    return {"place": self.place}

  def set_state(self, state):
    self.place = state["place"]


def _loss(params, batch, key):
  noise = jax.random.normal(key, batch.video.shape)
  error = params["w"] * batch.video.astype(jnp.float32) + noise + params["u"]
  return jnp.mean(error**2) / params["scale"], {}


def _job(workdir, num_steps, *, scale=1.0, frozen=True, **more):
  params = {"w": jnp.ones(()), "u": jnp.zeros(()), "scale": jnp.array(scale)}
  is_trained = lambda path: path[0] != "scale" if frozen else True
  trained, kept = inflate.split(params, is_trained)
  optimizer = optax.adam(0.01)
  step = steps.make_train_step(
    _loss, optimizer, join=inflate.join, ema_decay=0.9
  )
  return loop.Job(
    **dict(
      workdir=str(workdir),
      num_steps=num_steps,
      train_step=jax.jit(step),
      state=steps.init_state(trained, optimizer, jax.random.key(0)),
      frozen=kept,
      batches=Counter(),
      place=lambda batch: jax.tree.map(jnp.asarray, batch),
      every=loop.Every(log=2, checkpoint=2),
      writer=metrics_lib.Writer(workdir),
      sheet=lambda frames: frames[0],
      flops=1e9,
      clips=2,
    )
    | more
  )


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "all_trained"])
def test_resumed_run_is_the_uninterrupted_run(tmp_path, frozen):
  whole_job = _job(tmp_path / "whole", 6, frozen=frozen)
  whole = loop.run(whole_job)
  loop.run(_job(tmp_path / "parts", 2, frozen=frozen))
  job = _job(tmp_path / "parts", 6, frozen=frozen)
  parts = loop.run(job)
  as_data = lambda s: s.replace(key=jax.random.key_data(s.key))
  chex.assert_trees_all_equal(as_data(whole), as_data(parts))
  assert job.batches.place == whole_job.batches.place == 6


def test_run_writes_numbers_and_pictures(tmp_path):
  clip = np.zeros((4, 8, 8, 3), np.uint8)
  loop.run(
    _job(
      tmp_path,
      4,
      preview=lambda ema, frozen, step: {"preview": clip},
      every=loop.Every(log=2, checkpoint=4, preview=2),
    )
  )
  lines = [
    json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()
  ]
  assert [x["step"] for x in lines] == [2, 4]
  assert {"loss", "seconds_per_step", "tflops"} <= lines[0].keys()
  assert sorted(p.name for p in (tmp_path / "previews").iterdir()) == [
    "first_batch_000000.gif",
    "first_batch_000000.png",
    "preview_000002.gif",
    "preview_000002.png",
    "preview_000004.gif",
    "preview_000004.png",
  ]
  assert list((tmp_path / "tensorboard").iterdir())
  assert (tmp_path / "checkpoints" / "4").is_dir()


def test_nan_stops_the_run_names_its_window_and_saves_nothing(tmp_path):
  good = loop.run(_job(tmp_path, 2, frozen=True))
  job = _job(tmp_path, 6)
  broken = {"scale": jnp.array(0.0)}
  job = loop.dataclasses.replace(
    job,
    train_step=lambda state, frozen, batch, step=job.train_step: step(
      state, broken, batch
    ),
  )
  with pytest.raises(errors.TrainingError, match="in steps 3 to 4; nothing"):
    loop.run(job)
  assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["2"]
  again = loop.run(_job(tmp_path, 2))
  chex.assert_trees_all_equal(again.params, good.params)


def test_progress_rises_to_the_last_step(tmp_path):
  seen = []
  loop.run(_job(tmp_path, 5, on_step=lambda step, n: seen.append((step, n))))
  assert seen[0] == (1, 5)
  assert seen == sorted(set(seen))
  assert seen[-1] == (5, 5)


def test_utilization_is_a_share_of_peak():
  got = metrics_lib.utilization(459e12, 2.0, "TPU v5p", 1)
  np.testing.assert_allclose(got, 0.5)
  assert metrics_lib.utilization(1.0, 1.0, "cpu", 1) is None


def test_line_says_what_is_known():
  base = {"loss": 0.5, "seconds_per_step": 0.25, "clips_per_second": 8.0}
  assert metrics_lib.line(3, 9, base | {"mfu": 0.382}) == (
    "step 3/9: loss 0.5000, 0.250 s/step, 8.0 clips/s, 38.2 % MFU"
  )
  assert metrics_lib.line(3, 9, base | {"tflops": 0.5, "mfu": None}).endswith(
    "0.500 TFLOP/s"
  )
