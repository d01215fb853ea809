import json
import shutil

import clips
import pytest
import sealed

from lumiere_jax.cli import audit
from lumiere_jax.cli import exits
from lumiere_jax.data import looks
from lumiere_jax.provenance import run_record


@pytest.fixture
def run(tmp_path, monkeypatch):
  """A run trained on three clips, of which the second looks like clip.mp4."""
  monkeypatch.chdir(tmp_path)
  (tmp_path / "clip.mp4").write_bytes(clips.encode(clips.moving()))
  (digits,) = looks.of("clip.mp4")
  near = f"{int(digits, 16) ^ 7:064x}"
  examples = [sealed.example(0), sealed.example(1, fingerprint=near)]
  root = sealed.write(tmp_path / "data", [*examples, sealed.example(2)]).root
  said = [{"name": "data", "split": "train", "root": root, "num_clips": 3}]
  record = run_record.RunRecord(recipe={}, versions={}, mesh={}, datasets=said)
  run_record.write("run", record)
  return said


def _said(capsys, *argv):
  audit.main(["run", "--clip", *argv])
  return capsys.readouterr().out


def test_the_very_file(run, capsys):
  with open("same.mp4", "wb") as file:
    file.write(sealed.example(2)[0])
  assert _said(capsys, "same.mp4") == (
    "yes: same.mp4 is dir/2.mp4 of data, so run was trained on it.\n"
  )


def test_another_encoding(run, capsys):
  assert _said(capsys, "clip.mp4") == (
    "yes, by its looks: clip.mp4 is like dir/1.mp4 of data but for 3 of 256 "
    "bits, so run was trained on it in another encoding.\n"
  )


def test_a_clip_that_was_not_there(run, capsys):
  assert _said(capsys, "clip.mp4", "--max-distance", "2") == (
    "no: none of the 3 clips that run was trained on is clip.mp4 or looks "
    "like it.\n"
  )


def test_a_file_without_pictures(run, capsys):
  with open("text.mp4", "w") as file:
    file.write("x")
  assert "(it cannot be decoded, so only its hash was compared)." in _said(
    capsys, "text.mp4"
  )


def test_a_dataset_that_was_moved(run, capsys):
  shutil.move("data", "elsewhere")
  said = _said(capsys, "clip.mp4")
  assert said.startswith("not known: clip.mp4 is none of the 0 clips that")
  assert said.endswith("any more; say where it is now with --dataset DIR.\n")
  assert said.count("\n") == 1
  said = _said(capsys, "clip.mp4", "--dataset", "elsewhere")
  assert said.startswith("yes, by its looks")


def test_a_clip_that_a_parent_saw(run, capsys):
  parent = {**run[0], "through": "runs/t2i"}
  record = run_record.RunRecord(
    recipe={}, versions={}, mesh={}, datasets=[parent]
  )
  run_record.write("run", record)
  assert ", which runs/t2i saw before it, so run was" in _said(
    capsys, "clip.mp4"
  )


def test_for_programs(run, capsys):
  entry = json.loads(_said(capsys, "clip.mp4", "--json"))
  assert entry["verdict"] == "near"
  assert entry["matches"][0]["id"] == "dir/1.mp4"
  assert entry["searched"] == 3
  assert entry["fingerprints"] == list(looks.of("clip.mp4"))


def test_what_is_no_run_is_an_error(run, capsys):
  with pytest.raises(SystemExit) as stop:
    exits.run(audit.main, ["data", "--clip", "clip.mp4"])
  assert stop.value.code == 2
  assert "has no run.json" in capsys.readouterr().err
