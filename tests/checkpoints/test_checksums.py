"""Whatever changes in a folder is found and named."""

import json
import random

import pytest

from lumiere_jax import errors
from lumiere_jax.checkpoints import checksums


@pytest.fixture(params=[2**26, 2**20], ids=["whole", "in pieces"])
def folder(tmp_path, monkeypatch, request):
  monkeypatch.setattr(checksums, "_PIECE", request.param)
  random_bytes = random.Random(0).randbytes
  (tmp_path / "state" / "d").mkdir(parents=True)
  (tmp_path / "state" / "d" / "chunk").write_bytes(random_bytes(3_000_000))
  (tmp_path / "state" / "empty").touch()
  (tmp_path / "metadata").write_text("{}")
  assert checksums.write(tmp_path) == 3_000_002
  return tmp_path


def test_what_was_written_is_what_is_there(folder):
  assert checksums.problems(folder) == []
  assert {*checksums.read(folder)} == {
    *("metadata", "state/d/chunk", "state/empty")
  }


def test_every_single_bit_counts(folder):
  rng = random.Random(1)
  files = [p for p in folder.rglob("*") if p.is_file() and p.stat().st_size]
  for _ in range(60):
    path = rng.choice(files)
    before = path.read_bytes()
    place, bit = rng.randrange(len(before)), rng.randrange(8)
    after = bytearray(before)
    after[place] ^= 1 << bit
    path.write_bytes(after)
    (problem,) = checksums.problems(folder)
    assert path.name in problem, (path, place, bit)
    path.write_bytes(before)
  assert checksums.problems(folder) == []


@pytest.mark.parametrize("name", ["metadata", "state/d/chunk", "state/empty"])
def test_what_is_gone_is_missed(folder, name):
  (folder / name).unlink()
  assert checksums.problems(folder) == [f"{name} is missing"]


def test_a_shorter_file_is_told_by_its_size(folder):
  path = folder / "state" / "d" / "chunk"
  path.write_bytes(path.read_bytes()[:-1])
  assert checksums.problems(folder) == [
    "state/d/chunk has 2,999,999 bytes instead of 3,000,000"
  ]


def test_what_was_added_is_told(folder):
  (folder / "state" / "more").touch()
  assert checksums.problems(folder) == ["state/more was added"]


def test_a_folder_in_the_place_of_a_file_is_told(folder):
  (folder / "metadata").unlink()
  (folder / "metadata").mkdir()
  assert checksums.problems(folder) == [
    "metadata cannot be read: Is a directory"
  ]


@pytest.mark.parametrize(
  "damage",
  [
    lambda text: "",
    lambda text: text[: len(text) // 2],
    lambda text: text.replace("3000000", "3000001"),
    lambda text: json.dumps(json.loads(text) | {"files": {}}),
    lambda text: "[]",
    lambda text: text.replace('"checksum"', '"checksun"'),
  ],
)
def test_the_list_is_listed_too(folder, damage):
  path = folder / checksums.FILE
  path.write_text(damage(path.read_text()))
  (problem,) = checksums.problems(folder)
  assert "checksums.json is damaged" in problem
  with pytest.raises(errors.WeightsError):
    checksums.read(folder)


def test_without_a_list_nothing_is_believed(folder):
  (folder / checksums.FILE).unlink()
  (problem,) = checksums.problems(folder)
  assert problem.endswith("checksums.json is missing")


def test_progress_ends_with_all_bytes(folder):
  seen = []
  checksums.problems(folder, lambda *told: seen.append(told))
  assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
  assert seen[-1][:2] == (3_000_002, 3_000_002)


def test_another_format_is_told_by_its_number(folder, monkeypatch):
  monkeypatch.setattr(checksums, "FORMAT", checksums.FORMAT + 1)
  with pytest.raises(errors.WeightsError, match="of format 2 and this version"):
    checksums.read(folder)
