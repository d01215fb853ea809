"""The command, from flags to files, over fake stages."""

import dataclasses
import json

import fake_stages
import jax
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import request_flags
from lumiere_jax.cli import sample
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import programs
from lumiere_jax.generation import request as requests
from lumiere_jax.video import write

REQUEST_FLAGS = {f.name for f in dataclasses.fields(request_flags.RequestFlags)}


@pytest.fixture(scope="module", autouse=True)
def one_device():
  """As on a laptop; steps of simulated devices are not told of."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(programs, "devices", lambda: jax.local_devices()[:1])
    yield


@pytest.fixture(scope="module")
def base():
  return fake_stages.load(fake_stages.make("base"))


@pytest.fixture
def run(monkeypatch, base):
  """Runs the command with the fake weights; flags as one string."""
  monkeypatch.setattr(generators, "load", lambda path: base)
  return lambda *flags: sample.main(["--weights", "w", *map(str, flags)])


def _names(folder):
  return sorted(path.name for path in folder.iterdir())


def test_every_field_of_a_request_is_a_flag():
  assert set(requests.FIELDS) == REQUEST_FLAGS


def test_a_prompt_becomes_three_files_and_the_seed_is_told(
  run, tmp_path, capsys
):
  out = tmp_path / "ball.mp4"
  run("--prompt", "a red ball", "--seed", 5, "--out", out)
  assert _names(tmp_path) == ["ball.json", "ball.mp4", "ball.png"]
  told = capsys.readouterr()
  assert "seed 5: a red ball" in told.out
  assert f"wrote {out} (8 frames of 8x8 at 16 fps, seed 5, motion" in told.out
  assert "base 2 of 2" in told.err
  request = json.loads((tmp_path / "ball.json").read_text())["request"]
  assert (request["prompt"], request["seed"]) == ("a red ball", 5)


def test_a_replay_makes_the_same_pixels(run, tmp_path, capsys):
  flags = ("--num-videos", 3, "--save-frames", "--sampler", "ddpm")
  run("--prompt", "a red ball", "--out", tmp_path / "a.mp4", *flags)
  record = tmp_path / "a_2.json"
  run("--replay", record, "--out", tmp_path / "b.mp4", "--save-frames")
  assert "the same pixels as recorded" in capsys.readouterr().out
  first, again = (np.load(tmp_path / name) for name in ("a_2.npy", "b.npy"))
  np.testing.assert_array_equal(first, again)


def test_a_replay_samples_as_then_whatever_weights_advise_now(
  run, tmp_path, capsys
):
  path = tmp_path / "a.json"
  run("--prompt", "a ball", "--out", tmp_path / "a.mp4", "--save-frames")
  record = json.loads(path.read_text("utf-8"))
  settings = record["stages"][0]["settings"]
  assert settings["shared_noise"] == 0
  settings["shared_noise"] = 0.9  # as if the weights had advised so
  path.write_text(json.dumps(record), "utf-8")
  run("--replay", path, "--out", tmp_path / "b.mp4", "--save-frames")
  assert "replay: pixels differ" in capsys.readouterr().out
  again = json.loads((tmp_path / "b.json").read_text("utf-8"))
  assert again["stages"][0]["settings"] == settings
  run("--replay", tmp_path / "b.json", "--out", tmp_path / "c.mp4")
  assert "replay: the same pixels as recorded" in capsys.readouterr().out


def test_a_replay_finds_the_weights_itself(base, monkeypatch, tmp_path):
  asked = []
  monkeypatch.setattr(generators, "load", lambda p: asked.append(p) or base)
  out = ["--out", str(tmp_path / "a.mp4")]
  sample.main(["--weights", "w", "--prompt", "a ball", *out])
  record = str(tmp_path / "a.json")
  sample.main(["--replay", record, "--out", str(tmp_path / "b.mp4")])
  assert asked == ["w", "runs/fake"]


def test_a_replay_tells_of_other_pixels_and_what_changed(run, tmp_path, capsys):
  run("--prompt", "a ball", "--out", tmp_path / "a.mp4")
  record = json.loads((tmp_path / "a.json").read_text())
  record |= {"pixels_sha256": "0"}
  record["versions"]["jax"] = "0.0.1"
  (tmp_path / "a.json").write_text(json.dumps(record))
  run("--replay", tmp_path / "a.json", "--out", tmp_path / "b.mp4")
  assert "pixels differ from those recorded; what changed: jax 0.0.1" in (
    capsys.readouterr().out
  )


def test_a_replay_with_other_weights_is_refused(run, tmp_path, monkeypatch):
  run("--prompt", "a ball", "--out", tmp_path / "a.mp4")
  other = fake_stages.load(fake_stages.make("base"), gain=2.0)
  monkeypatch.setattr(generators, "load", lambda path: other)
  with pytest.raises(errors.WeightsError, match="other weights paint other"):
    run("--replay", tmp_path / "a.json", "--out", tmp_path / "b.mp4")
  assert not (tmp_path / "b.mp4").exists()


def test_a_prompt_file_is_numbered(run, tmp_path):
  prompts = tmp_path / "prompts.jsonl"
  prompts.write_text('{"prompt": "one", "seed": 4}\n{"prompt": "three"}\n')
  out = tmp_path / "out" / "clip.mp4"
  run("--prompts", prompts, "--seed", 9, "--out", out)
  assert [n for n in _names(out.parent) if n.endswith("mp4")] == [
    "clip_000.mp4",
    "clip_001.mp4",
  ]
  seeds = [
    json.loads((out.parent / f"clip_00{k}.json").read_text())["seed"]
    for k in (0, 1)
  ]
  assert seeds == [4, 9]


def test_a_preview_shows_the_clean_frames(run, tmp_path, monkeypatch):
  drawn, write_png = [], write.write_png

  def note(path, image):
    drawn.append(path)
    write_png(path, image)

  monkeypatch.setattr(write, "write_png", note)
  preview = tmp_path / "now.png"
  flags = ("--preview", preview, "--preview-every", 2)
  flags += ("--num-inference-steps", 3)
  run("--prompt", "a ball", "--out", tmp_path / "a.mp4", *flags)
  assert drawn.count(preview) == 2  # after steps 2, 3


def test_a_preview_that_cannot_be_written_is_one_sentence(run, tmp_path):
  (tmp_path / "file").write_text("")
  preview = tmp_path / "file" / "now.png"
  with pytest.raises(errors.OutputError, match=r"now.png was not written"):
    run(
      "--prompt",
      "a red ball",
      "--out",
      tmp_path / "a.mp4",
      "--preview",
      preview,
    )


def test_no_guard_writes_with_a_warning(run, tmp_path, capsys, monkeypatch):
  flat = fake_stages.load(fake_stages.make("base"), gain=0.0)
  monkeypatch.setattr(generators, "load", lambda path: flat)
  flags = ("--prompt", "a red ball", "--out", tmp_path / "a.mp4")
  with pytest.raises(errors.QualityError, match="--no-guard writes"):
    run(*flags)
  assert _names(tmp_path) == []
  run(*flags, "--no-guard")
  assert "warning: stage 'base' painted no video" in capsys.readouterr().err
  assert (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(
  ("flags", "message"),
  [
    ((), "got no prompt; give exactly one"),
    (("--prompt", "x", "--prompts", "p.txt"), "got --prompt and --prompts"),
    (("--prompt", ""), "prompt is empty"),
    (("--prompt", "x" * 10_000), "10,000 characters"),
    (("--prompt", "x", "--num-inference-steps", "0"), "num_inference_steps"),
    (("--prompt", "x", "--sampler", "dimm"), "Did you mean 'ddim'"),
    (("--replay", "a.json", "--seed", "3"), "--seed was given with --replay"),
    (("--replay", "a.json"), "a.json is no record"),
    (("--prompts", "p.txt"), "p.txt cannot be read"),
    (("--prompt", "x", "--preview-every", "0"), "preview_every is 0"),
  ],
  ids=lambda x: " ".join(x)[:40] if isinstance(x, tuple) else "",
)
def test_flags_that_make_no_sense_are_one_sentence(
  run, tmp_path, monkeypatch, flags, message
):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(errors.LumiereError, match=message):
    run("--out", tmp_path / "a.mp4", *flags)
  assert _names(tmp_path) == []


def test_without_weights_those_that_ship_are_used(base, monkeypatch, tmp_path):
  asked = []
  monkeypatch.setattr(generators, "load", lambda p: asked.append(p) or base)
  sample.main(["--prompt", "a red ball", "--out", str(tmp_path / "a.mp4")])
  assert asked == ["nano"]


@pytest.mark.parametrize("name", ["a.mp4", "a.json", "a.png"])
def test_an_existing_file_is_refused_before_the_work(
  tmp_path, monkeypatch, name
):
  (tmp_path / name).write_text("mine")
  monkeypatch.setattr(generators, "load", lambda path: pytest.fail("loaded"))
  out = str(tmp_path / "a.mp4")
  with pytest.raises(errors.OutputError, match=f"{name} exists"):
    sample.main(["--weights", "w", "--prompt", "a red ball", "--out", out])
  assert (tmp_path / name).read_text() == "mine"


def test_overwrite_replaces(run, tmp_path):
  (tmp_path / "a.mp4").write_text("mine")
  run("--prompt", "a red ball", "--out", tmp_path / "a.mp4", "--overwrite")
  assert (tmp_path / "a.mp4").stat().st_size > 100


def test_help_has_an_example(capsys):
  with pytest.raises(SystemExit) as stop:
    sample.main(["--help"])
  assert stop.value.code == 0
  told = capsys.readouterr().out
  assert "lumiere sample --weights runs/cascade" in told
  assert "--no-ssr" in told


def test_a_full_disk_leaves_nothing(run, tmp_path, monkeypatch):
  def full(path, *_, **__):
    path.write_text("half an")
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(write, "write_mp4", full)
  with pytest.raises(errors.OutputError, match=r"a.mp4 was not written"):
    run("--prompt", "a red ball", "--out", tmp_path / "a.mp4")
  assert _names(tmp_path) == []
