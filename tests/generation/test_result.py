"""What a result leaves on disk."""

import json
import resource
import signal

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.generation import record as records
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.video import read

NAMES = ("clip.json", "clip.mp4", "clip.png")


def _result(num_clips=1, size=32):
  rng = np.random.default_rng(0)
  shape = (num_clips, 6, size, size, 3)
  clips = rng.uniform(-1, 1, shape).astype(np.float32)
  return results.Result(
    request=requests.Request(prompt="a ball", num_videos=num_clips, seed=5),
    indices=tuple(range(num_clips)),
    fps=16,
    stages=(
      results.StageRun(
        name="base",
        digest="d" * 64,
        settings={"num_steps": 2},
        seconds={"total": 1.5},
        clips=clips,
        trained_on=(
          {"name": "data/a", "split": "train", "root": "0f"},
          {"name": "data/a", "split": "test", "root": "0f"},
          {"name": "tfds:b", "root": "", "through": "runs/t2i"},
        ),
      ),
    ),
    weights="runs/a",
    device="cpu x 8",
  )


def _names(folder):
  return tuple(sorted(path.name for path in folder.iterdir()))


def test_one_clip_leaves_three_files(tmp_path):
  result = _result()
  assert result.write(tmp_path / "clip.mp4") == [tmp_path / "clip.mp4"]
  assert _names(tmp_path) == NAMES
  probe = read.probe(tmp_path / "clip.mp4")
  assert (probe.num_frames, probe.width, round(probe.fps)) == (6, 32, 16)


def test_the_json_is_a_record_that_reads_back(tmp_path):
  result = _result(num_clips=2)
  result.write(tmp_path / "clip.mp4")
  record = records.read(tmp_path / "clip_1.json")
  assert record.request == result.request
  assert record.index == 1
  assert record.digests == {"base": "d" * 64}
  assert record.pixels == records.pixels_digest(result.frames[1])
  entry = json.loads((tmp_path / "clip_1.json").read_text())
  assert entry["motion"] == result.motion[1] > 0
  assert entry["stages"][0]["seconds"] == {"total": 1.5}


def test_the_json_says_what_the_weights_saw(tmp_path):
  _result().write(tmp_path / "clip.mp4")
  assert records.read(tmp_path / "clip.json").trained_on == {
    "base": [
      {"dataset": "data/a", "root": "0f"},
      {"dataset": "tfds:b", "root": "", "through": "runs/t2i"},
    ]
  }


def test_a_json_from_before_datasets_were_named_is_read(tmp_path):
  _result().write(tmp_path / "clip.mp4")
  path = tmp_path / "clip.json"
  entry = json.loads(path.read_text())
  del entry["trained_on"]
  path.write_text(json.dumps(entry))
  assert records.read(path).trained_on == {}


def test_saved_frames_are_lossless(tmp_path):
  result = _result()
  result.write(tmp_path / "clip.mp4", save_frames=True)
  saved = np.load(tmp_path / "clip.npy")
  np.testing.assert_array_equal(saved, result.frames[0])


def test_an_existing_clip_is_refused_unless_told(tmp_path):
  _result().write(tmp_path / "clip.mp4")
  with pytest.raises(errors.OutputError, match=r"clip.mp4 exists"):
    _result().write(tmp_path / "clip.mp4")
  _result().write(tmp_path / "clip.mp4", overwrite=True)
  assert _names(tmp_path) == NAMES


def test_another_ending_is_refused(tmp_path):
  with pytest.raises(errors.OutputError, match=r"say .*clip.mp4"):
    _result().write(tmp_path / "clip.gif")


def test_a_disk_that_fills_up_leaves_nothing(tmp_path):
  # A limit on file sizes fails a write half-way as a full disk does.
  old = resource.getrlimit(resource.RLIMIT_FSIZE)
  handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
  try:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, old[1]))
    with pytest.raises(errors.OutputError, match=r"clip.mp4 was not written"):
      _result(size=64).write(tmp_path / "clip.mp4")
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
    signal.signal(signal.SIGXFSZ, handler)
  assert _names(tmp_path) == ()


def test_stills_show_every_row_of_time():
  frames = _result().frames[0]
  page = results.stills(frames)
  assert page.dtype == np.uint8
  np.testing.assert_array_equal(page[-10:-4, :32], frames[:, 16])
