"""Same request, same pixels, whoever is painted beside and however."""

import dataclasses
import json

import fake_stages
import jax
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import programs
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import watching
from lumiere_jax.provenance import run_record

REQUEST = requests.Request(prompt="a ball that rolls", seed=3)


def test_each_stage_paints_at_its_size(cascade):
  result = cascade(REQUEST)
  assert [run.name for run in result.stages] == ["base", "ssr"]
  assert result.stages[0].clips.shape == (1, 8, 8, 8, 3)
  assert result.frames.shape == (1, 8, 16, 16, 3)
  assert result.frames.dtype == np.uint8


def test_super_resolution_is_told_the_base_clip(cascade):
  request = dataclasses.replace(REQUEST, noise_level=0.0)
  low, high = (run.clips for run in cascade(request).stages)
  shift = high - low.repeat(2, 2).repeat(2, 3)
  # The fake repeats pixels and shifts a window's level by at most 0.3.
  assert np.abs(shift).max() < 0.31
  assert np.ptp(shift, axis=(2, 3, 4)).max() < 0.02


def test_without_ssr_the_base_clip_is_the_result(cascade):
  result = cascade(dataclasses.replace(REQUEST, ssr=False))
  assert [run.name for run in result.stages] == ["base"]
  assert not result.request.ssr


@pytest.mark.parametrize("devices", ["one_device", "cascade"])
def test_a_clip_is_the_same_alone_and_in_a_batch_of_four(devices, request):
  paint = request.getfixturevalue(devices)
  batch = paint(dataclasses.replace(REQUEST, num_videos=4))
  alone, third = paint(REQUEST), paint(REQUEST, indices=(2,))
  for stage in range(2):
    clips = batch.stages[stage].clips
    np.testing.assert_array_equal(clips[0], alone.stages[stage].clips[0])
    np.testing.assert_array_equal(clips[2], third.stages[stage].clips[0])
  assert np.abs(batch.frames[0].astype(int) - batch.frames[2]).max() > 3


def test_the_fronts_paint_the_same(cascade):
  one, other = (
    cascade(dataclasses.replace(REQUEST, front=front)).frames.astype(int)
    for front in requests.FRONTS
  )
  assert np.abs(one - other).max() <= 1


def test_another_seed_paints_another_clip(cascade):
  one = cascade(REQUEST).frames.astype(int)
  other = cascade(dataclasses.replace(REQUEST, seed=4)).frames
  assert np.abs(one - other).max() > 3


def test_the_result_says_all_that_was_left_open(cascade):
  request = cascade(REQUEST).request
  assert request == dataclasses.replace(
    REQUEST,
    num_inference_steps=2,
    ssr_num_inference_steps=2,
    guidance_scale=2.0,
    ssr_guidance_scale=1.0,
    sampler="ddim",
    ssr_sampler="ddim",
    num_frames=8,
    window=4,
    overlap=1,
    noise_level=0.1,
  )
  assert cascade.complete(request) == request


def test_what_is_asked_wins_over_the_recipe(cascade):
  request = dataclasses.replace(
    REQUEST,
    num_inference_steps=3,
    sampler="ddpm",
    window=8,
    overlap=0,
    num_frames=8,
  )
  base, ssr = cascade(request).stages
  assert base.settings["num_steps"] == 3
  assert base.settings["solver"] == "ddpm"
  assert base.settings["window"] is None
  assert (ssr.settings["window"], ssr.settings["overlap"]) == (8, 0)
  json.dumps([base.settings, ssr.settings])


def test_a_longer_clip_is_several_passes_that_agree(cascade):
  request = dataclasses.replace(REQUEST, num_frames=19)
  base, ssr = cascade(request).stages
  assert base.clips.shape[1] == ssr.clips.shape[1] == 19
  assert (base.settings["window"], base.settings["overlap"]) == (8, 2)
  assert base.settings["windows_per_call"] == 1
  # The fake's spot is where the frame's number in its pass is: in frames 6 and
  # 7, which two passes see, it is the mean of both.
  seen = base.clips[0, :, 4, :, 0].argmax(-1)
  assert seen[:6].tolist() == [0, 1, 2, 3, 4, 5]
  assert seen[8:12].tolist() == [2, 3, 4, 5]


