import errno
import hashlib
import json
import os
import subprocess
import sys

import clips
import pytest

from lumiere_jax import errors
from lumiere_jax.data import prepare
from lumiere_jax.data import store
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import seal

BRIEF = prepare.Settings(seconds=1)

READ_BACK = """
import json, sys
import tensorflow_datasets as tfds
source = tfds.builder_from_directory(sys.argv[1]).as_data_source("train")
record = source[1]
assert "tensorflow" not in sys.modules
video = record.pop("video")
text = {k: v.decode() if isinstance(v, bytes) else v for k, v in record.items()}
print(json.dumps([len(source), len(video), text]))
"""


def test_tfds_reads_it_back_without_tensorflow(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog", "a naïve cat 犬"])
  prepare.prepare(tmp_path / "in", tmp_path / "out", settings=BRIEF)
  found = subprocess.run(
    [sys.executable, "-c", READ_BACK, str(tmp_path / "out")],
    capture_output=True,
    check=True,
  )
  size, length, record = json.loads(found.stdout)
  data = (tmp_path / "in/1.mp4").read_bytes()
  sha256 = hashlib.sha256(data).hexdigest()
  assert (size, length) == (2, len(data))
  assert record == {
    "id": "1.mp4",
    "path": "1.mp4",
    "start": 0.0,
    "caption": "a naïve cat 犬",
    "caption_origin": "given",
    "licence": "unknown",
    "owner": "",
    "source": "1.mp4",
    "fingerprint": record["fingerprint"],
    "sha256": sha256,
    "stored_sha256": sha256,
    "width": 48,
    "height": 32,
    "fps": 16.0,
    "num_frames": 16,
    "duration": 1.0,
    "hold": False,
  }


def test_manifest_and_report_say_what_is_there(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog", "a cat"])
  row = dict(file_name="0.mp4", caption="dog", licence="MIT", source="http://x")
  (tmp_path / "in/metadata.jsonl").write_text(json.dumps(row))
  seen = []
  report = prepare.prepare(
    tmp_path / "in",
    tmp_path / "out",
    settings=BRIEF,
    on_clip=lambda *now: seen.append(now),
  )
  records = list(manifest.read_manifest(tmp_path / "out/manifest.jsonl"))
  assert [(r.path, r.caption, r.licence, r.source) for r in records] == [
    ("0.mp4", "dog", "MIT", "http://x"),
    ("1.mp4", "a cat", "unknown", "1.mp4"),
  ]
  written = json.loads((tmp_path / "out/report.json").read_text())
  assert (written["read"], written["kept"], written["skipped"]) == (2, 2, [])
  assert written["root"] == report.root == seal.read(tmp_path / "out").root
  assert seen == [(0, 2, ""), (1, 2, "0.mp4"), (2, 2, "1.mp4")]


def test_the_same_folder_gives_the_same_dataset(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog", "a cat"])
  roots = {
    prepare.prepare(tmp_path / "in", tmp_path / name, settings=BRIEF).root
    for name in ("one", "two")
  }
  assert len(roots) == 1


def test_large_clips_are_brought_down_once_and_small_ones_kept(tmp_path):
  (tmp_path / "in").mkdir()
  for name, size in (("big", (64, 100)), ("small", (16, 24))):
    clips.write_clip(
      tmp_path / "in" / f"{name}.mp4", 5.0, height=size[0], width=size[1]
    )
    (tmp_path / "in" / f"{name}.txt").write_text(name)
  settings = prepare.Settings(short_side=32)
  prepare.prepare(tmp_path / "in", tmp_path / "out", settings=settings)
  big, small = manifest.read_manifest(tmp_path / "out/manifest.jsonl")
  assert (big.height, big.width, big.num_frames) == (32, 50, 80)
  assert big.sha256 != big.stored_sha256
  assert (small.height, small.width) == (16, 24)
  assert small.sha256 == small.stored_sha256


SHORT = [
  ("error", r"0\.mp4 lasts 1\.00 s, less than 5 s.*--short skip.*--short hold"),
  ("skip", r"no clip is left: all 1 were skipped.*lasts 1\.00 s"),
]


@pytest.mark.parametrize(("short", "match"), SHORT)
def test_a_short_clip_is_refused(tmp_path, short, match):
  clips.write_folder(tmp_path / "in", ["a dog"])
  with pytest.raises(errors.DataError, match=match):
    prepare.prepare(
      tmp_path / "in", tmp_path / "out", settings=prepare.Settings(short=short)
    )
  assert not (tmp_path / "out").exists()


def test_a_short_clip_may_hold(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog"])
  report = prepare.prepare(
    tmp_path / "in", tmp_path / "out", settings=prepare.Settings(short="hold")
  )
  (record,) = manifest.read_manifest(tmp_path / "out/manifest.jsonl")
  assert (report.held, record.hold, record.duration) == (1, True, 1.0)


def test_what_is_left_out_is_reported(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog", "a cat", "a cow"])
  (tmp_path / "in/1.mp4").write_bytes(b"no video" * 100)
  settings = prepare.Settings(seconds=1, broken="skip")
  report = prepare.prepare(tmp_path / "in", tmp_path / "out", settings=settings)
  assert (report.read, report.kept) == (3, 2)
  assert report.skipped == [
    {"id": "1.mp4", "kind": "broken", "reason": "cannot be decoded"}
  ]


def _flipped(data):
  data = bytearray(data)
  middle = data.index(b"mdat") + 2500
  data[middle : middle + 64] = bytes(b ^ 0xA5 for b in data[middle:][:64])
  return bytes(data)


BAD = {
  "zero bytes": (b"", "is empty"),
  "zero frames": (clips.no_frames(), "without any frame"),
  "not a video": (b"x" * 1000, "cannot be read as a video"),
  "sound": (clips.sound_only(), "no video stream"),
  "bits flipped": (_flipped(clips.encode(clips.moving())), "is damaged"),
}


@pytest.mark.parametrize(("data", "match"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_stops_it_and_leaves_nothing(tmp_path, data, match):
  clips.write_folder(tmp_path / "in", ["a dog", "a cat"])
  (tmp_path / "in/1.mp4").write_bytes(data)
  with pytest.raises(errors.VideoError, match=match) as raised:
    prepare.prepare(tmp_path / "in", tmp_path / "out", settings=BRIEF)
  assert "1.mp4" in str(raised.value)
  assert "--broken skip" in str(raised.value)
  assert "\n" not in str(raised.value)
  assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_what_stands_at_the_name_is_not_replaced_unasked(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog"])
  make = lambda **kwargs: prepare.prepare(
    tmp_path / "in", tmp_path / "out", settings=BRIEF, **kwargs
  )
  (tmp_path / "out").mkdir()
  make()  # an empty folder is as good as none
  with pytest.raises(errors.OutputError, match="--overwrite"):
    make()
  clips.write_folder(tmp_path / "in", ["a dog", "a cat"])
  assert make(work=prepare.Work(overwrite=True)).kept == 2
  assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


def test_a_folder_that_is_no_dataset_is_never_replaced(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog"])
  (tmp_path / "out").mkdir()
  (tmp_path / "out/thesis.tex").write_text("")
  with pytest.raises(errors.OutputError, match="is not a dataset"):
    prepare.prepare(
      tmp_path / "in", tmp_path / "out", work=prepare.Work(overwrite=True)
    )
  assert (tmp_path / "out/thesis.tex").exists()


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
  clips.write_folder(tmp_path / "in", ["a dog"])

  def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(store, "write_shard", full)
  with pytest.raises(errors.OutputError, match=r"out was .*disk is full"):
    prepare.prepare(tmp_path / "in", tmp_path / "out", settings=BRIEF)
  assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_a_truly_full_disk_leaves_nothing(tmp_path, tiny_disk):
  clips.write_folder(tmp_path / "in", ["a dog"] * 12)
  with pytest.raises(errors.OutputError, match="disk is full"):
    prepare.prepare(tmp_path / "in", tiny_disk / "out", settings=BRIEF)
  assert not list(tiny_disk.iterdir())


@pytest.mark.parametrize(
  ("kwargs", "match"),
  [
    (dict(short="hod"), "Did you mean 'hold'"),
    (dict(broken="hold"), "must be one of error, skip"),
    (dict(seconds=0), "--seconds is 0"),
    (dict(short_side=33), "works*: 32 or 34|32 or 34"),
    (dict(longest=3), "--longest is 3, less than --seconds 5"),
    (dict(duplicate=16), "--duplicate is 16; use 0 to 15"),
  ],
  ids=["short", "broken", "seconds", "odd side", "longest", "duplicate"],
)
def test_settings_refuse_nonsense(kwargs, match):
  with pytest.raises(errors.LumiereError, match=match):
    prepare.Settings(**kwargs)
