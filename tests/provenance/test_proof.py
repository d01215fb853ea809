import json
import time

import pytest
import sealed

from lumiere_jax import errors
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import proof
from lumiere_jax.provenance import seal

NUM_CLIPS = 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """A sealed manifest of 11 clips."""
  path = tmp_path_factory.mktemp("proof")
  return _write(path, NUM_CLIPS)


def _write(folder, size, first=0):
  folder.mkdir(exist_ok=True)
  template = manifest.to_line(sealed.example(0)[1])
  with (folder / "manifest.jsonl").open("w", encoding="utf-8") as lines:
    for k in range(first, first + size):
      lines.write(template.replace("dir/0.mp4", f"dir/{k}.mp4") + "\n")
  seal.write(folder)
  return folder


def _root(folder):
  return seal.read(folder).root


@pytest.mark.parametrize("k", [0, 5, 10])
def test_a_clip_is_proved_by_the_root_alone(folder, k):
  entry = json.loads(json.dumps(proof.prove(folder, f"dir/{k}.mp4")))
  assert entry["proof"]["index"] == k
  assert proof.clip_of(entry).id == f"dir/{k}.mp4"
  assert proof.check(entry, _root(folder))
  assert proof.check(entry, _root(folder).upper())
  assert not proof.check(entry, "00" * 32)


def test_another_clip_is_not_proved(folder):
  entry = proof.prove(folder, "dir/3.mp4")
  for change in (
    {"clip": entry["clip"].replace("naïve", "clever")},
    {"proof": entry["proof"] | {"index": 4}},
    {"proof": entry["proof"] | {"size": 8}},
    {"proof": entry["proof"] | {"path": ""}},
  ):
    assert not proof.check(entry | change, _root(folder))


def test_a_root_in_the_proof_itself_counts_for_nothing(folder):
  entry = proof.prove(folder, "dir/3.mp4") | {"root": "00" * 32}
  assert proof.check(entry, _root(folder))


def test_growth_is_proved_by_two_roots(tmp_path):
  old = _root(_write(tmp_path / "old", 7))
  new = _write(tmp_path / "new", 12)
  entry = json.loads(json.dumps(proof.prove_growth(new, 7)))
  assert entry["old_root"] == old
  assert proof.check(entry, _root(new), old)
  assert not proof.check(entry, _root(new), "00" * 32)
  other = _root(_write(tmp_path / "other", 7, first=1))
  assert not proof.check(entry, _root(new), other)
  with pytest.raises(errors.ConfigError, match="--old-root"):
    proof.check(entry, _root(new))


def test_what_is_not_there_is_not_proved(folder):
  with pytest.raises(errors.DataError, match=r"Did you mean dir/7\.mp4"):
    proof.prove(folder, "dir/7.mp")
  with pytest.raises(errors.DataError, match=r"has 11 clips.*from 12.*1 to 11"):
    proof.prove_growth(folder, 12)


def test_a_manifest_that_was_changed_proves_nothing(tmp_path):
  _write(tmp_path / "a", 4)
  path = tmp_path / "a/manifest.jsonl"
  path.write_text(path.read_text(encoding="utf-8").replace("MIT", "GPL"))
  with pytest.raises(errors.DataError, match="is not what was sealed"):
    proof.prove(tmp_path / "a", "dir/1.mp4")
  with pytest.raises(errors.DataError, match="is not what was sealed"):
    proof.prove_growth(tmp_path / "a", 2)


@pytest.mark.parametrize(
  "change",
  [{"version": 2}, {"proof": {}}, {"proof": None}, {"clip": None}],
  ids=["newer", "empty", "nothing", "no clip"],
)
def test_what_is_no_proof_is_refused(folder, change):
  entry = proof.prove(folder, "dir/3.mp4") | change
  with pytest.raises(errors.DataError, match="this is no proof"):
    proof.check(entry, "00" * 32)


def _cost(entry, root):
  """Bytes of a proof without the clip's line, and milliseconds to check it."""
  size = len(json.dumps(entry["proof"]).encode())
  best = 1e9
  for _ in range(5):
    began = time.perf_counter()
    assert proof.check(entry, root)
    best = min(best, time.perf_counter() - began)
  return size, 1e3 * best


def test_a_proof_of_twenty_levels_is_small_and_quick(tmp_path):
  _write(tmp_path / "a", 1024)
  entry = proof.prove(tmp_path / "a", "dir/77.mp4")
  size, milliseconds = _cost(entry, _root(tmp_path / "a"))
  more = 10 * 32 * 4 / 3 + 2 * len("000")  # ten levels, two longer numbers
  assert size + more <= 1024
  assert milliseconds < 5


@pytest.mark.bar
def test_a_proof_for_a_million_clips_is_small_and_quick(tmp_path):
  _write(tmp_path / "a", 10**6)
  began = time.perf_counter()
  entry = proof.prove(tmp_path / "a", "dir/777777.mp4")
  seconds = time.perf_counter() - began
  size, milliseconds = _cost(entry, _root(tmp_path / "a"))
  (tmp_path / "a/manifest.jsonl").unlink()  # half a gigabyte
  whole = len(json.dumps(entry, ensure_ascii=False).encode())
  print(
    f"proof for 1e6 clips: {size} bytes ({whole} with the clip's line), made "
    f"in {seconds:.1f} s, checked in {milliseconds:.2f} ms"
  )
  assert size <= 1024
  assert milliseconds < 10