def test_options_of_the_recipes_solver_stay_with_it():
  generator = fake_stages.load(fake_stages.make(eta=0.5))
  assert generator(REQUEST).stages[0].settings["eta"] == 0.5
  other = dataclasses.replace(REQUEST, sampler="ddpm")
  assert generator(other).stages[0].settings["eta"] is None


def test_guidance_pushes_away_from_the_negative_prompt():
  generator = fake_stages.load(fake_stages.make(guidance_scale=2.0))
  spot = lambda **said: np.ptp(
    generator(dataclasses.replace(REQUEST, **said)).stages[0].clips[..., 0]
  )
  # The fake's spot is as bright as the text is long: 2 p - n for prompt and
  # negative of lengths p and n, and the null prompt's embedding is 0.
  assert spot(prompt="x" * 10) == pytest.approx(
    2 * spot(prompt="x" * 10, guidance_scale=1), rel=1e-3
  )
  assert spot(prompt="x" * 10, negative_prompt="y" * 10) == pytest.approx(
    spot(prompt="x" * 10, guidance_scale=1), rel=1e-3
  )


def test_a_negative_prompt_without_guidance_is_refused():
  request = dataclasses.replace(REQUEST, negative_prompt="blur")
  with pytest.raises(errors.ConfigError, match="no effect at guidance_scale 1"):
    fake_stages.load(fake_stages.make())(request)


@pytest.fixture
def one_device(monkeypatch):
  """A cascade on the first device only, where steps can be watched."""
  monkeypatch.setattr(programs, "devices", lambda: jax.local_devices()[:1])
  return fake_stages.load(
    fake_stages.make("base", guidance_scale=2.0), fake_stages.make("ssr")
  )


def test_one_device_paints_what_eight_do(cascade, one_device):
  eight, one = (g(REQUEST).frames.astype(int) for g in (cascade, one_device))
  assert np.abs(one - eight).max() <= 1


@pytest.mark.parametrize("front", requests.FRONTS)
def test_watching_large_clips_on_simulated_devices_ends(front):
  # A callback at each step would lock these up; see `watching.can_watch`.
  large = dataclasses.replace(
    fake_stages.make("base"), frame_shape=(8, 64, 64, 3)
  )
  seen = []
  request = dataclasses.replace(REQUEST, front=front)
  result = fake_stages.load(large)(request, seen.append)
  assert [(e.step, e.num_steps) for e in seen] == [(2, 2)]
  assert result.stages[0].seconds.keys() == {"total"}  # no step was timed
  np.testing.assert_array_equal(seen[0].frames(0), result.frames[0])


@pytest.mark.parametrize("threads", [1, 2])
def test_one_thread_cannot_compute_and_tell(monkeypatch, threads):
  monkeypatch.setattr(watching.machine, "compute_threads", lambda: threads)
  assert watching.can_watch(jax.devices()[:1]) == (threads > 1)


def test_progress_tells_every_step_of_every_stage(one_device):
  seen = []
  result = one_device(REQUEST, seen.append)
  assert [(e.stage, e.step, e.num_steps) for e in seen] == [
    ("base", 1, 2),
    ("base", 2, 2),
    ("ssr", 1, 2),
    ("ssr", 2, 2),
  ]
  # The last estimate of a stage is its result.
  np.testing.assert_array_equal(seen[-1].frames(0), result.frames[0])
  assert result.stages[0].seconds.keys() == {"total", "first_step", "per_step"}


def test_progress_counts_the_steps_of_all_clips(one_device):
  seen = []
  request = dataclasses.replace(REQUEST, num_videos=2, ssr=False)
  one_device(request, seen.append)
  assert [(e.step, e.num_steps) for e in seen] == [(k, 4) for k in range(1, 5)]


def test_a_second_request_is_told_to_its_own_callback(one_device):
  first, second = [], []
  one_device(REQUEST, first.append)
  one_device(REQUEST, second.append)
  assert len(first) == len(second) == 4


def test_what_a_callback_raises_comes_out_as_it_is(one_device):
  def full(event):
    raise errors.OutputError("the disk is full")

  with pytest.raises(errors.OutputError, match="disk is full"):
    one_device(REQUEST, full)


