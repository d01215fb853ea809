import json
import shutil

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.comparison import decoding
from lumiere_jax.comparison import footage
from lumiere_jax.comparison import preparing
from lumiere_jax.video import read

SMALL = decoding.Plan(
  heights=(96,), seconds=2.0, crops=2, num_frames=8, side=32, samples=4
)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
  folder = tmp_path_factory.mktemp("real")
  clips.write_clip(folder / "a.mp4", 3.0)
  return folder


def test_every_reader_gives_the_same_frames(tmp_path, real):
  (path,) = footage.make(tmp_path, (96,), footage.find(real), 3.0).values()
  assert read.probe(path).height == 96
  found = {
    name: tool(1.0).astype(float)
    for name, tool in decoding.readers(path, SMALL).items()
  }
  ours = found.pop(decoding.OURS)
  assert ours.shape == (8, 32, 57, 3)
  for name, frames in found.items():
    # Each has its own scaler and matrix; a frame too early would be far off.
    width = frames.shape[2]  # what is stored has an even one
    assert np.abs(frames - ours[:, :, :width]).mean() < 8, name


def test_the_whole_comparison_runs_on_made_up_footage(tmp_path, capsys):
  decoding.run(tmp_path, SMALL)
  found = json.loads((tmp_path / "decoding.json").read_text())["96p"]
  assert found["readers"][decoding.OURS]["lumiere_is_faster"] == 1.0
  assert set(found["pipeline_clips_per_s"]) == {"1 workers", "2 workers"}
  assert (tmp_path / "decoding.png").stat().st_size > 1000
  assert "ours is faster by" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here")
def test_preparation_is_compared_with_the_command_line(tmp_path):
  plan = preparing.Plan(
    height=96, seconds=1.5, files=2, short_side=32, rounds=1
  )
  preparing.run(tmp_path, plan)
  found = json.loads((tmp_path / "preparing.json").read_text())
  assert found["lumiere"]["lumiere_is_faster"] == 1.0
  assert found["lumiere"]["lumiere_takes_less_cpu"] == 1.0
  theirs = found["ffmpeg, one by one"]["video_seconds_per_cpu_second"]
  assert 0 < theirs < 1e4  # the time of child processes counts
  assert len(found) == 3


def test_without_ffmpeg_it_says_so(tmp_path, monkeypatch):
  monkeypatch.setattr(preparing.shutil, "which", lambda _: None)
  with pytest.raises(errors.ConfigError, match="apt install ffmpeg"):
    preparing.run(tmp_path, preparing.Plan())


def test_a_folder_without_footage_is_refused(tmp_path):
  with pytest.raises(errors.DataError, match="holds no mp4"):
    footage.find(tmp_path)
