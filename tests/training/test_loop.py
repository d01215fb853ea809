"""The loop: order of events, resume, and what stops it."""

import json
import os
import signal

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lumiere_jax import errors
from lumiere_jax.checkpoints import folder
from lumiere_jax.models import inflate
from lumiere_jax.training import guards
from lumiere_jax.training import ledger
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
      ledger=ledger.Ledger(str(workdir)),
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
  whole = loop.run(whole_job).state
  loop.run(_job(tmp_path / "parts", 2, frozen=frozen))
  job = _job(tmp_path / "parts", 6, frozen=frozen)
  parts = loop.run(job).state
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


@pytest.mark.parametrize(
  ("every", "shown"), [(2, [2, 4, 5]), (0, [5]), (-1, [])]
)
def test_when_pictures_are_written(every, shown):
  steps = loop.Every(preview=every)
  assert [k for k in range(1, 6) if steps.shows(k, is_last=k == 5)] == shown


def _broken_at(job, steps_, value=0.0):
  """The job, whose loss is divided by `value` at those turns of the loop."""
  turns = iter(range(1, 1000))

  def step(state, frozen, batch):
    scale = value if next(turns) in steps_ else 1.0
    return job.train_step(state, {"scale": jnp.array(scale)}, batch)

  return loop.dataclasses.replace(job, train_step=step)


def _events(workdir, kind):
  lines = (workdir / ledger.FILE).read_text().splitlines()
  return [e for e in map(json.loads, lines) if e["event"] == kind]


def test_a_step_without_a_finite_gradient_changes_nothing(tmp_path):
  good = loop.run(_job(tmp_path / "good", 2)).state
  job = _broken_at(_job(tmp_path / "bad", 4), {3, 4})
  got = loop.run(job).state
  assert int(got.step) == 4
  chex.assert_trees_all_equal(got.params, good.params)
  chex.assert_trees_all_equal(got.opt_state, good.opt_state)
  (event,) = _events(tmp_path / "bad", "skipped")
  assert (event["first"], event["step"], event["count"]) == (3, 4, 2)


def test_nan_that_stays_ends_the_run_names_its_steps_and_saves_nothing(
  tmp_path,
):
  good = loop.run(_job(tmp_path, 2)).state
  limits = guards.Settings(max_skipped=1, max_rollbacks=1)
  job = _broken_at(_job(tmp_path, 8, limits=limits), range(1, 100))
  with pytest.raises(errors.TrainingError, match="in steps 3 to 4, once more"):
    loop.run(job)
  assert folder.steps(tmp_path) == [2]
  (event,) = _events(tmp_path, "rolled_back")
  assert (event["step"], event["to"]) == (4, 2)
  again = loop.run(_job(tmp_path, 2)).state
  chex.assert_trees_all_equal(again.params, good.params)


def test_after_a_spike_the_run_goes_back_and_on_with_other_clips(tmp_path):
  limits = guards.Settings(spike=1e6)
  every = loop.Every(log=1, checkpoint=2)
  job = _job(tmp_path, 12, limits=limits, every=every)
  job = _broken_at(job, {9}, value=1e-12)
  ended = loop.run(job)
  assert not ended.stopped
  (event,) = _events(tmp_path, "rolled_back")
  assert (event["step"], event["to"]) == (9, 8)
  assert int(ended.state.step) == 12
  # Twelve steps and the one that was undone, whose clips are not seen again.
  assert job.batches.place == 13


def test_a_run_that_is_asked_to_stop_saves_and_says_so(tmp_path):
  whole = loop.run(_job(tmp_path / "whole", 6)).state

  def tell(step, num_steps):
    if step == 2:  # while the third is under way
      os.kill(os.getpid(), signal.SIGTERM)

  every = loop.Every(log=5, checkpoint=5)
  ended = loop.run(_job(tmp_path / "parts", 6, on_step=tell, every=every))
  assert ended.stopped
  assert folder.newest(tmp_path / "parts") == int(ended.state.step) == 3
  (event,) = _events(tmp_path / "parts", "preempted")
  assert (event["step"], event["signal"]) == (3, "SIGTERM")
  rest = loop.run(_job(tmp_path / "parts", 6))
  assert not rest.stopped
  chex.assert_trees_all_equal(rest.state.params, whole.params)
  assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ctrl_c_twice_is_now(tmp_path):
  def tell(step, num_steps):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)

  with pytest.raises(KeyboardInterrupt):
    loop.run(_job(tmp_path, 6, on_step=tell))
  assert folder.steps(tmp_path) == []


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(tmp_path):
  whole = loop.run(_job(tmp_path / "whole", 6)).state
  loop.run(_job(tmp_path / "parts", 4))
  path = next((folder.of(tmp_path / "parts", 4) / "state").rglob("d/*"))
  path.write_bytes(path.read_bytes()[:-1])
  parts = loop.run(_job(tmp_path / "parts", 6)).state
  chex.assert_trees_all_equal(parts.params, whole.params)
  started = _events(tmp_path / "parts", "started")
  assert [e["step"] for e in started] == [0, 2]


def test_another_network_is_refused_by_name(tmp_path):
  loop.run(_job(tmp_path, 2))
  other = _job(tmp_path, 4)
  params = other.state.params | {"more": jnp.zeros(3)}
  other = loop.dataclasses.replace(
    other, state=other.state.replace(params=params)
  )
  with pytest.raises(errors.WeightsError, match="state params/more is None"):
    loop.run(other)


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