def test_a_stage_that_paints_no_video_is_named():
  generator = fake_stages.load(
    fake_stages.make(), gain=0.0
  )  # no spot: every frame is flat
  with pytest.raises(errors.QualityError, match=r"stage 'base'.*flat"):
    generator(REQUEST)
  result = generator(dataclasses.replace(REQUEST, guard=False))
  assert "flat" in result.warnings[0]


def test_upsampling_without_the_stage_is_refused():
  generator = fake_stages.load(fake_stages.make())
  request = generator.complete(REQUEST)
  with pytest.raises(errors.WeightsError, match="stage 'base' only"):
    generator.upsample(request, (0,), np.zeros((1, 8, 8, 8, 3), "f4"))


def test_a_window_longer_than_the_clip_is_refused(cascade):
  request = dataclasses.replace(REQUEST, window=9)
  with pytest.raises(errors.ShapeError, match="shorter than a window"):
    cascade(request)


def test_a_recipe_with_an_unknown_sampling_entry_is_refused():
  with pytest.raises(errors.ConfigError, match="mean 'threshold'"):
    fake_stages.load(fake_stages.make(treshold=1))(REQUEST)


@pytest.mark.parametrize(
  ("build", "message"),
  [
    (lambda p: None, "there is no such folder"),
    (lambda p: p.write_text(""), "it is a file"),
    (lambda p: p.mkdir(), "it holds nothing"),
    (lambda p: (p / "notes").mkdir(parents=True), "it holds notes"),
    (
      lambda p: [(p / f"n{i}").mkdir(parents=True) for i in range(9)],
      "n7 and 1 more",
    ),
  ],
  ids=["missing", "file", "empty", "other", "many"],
)
def test_a_place_without_weights_is_described(tmp_path, build, message):
  build(tmp_path / "w")
  with pytest.raises(errors.WeightsError, match=message):
    generators.load(tmp_path / "w")


def _fake_runs(monkeypatch, root, *names):
  for name in names:
    datasets = [{"name": f"data/{name}", "split": "train", "root": "0f"}]
    record = run_record.RunRecord(
      recipe={}, versions={}, mesh={}, datasets=datasets
    )
    run_record.write(root / name, record)
  monkeypatch.setattr(
    generators.weights,
    "load",
    lambda run: (fake_stages.make(run.name), {}, run.name),
  )


@pytest.mark.parametrize(
  ("present", "path", "loaded"),
  [
    (("t2i", "base", "ssr"), ".", ["base", "ssr"]),
    (("base",), ".", ["base"]),
    (("t2i", "ssr"), ".", ["t2i", "ssr"]),
    (("t2i", "base", "ssr"), "base", ["base"]),
  ],
)
def test_load_takes_a_run_or_a_folder_of_runs(
  tmp_path, monkeypatch, present, path, loaded
):
  _fake_runs(monkeypatch, tmp_path, *present)
  generator = generators.load(tmp_path / path)
  assert list(generator.digests) == loaded


def test_a_result_says_what_each_stage_was_trained_on(tmp_path, monkeypatch):
  _fake_runs(monkeypatch, tmp_path, "base", "ssr")
  generator = generators.load(tmp_path)
  for one in generator._painters:
    params = {"gain": 1.0}
    one.loaded = one.loaded._replace(params=params)
  described = generator(REQUEST).describe(0)
  assert described["trained_on"] == {
    "base": [{"dataset": "data/base", "root": "0f"}],
    "ssr": [{"dataset": "data/ssr", "root": "0f"}],
  }


@pytest.mark.parametrize("path", [".", "ssr"])
def test_super_resolution_alone_cannot_start(tmp_path, monkeypatch, path):
  _fake_runs(monkeypatch, tmp_path, "ssr")
  with pytest.raises(errors.WeightsError, match="super-resolution alone"):
    generators.load(tmp_path / path)
  (stage,) = generators.load(tmp_path / path, paints=False).stages
  assert stage.name == "ssr"


@pytest.mark.parametrize("paints", [True, False])
def test_a_folder_without_weights_says_what_it_holds(tmp_path, paints):
  (tmp_path / "notes.txt").write_text("")
  with pytest.raises(errors.WeightsError, match=r"start from.*notes\.txt"):
    generators.load(tmp_path, paints=paints)
