"""The same clips by way of Beam, with its own runner for one machine."""

import sys

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import examine
from lumiere_jax.data import prepare
from lumiere_jax.data import shards
from lumiere_jax.data import tfds_build
from lumiere_jax.data import verify
from lumiere_jax.provenance import manifest

SETTINGS = examine.Settings(seconds=1, short="skip", broken="skip")


def _source(folder):
  """Two clips, a copy, one cut in two, one too short, one damaged."""
  clips.write_folder(folder, ["a dog", "a cat"])
  for name, frames in (
    ("2", clips.moving(32)),
    ("3", clips.moving(32)),
    ("4", clips.moving(4)),
    ("5", _two_shots()),
  ):
    (folder / f"{name}.mp4").write_bytes(clips.encode(frames, fps=16))
    (folder / f"{name}.txt").write_text(name)
  (folder / "6.mp4").write_bytes(b"no video")
  (folder / "6.txt").write_text("nothing")


def _two_shots():
  frames = clips.moving(64)[:, :, ::-1].copy()
  frames[32:] = (
    np.random.default_rng(0)
    .integers(0, 256, (8, 12, 3))
    .repeat(8, 0)
    .repeat(8, 1)
  )
  frames[32:, :, :48] += np.arange(32, dtype=np.uint8)[:, None, None, None]
  return frames


def _records(folder):
  found = shards.records(folder)
  return [(r.position, r.sha256, dict(r.fields)) for r in found]


def test_beam_makes_the_records_that_one_machine_makes(tmp_path, capfd):
  _source(tmp_path / "in")
  (tmp_path / "opt_outs.txt").write_text("id:0.mp4\n")
  work = prepare.Work(exclude=tmp_path / "opt_outs.txt")
  here = prepare.prepare(
    tmp_path / "in", tmp_path / "here", settings=SETTINGS, work=work
  )
  capfd.readouterr()
  beam = tfds_build.build(
    tmp_path / "in",
    tmp_path / "beam",
    settings=SETTINGS,
    work=work,
    options=["--runner=DirectRunner"],
  )
  assert capfd.readouterr() == ("", "")
  assert beam.counts == here.counts
  assert here.counts["duplicate"] == here.counts["excluded"] == 1
  assert here.counts["broken"] == here.counts["short"] == 1
  assert (here.kept, here.notes["cut"]) == (4, 2)
  assert beam.root == here.root
  assert _records(tmp_path / "beam") == _records(tmp_path / "here")
  lines = [
    (tmp_path / name / "manifest.jsonl").read_bytes()
    for name in ("here", "beam")
  ]
  assert lines[0] == lines[1]
  assert not verify.verify(tmp_path / "beam").findings
  assert (
    len(list(manifest.read_manifest(tmp_path / "beam/manifest.jsonl"))) == 4
  )
  assert "tensorflow" not in sys.modules
  assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_an_error_is_the_sentence_of_one_machine(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog"])
  strict = examine.Settings(seconds=2)
  with pytest.raises(errors.DataError, match=r"0\.mp4 lasts 1\.00 s.*--short"):
    tfds_build.build(tmp_path / "in", tmp_path / "out", settings=strict)
  mild = examine.Settings(seconds=2, short="skip")
  with pytest.raises(errors.DataError, match="no clip is left"):
    tfds_build.build(tmp_path / "in", tmp_path / "out", settings=mild)
  assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_without_beam_it_names_the_extra(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, "apache_beam", None)
  with pytest.raises(errors.ConfigError, match=r"\.\[prep\]"):
    tfds_build.build(tmp_path / "in", tmp_path / "out")
