"""The commands that measure, from flags to numbers."""

import json

import fake_stages
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import evaluate
from lumiere_jax.generation import generator as generators
from lumiere_jax.video import write


def _clip(num_frames=8, side=32):
  t, y, x = np.meshgrid(
    *(np.arange(n) for n in (num_frames, side, side)), indexing="ij"
  )
  wave = np.sin((x + 2 * t) / 9), np.sin((y - t) / 7), np.cos((x + y) / 11)
  return (127 + 100 * np.stack(wave, -1)).astype(np.uint8)


@pytest.fixture
def files(tmp_path):
  """The same clip losslessly and as an mp4."""
  np.save(tmp_path / "clip.npy", _clip())
  write.write_mp4(tmp_path / "clip.mp4", _clip(), 16)
  return tmp_path


def _run(*flags):
  evaluate.main([str(flag) for flag in flags])


def _last_json(capsys):
  return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_clip_reconstructs_itself_but_for_the_codec(files, capsys):
  out = files / "numbers.json"
  _run(
    "reconstruction",
    "--generated",
    files / "clip.npy",
    "--reference",
    files / "clip.mp4",
    "--out",
    out,
  )
  found = _last_json(capsys)
  assert 35 < found["psnr"] < 70
  assert found["motion_ratio"] == pytest.approx(1, abs=0.1)
  assert json.loads(out.read_text()) == found


def test_a_video_can_be_measured_at_a_size(files, capsys):
  _run(
    "reconstruction",
    "--generated",
    files / "clip.mp4",
    "--video",
    files / "clip.mp4",
    "--resolution",
    "16",
    "--num-frames",
    "6",
    "--fps",
    "16",
  )
  found = _last_json(capsys)
  assert found["psnr"] is None  # equal to the last bit
  assert found["motion_ratio"] == 1.0


def test_weights_are_sampled_at_their_own_size(files, capsys, monkeypatch):
  base = fake_stages.load(fake_stages.make("base"))
  monkeypatch.setattr(generators, "load", lambda path: base)
  _run(
    "reconstruction",
    "--weights",
    "w",
    "--prompt",
    "a ball",
    "--video",
    files / "clip.mp4",
  )
  found = _last_json(capsys)
  assert 0 < found["psnr"] < 30
  assert found["motion"] > 0


@pytest.mark.parametrize(
  ("flags", "message"),
  [
    ((), "give either --generated"),
    (("--generated", "clip.npy", "--weights", "w"), "give either --generated"),
    (("--generated", "clip.mp4"), "say its --resolution"),
    (("--generated", "absent.npy"), "holds no frames"),
  ],
)
def test_flags_that_make_no_sense_are_one_sentence(
  files, monkeypatch, flags, message
):
  monkeypatch.chdir(files)
  with pytest.raises(errors.LumiereError, match=message):
    _run("reconstruction", "--video", "clip.mp4", *flags)


def test_seams_leave_numbers_and_a_plot(tmp_path, capsys, monkeypatch):
  cascade = fake_stages.load(fake_stages.make("base"), fake_stages.make("ssr"))
  monkeypatch.setattr(generators, "load", lambda path: cascade)
  out = tmp_path / "seams"
  flags = ("--weights", "w", "--prompt", "a ball", "--overlap", 1)
  _run("seams", "--out", out, *flags)
  found = json.loads((out / "seams.json").read_text())
  assert list(found) == ["multidiffusion", "shared noise", "separate"]
  assert found["separate"]["borders"] == [3]
  assert (out / "seams.png").stat().st_size > 1000
  assert "multidiffusion   border / elsewhere" in capsys.readouterr().out


def test_seams_need_windows(tmp_path, monkeypatch):
  whole = fake_stages.make("ssr", window=None)
  cascade = fake_stages.load(fake_stages.make("base"), whole)
  monkeypatch.setattr(generators, "load", lambda path: cascade)
  with pytest.raises(errors.ConfigError, match="say --window"):
    _run("seams", "--weights", "w", "--prompt", "x", "--out", tmp_path)
