import json
import random

import pytest

from lumiere_jax import errors
from lumiere_jax.provenance import merkle
from lumiere_jax.provenance import seal


@pytest.fixture
def folder(tmp_path):
  """Three lines, a shard and a file further down."""
  path = tmp_path / "dataset"
  (path / "more").mkdir(parents=True)
  (path / "manifest.jsonl").write_bytes(b'{"a": 1}\n{"b": 2}\n{"c": 3}\n')
  (path / "shard").write_bytes(b"\0" * 3_000_000)
  (path / "more/report.html").write_bytes(b"<p>")
  return path


def test_a_seal_says_what_is_there(folder):
  written = seal.write(folder)
  assert written == seal.read(folder)
  assert written.num_clips == 3
  leaves = [b'{"a": 1}', b'{"b": 2}', b'{"c": 3}']
  assert written.root == merkle.root(leaves).hex()
  assert {name: entry["size"] for name, entry in written.files.items()} == {
    "manifest.jsonl": 27,
    "more/report.html": 3,
    "shard": 3_000_000,
  }
  assert written.signature is None


def test_sealing_again_changes_nothing(folder):
  seal.write(folder)
  data = (folder / "manifest.json").read_bytes()
  seal.write(folder)
  assert (folder / "manifest.json").read_bytes() == data
  assert not list(folder.glob(".*"))


def test_it_tells_how_far_it_is(folder):
  seen = []
  seal.write(folder, on_bytes=lambda *now: seen.append(now))
  assert seen[-1] == (3_000_030, 3_000_030, "shard")


def test_every_changed_byte_of_the_seal_is_seen(folder):
  seal.write(folder)
  path = folder / "manifest.json"
  data = path.read_bytes()
  rng = random.Random(0)
  for place in range(len(data)):
    changed = bytearray(data)
    changed[place] ^= 1 << rng.randrange(8)
    path.write_bytes(changed)
    with pytest.raises(errors.DataError, match=r"manifest\.json (is|was|has)"):
      seal.read(folder)
  for changed in (data + b" ", data[:-1], b"", b"[]"):
    path.write_bytes(changed)
    with pytest.raises(errors.DataError, match=r"manifest\.json (is|was)"):
      seal.read(folder)


def test_a_newer_seal_is_refused(folder):
  newer = seal.Seal(root="00", num_clips=0, files={}, version=2)
  (folder / "manifest.json").write_bytes(newer.to_bytes())
  with pytest.raises(errors.DataError, match="has version 2; this code reads"):
    seal.read(folder)


def test_a_folder_without_manifest_is_refused(tmp_path):
  with pytest.raises(errors.DataError, match=r"has no manifest\.json,"):
    seal.read(tmp_path)
  with pytest.raises(errors.DataError, match=r"has no manifest\.jsonl"):
    seal.write(tmp_path)


def test_the_file_is_plain_json(folder):
  seal.write(folder)
  entry = json.loads((folder / "manifest.json").read_text())
  assert set(entry) == {
    *("root", "num_clips", "files", "signature", "version", "checksum"),
  }


def test_an_unsigned_dataset_is_said_to_be_so(folder):
  seal.write(folder)
  with pytest.raises(errors.DataError, match="is not signed"):
    seal.check_signature(folder, "key.pub")
