"""What a stop costs, and that nobody can tell afterwards."""

import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import examine
from lumiere_jax.data import prepare
from lumiere_jax.data import verify
from lumiere_jax.provenance import manifest
from lumiere_jax.video import fingerprint
from lumiere_jax.video import transcode

BRIEF = prepare.Settings(seconds=1.0)
# Enough that a process that is to be stopped in the middle is not yet done, on
# a machine that does other work.
NUM_CLIPS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("restart")
  (folder / "in").mkdir()
  rng = np.random.default_rng(0)
  for k in range(NUM_CLIPS):
    still = rng.integers(0, 200, (8, 12, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    frames = np.stack([np.roll(still, 2 * t, axis=1) for t in range(25)])
    (folder / f"in/{k:02d}.mp4").write_bytes(clips.encode(frames))
    (folder / f"in/{k:02d}.txt").write_text(f"squares {k}")
  return folder


def _bytes(out):
  return {
    path.name: hashlib.sha256(path.read_bytes()).hexdigest()
    for path in out.iterdir()
  }


def _make(folder, name, **work):
  return prepare.prepare(
    folder / "in",
    folder / name / "data",
    settings=prepare.Settings(seconds=1.0, short_side=48),
    work=prepare.Work(per_shard=2, **work),
  )


@pytest.fixture(scope="module")
def whole(folder):
  assert _make(folder, "whole").kept == NUM_CLIPS
  return folder / "whole/data"


def test_a_dataset_has_as_many_shards_as_the_work(whole):
  assert len(list(whole.glob("*array_record*-of-00010"))) == 10
  assert not verify.verify(whole).findings


def test_the_number_of_workers_changes_no_byte(folder, whole):
  _make(folder, "workers", workers=2)
  assert _bytes(folder / "workers/data") == _bytes(whole)


def test_after_ctrl_c_it_goes_on_where_it_stopped(folder, whole, monkeypatch):
  work, seen = examine.examine, []

  def watched(file, *rest):
    seen.append(file.path)
    if len(seen) == 5:
      raise KeyboardInterrupt
    return work(file, *rest)

  monkeypatch.setattr(examine, "examine", watched)
  with pytest.raises(KeyboardInterrupt):
    _make(folder, "stopped")
  out = folder / "stopped/data"
  assert not out.exists()
  assert prepare.unfinished(out) == 2
  _make(folder, "stopped")
  assert seen[5:] == [f"{k:02d}.mp4" for k in range(4, NUM_CLIPS)]
  assert _bytes(out) == _bytes(whole)
  assert [p.name for p in out.parent.iterdir()] == ["data"]


def _command(folder, out):
  """`lumiere prepare` by two workers, in a process group of its own."""
  command = [
    *(sys.executable, "-m", "lumiere_jax.cli.main", "prepare"),
    *("--source", folder / "in", "--out", out, "--seconds", "1"),
    *("--per-shard", "2", "--workers", "2", "--short-side", "48"),
  ]
  return subprocess.Popen(
    list(map(str, command)),
    env=os.environ | {"PYTHONPATH": ":".join(p for p in sys.path if p)},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
  )


def _until_a_shard_is_there(process, out):
  while process.poll() is None and not prepare.unfinished(out):
    time.sleep(0.01)
  assert process.poll() is None


def _working(out):
  """Process ids of the workers that are at a file."""
  there = out.with_name(f".{out.name}.unfinished").glob("at-*")
  return [int(path.name[3:]) for path in there]


def _is_running(pid):
  stat = pathlib.Path(f"/proc/{pid}/stat")
  return stat.exists() and stat.read_text().split()[2] != "Z"


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["all", "the first"])
def test_kill_9_costs_a_shard_at_most(folder, whole, tmp_path, whom):
  out = tmp_path / "data"
  process = _command(folder, out)
  _until_a_shard_is_there(process, out)
  workers = _working(out)
  kill = os.killpg if whom == "all" else os.kill
  kill(process.pid, signal.SIGKILL)
  process.wait()
  assert not out.exists()
  assert prepare.unfinished(out) >= 1
  end = time.monotonic() + 10
  while any(map(_is_running, workers)) and time.monotonic() < end:
    time.sleep(0.01)
  assert not any(map(_is_running, workers))
  said, _ = _command(folder, out).communicate()
  assert "going on where it was stopped" in said
  assert _bytes(out) == _bytes(whole)
  assert [p.name for p in out.parent.iterdir()] == ["data"]


@pytest.mark.slow
def test_ctrl_c_is_one_sentence_and_kill_9_of_a_worker_too(
  folder, whole, tmp_path
):
  out = tmp_path / "data"
  process = _command(folder, out)
  _until_a_shard_is_there(process, out)
  os.killpg(process.pid, signal.SIGINT)
  _, said = process.communicate()
  assert process.returncode == 130
  assert "Traceback" not in said
  said = said.splitlines()[-1]
  assert re.fullmatch(r"stopped; shards that are whole: \d; .* goes on", said)
  process = _command(folder, out)
  while process.poll() is None and not _working(out):
    time.sleep(0.01)
  os.kill(_working(out)[0], signal.SIGKILL)
  _, said = process.communicate()
  assert process.returncode == 2
  assert "Traceback" not in said
  assert "error: a worker process died at one of " in said.splitlines()[-1]
  assert _command(folder, out).wait() == 0
  assert _bytes(out) == _bytes(whole)


@pytest.fixture
def left(folder, tmp_path, monkeypatch):
  """Unfinished work: its folder's name and how to go on."""
  work, seen = examine.examine, []

  def fails(file, *rest):
    seen.append(file)
    if len(seen) == 3:
      raise errors.VideoError("torn.")
    return work(file, *rest)

  def make(seconds=1.0, broken="error", on_clip=None, **kwargs):
    return prepare.prepare(
      folder / "in",
      tmp_path / "data",
      settings=prepare.Settings(seconds=seconds, broken=broken),
      work=prepare.Work(per_shard=2, **kwargs),
      on_clip=on_clip,
    )

  with monkeypatch.context() as patch:
    patch.setattr(examine, "examine", fails)
    with pytest.raises(errors.VideoError):
      make()
  return make


def test_other_settings_do_not_mix_with_unfinished_work(left):
  with pytest.raises(errors.OutputError, match="a command with other settings"):
    left(seconds=0.9)
  seen = []
  on_clip = lambda *now: seen.append(now[:2])
  report = left(seconds=0.9, overwrite=True, on_clip=on_clip)
  assert report.kept == NUM_CLIPS
  assert seen[-1] == (NUM_CLIPS, NUM_CLIPS)


def test_the_way_out_that_an_error_named_goes_on(left):
  seen = []
  report = left(broken="skip", on_clip=lambda *now: seen.append(now[:2]))
  assert report.kept == NUM_CLIPS
  assert report.settings["broken"] == "skip"
  assert seen[-1] == (NUM_CLIPS - 2, NUM_CLIPS - 2)


def test_work_without_a_shard_binds_no_one(left, tmp_path):
  for path in (tmp_path / ".data.unfinished").glob("shard-*"):
    path.unlink()
  assert left(seconds=0.9).kept == NUM_CLIPS


def test_two_commands_do_not_share_a_folder(left, tmp_path):
  other = tmp_path / ".data.unfinished"
  match = r"is making .*data right now"
  with (
    prepare._alone(other, tmp_path / "data"),
    pytest.raises(errors.OutputError, match=match),
  ):
    left()
  left()


def test_nonsense_is_refused():
  with pytest.raises(errors.ConfigError, match="--per-shard 0"):
    prepare.Work(per_shard=0)


def _squares(seed, count=25, height=64, width=96):
  rng = np.random.default_rng(seed)
  shape = height // 8, width // 8, 3
  still = rng.integers(0, 200, shape, np.uint8).repeat(8, 0).repeat(8, 1)
  return np.stack([np.roll(still, 2 * t, axis=1) for t in range(count)])


def _outcomes(tmp_path, files, settings=BRIEF, **work):
  (tmp_path / "in").mkdir()
  for name, data in files.items():
    (tmp_path / f"in/{name}.mp4").write_bytes(data)
    (tmp_path / f"in/{name}.txt").write_text(name)
  report = prepare.prepare(
    tmp_path / "in",
    tmp_path / "out",
    settings=settings,
    work=prepare.Work(per_shard=4, **work),
  )
  return report, {entry["id"]: entry for entry in report.skipped}


def test_each_way_out_is_counted_and_named(tmp_path):
  dark = (_squares(1) // 20).astype(np.uint8)
  still = _squares(2)[:1].repeat(25, 0)
  first = clips.encode(_squares(3))
  lighter = np.clip(_squares(3).astype(int) + 6, 0, 255).astype(np.uint8)
  files = {
    "a_first": first,
    "b_dark": clips.encode(dark),
    "c_still": clips.encode(still),
    "d_same": first,
    "e_alike": clips.encode(lighter),
    "f_torn": b"x" * 100,
    "g_short": clips.encode(_squares(4, 10)),
    "h_mine": clips.encode(_squares(5)),
    "i_other": clips.encode(_squares(6)),
  }
  (tmp_path / "no.txt").write_text("# mine\nid:h_mine.mp4\n")
  settings = prepare.Settings(seconds=1, broken="skip", short="skip")
  report, left = _outcomes(
    tmp_path, files, settings, exclude=tmp_path / "no.txt"
  )
  assert {id: entry["kind"] for id, entry in left.items()} == {
    "b_dark.mp4": "dark",
    "c_still.mp4": "static",
    "d_same.mp4": "duplicate",
    "e_alike.mp4": "duplicate",
    "f_torn.mp4": "broken",
    "g_short.mp4": "short",
    "h_mine.mp4": "excluded",
  }
  assert left["e_alike.mp4"]["reason"] == "looks like a_first.mp4"
  assert (report.kept, report.counts["duplicate"]) == (2, 2)
  assert not verify.verify(tmp_path / "out").findings
  page = (tmp_path / "out/report.html").read_text()
  assert "looks like a_first.mp4" in page
  assert page.count("data:image/png;base64") >= 7
  written = json.loads((tmp_path / "out/report.json").read_text())
  assert written["counts"] == report.counts


@pytest.mark.parametrize("kind", ["sha256", "fingerprint", "owner"])
def test_what_was_opted_out_is_left_out(tmp_path, kind):
  data = clips.encode(_squares(1))
  looks = fingerprint.fingerprint(transcode.survey(data).thumbs)
  digest = hashlib.sha256(data).hexdigest()
  value = dict(sha256=digest, fingerprint=looks, owner="ada l.")[kind]
  (tmp_path / "no.txt").write_text(f"{kind}:{value}\n")
  (tmp_path / "in").mkdir()
  (tmp_path / "in/a.mp4").write_bytes(data)
  (tmp_path / "in/b.mp4").write_bytes(clips.encode(_squares(2)))
  rows = "file_name,caption,owner\na.mp4,a,Ada L.\nb.mp4,b,\n"
  (tmp_path / "in/metadata.csv").write_text(rows)
  report = prepare.prepare(
    tmp_path / "in",
    tmp_path / "out",
    settings=BRIEF,
    work=prepare.Work(exclude=tmp_path / "no.txt"),
  )
  (left,) = report.skipped
  assert left["id"] == "a.mp4"
  assert f"is excluded by its {kind}" in left["reason"]


def test_alike_is_kept_where_that_is_asked(tmp_path):
  lighter = np.clip(_squares(3).astype(int) + 6, 0, 255).astype(np.uint8)
  files = {"a": clips.encode(_squares(3)), "b": clips.encode(lighter)}
  settings = prepare.Settings(seconds=1, duplicate=-1)
  assert _outcomes(tmp_path, files, settings)[0].kept == 2


def test_shots_become_clips_of_their_own(tmp_path):
  frames = np.concatenate([_squares(1, 30), 255 - _squares(2, 40)])
  frames = np.concatenate([frames, _squares(3, 5)])
  report, left = _outcomes(tmp_path, {"a": clips.encode(frames)})
  records = list(manifest.read_manifest(tmp_path / "out/manifest.jsonl"))
  assert [(r.id, r.start, r.num_frames) for r in records] == [
    ("a.mp4#1", 0.0, 30),
    ("a.mp4#2", 1.2, 40),
  ]
  assert {r.path for r in records} == {"a.mp4"}
  assert left["a.mp4#3"]["kind"] == "short"
  assert report.notes == {"encoded": 2, "cut": 2}


def test_a_letterbox_is_cropped(tmp_path):
  frames = _squares(1, 25, 96)
  frames[:, :16] = frames[:, 80:] = 12
  data = {"a": clips.encode(frames)}
  strict = prepare.Settings(seconds=1, bars=5)
  (tmp_path / "strict").mkdir()
  assert _outcomes(tmp_path / "strict", data, strict)[0].notes == {}
  report, _ = _outcomes(tmp_path, data)
  (record,) = manifest.read_manifest(tmp_path / "out/manifest.jsonl")
  assert 56 <= record.height <= 64
  assert record.width == 96
  assert report.notes == {"encoded": 1, "cropped": 1}
  assert report.changed == [{"id": "a.mp4", "notes": ["cropped"]}]


def test_files_can_be_left_whole(tmp_path):
  frames = np.concatenate([_squares(1, 30), 255 - _squares(2, 30)])
  settings = prepare.Settings(seconds=1, cut=255, crop=False)
  data = clips.encode(frames)
  report, _ = _outcomes(tmp_path, {"a": data}, settings)
  (record,) = manifest.read_manifest(tmp_path / "out/manifest.jsonl")
  assert record.stored_sha256 == hashlib.sha256(data).hexdigest()
  assert report.notes == {}


def test_held_shots_are_not_tiny(tmp_path):
  frames = np.concatenate([_squares(1, 30), 255 - _squares(2, 5)])
  settings = prepare.Settings(seconds=5, short="hold")
  report, left = _outcomes(tmp_path, {"a": clips.encode(frames)}, settings)
  assert (report.kept, report.held) == (1, 1)
  assert left["a.mp4#2"]["kind"] == "short"
