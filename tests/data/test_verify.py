import pathlib
import random
import shutil

from array_record.python import array_record_module
import pytest
import sealed

from lumiere_jax import errors
from lumiere_jax.data import verify
from lumiere_jax.provenance import seal

NUM_CLIPS = 12
ALL = {f"clip dir/{k}.mp4" for k in range(NUM_CLIPS)}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
  """A sealed dataset of 12 clips in 2 shards; not to be changed."""
  folder = tmp_path_factory.mktemp("sound") / "dataset"
  sealed.write(folder, [sealed.example(k) for k in range(NUM_CLIPS)])
  return folder


@pytest.fixture
def folder(sound, tmp_path):
  """A copy that a test may spoil."""
  shutil.copytree(sound, tmp_path / "dataset")
  return tmp_path / "dataset"


def _found(folder, **kwargs):
  """Name -> (kind, reason) of every finding."""
  findings = verify.verify(folder, **kwargs).findings
  return {f.name: (f.kind, f.reason) for f in findings}


def test_a_sound_dataset_is_sound(sound):
  report = verify.verify(sound)
  assert report.findings == ()
  assert report.num_clips == NUM_CLIPS
  assert report.root == seal.read(sound).root
  files = [path for path in sound.rglob("*") if path.name != "manifest.json"]
  assert report.num_bytes == sum(path.stat().st_size for path in files)


def test_it_tells_how_far_it_is(sound):
  seen = []
  verify.verify(sound, on_bytes=lambda *now: seen.append(now))
  done = [now[0] for now in seen]
  assert done == sorted(done)
  assert {now[1] for now in seen} == {seen[0][1]}
  assert done[-1] <= seen[0][1]


def _records(path):
  """Bytes of each record of a shard, or None where it cannot be read."""
  found = []
  for index in range(NUM_CLIPS // 2):
    try:
      reader = array_record_module.ArrayRecordReader(f"{path}")
      found += reader.read([index])
    except (RuntimeError, ValueError, IndexError):
      found.append(None)
  return found


def _touched(file, before):
  """Clips of a shard that read otherwise than they did."""
  if "array_record" not in file.name:
    return set()
  first = NUM_CLIPS // 2 * int(file.name.split("-")[-3])
  return {
    f"clip dir/{first + k}.mp4"
    for k, (old, now) in enumerate(zip(before, _records(file), strict=True))
    if old != now
  }


def _change_one_byte(folder, sound, rng, counts):
  """Changes a byte of any file, and puts it back when it has been found."""
  files = sorted(path for path in folder.rglob("*") if path.is_file())
  file = rng.choice(files)
  data = file.read_bytes()
  # Most of a shard is padding at this size; look more often where it is not.
  end = len(data) if rng.random() < 0.5 else min(len(data), 22_000)
  place = rng.randrange(end)
  changed = bytearray(data)
  changed[place] ^= rng.randrange(1, 256)
  before = _records(file) if "array_record" in file.name else None
  file.write_bytes(changed)
  found = _found(folder)
  assert file.name in found, (file.name, place)
  touched = _touched(file, before)
  if file.name == "manifest.jsonl":
    line = data[:place].count(b"\n")
    touched = {f"clip dir/{line}.mp4"}
  assert touched <= found.keys(), (file.name, place)
  if file.name != "manifest.jsonl":
    # No other clip is blamed; a line may have got another clip's name.
    assert found.keys() & ALL == touched, (file.name, place)
  counts.append(bool(touched))
  file.write_bytes(data)


def _change_bytes(folder, sound, times):
  rng, counts = random.Random(7), []
  for _ in range(times):
    _change_one_byte(folder, sound, rng, counts)
  return counts


def test_changed_bytes_are_found_and_their_clips_named(folder, sound):
  counts = _change_bytes(folder, sound, 60)
  assert sum(counts) > 15
  assert verify.verify(folder).findings == ()


@pytest.mark.bar
def test_a_thousand_changed_bytes_are_found(folder, sound):
  counts = _change_bytes(folder, sound, 1000)
  print(f"1000 changed bytes found; {sum(counts)} of them in a clip, named")


@pytest.mark.parametrize("size", [0, 100, 40_000, 70_000])
def test_a_shard_cut_short_costs_its_clips_and_names_them(folder, size):
  path = folder / sealed.shard(0)
  data = path.read_bytes()
  path.write_bytes(data[:size])
  found = _found(folder)
  lost = {f"clip dir/{k}.mp4" for k in range(NUM_CLIPS // 2)}
  assert found.keys() & ALL == lost
  for name in lost:
    assert found[name][0] == "unreadable"
    assert path.name in found[name][1]
  assert found[path.name][0] == "changed"
  assert f"{size} bytes, and {len(data)} when sealed" in found[path.name][1]


def test_a_missing_shard_is_named_with_its_clips(folder):
  (folder / sealed.shard(1)).unlink()
  found = _found(folder)
  assert found[sealed.shard(1)][0] == "missing"
  assert found.keys() & ALL == {
    f"clip dir/{k}.mp4" for k in range(NUM_CLIPS // 2, NUM_CLIPS)
  }
  assert "it is missing" in found["clip dir/7.mp4"][1]


def test_clips_are_named_even_without_the_description(folder):
  (folder / sealed.shard(0)).write_bytes(b"")
  (folder / "dataset_info.json").write_text("{}")
  found = _found(folder)
  lost = {f"clip dir/{k}.mp4" for k in range(NUM_CLIPS // 2)}
  assert found.keys() & ALL == lost
  assert found["clip dir/0.mp4"] == ("missing", "there is no record of it")


def _reshard(folder, examples):
  sealed.write_shard(folder / sealed.shard(0), examples)


FIRST = [sealed.example(k) for k in range(NUM_CLIPS // 2)]
NEW = sealed.example(99)
SPOILT = {
  "one left out": (
    [*FIRST[:2], *FIRST[3:]],
    {"clip dir/2.mp4": "missing"},
  ),
  "one too many": ([NEW, *FIRST], {"clip dir/99.mp4": "extra"}),
  "one put in place of another": (
    [NEW, *FIRST[1:]],
    {"clip dir/99.mp4": "extra", "clip dir/0.mp4": "missing"},
  ),
  "other bytes": (
    [(b"other", FIRST[0][1]), *FIRST[1:]],
    {"clip dir/0.mp4": "changed"},
  ),
  "another caption": (
    [(FIRST[0][0], sealed.example(0, caption="cat")[1]), *FIRST[1:]],
    {"clip dir/0.mp4": "changed"},
  ),
}


@pytest.mark.parametrize(("examples", "want"), SPOILT.values(), ids=SPOILT)
def test_shards_that_were_written_anew_are_seen_through(folder, examples, want):
  _reshard(folder, examples)
  found = _found(folder)
  clips = {n: kind for n, (kind, _) in found.items() if n.startswith("clip")}
  assert clips == want


def test_records_and_manifest_must_agree_even_where_the_seal_does(folder):
  _reshard(folder, [(b"other", FIRST[0][1]), *FIRST[1:]])
  seal.write(folder)
  assert _found(folder) == {
    "clip dir/0.mp4": ("changed", "its bytes are not those of the manifest")
  }
  _reshard(folder, [(FIRST[0][0], sealed.example(0, owner="Bob")[1])])
  seal.write(folder)
  found = _found(folder)
  assert "differ in owner" in found["clip dir/0.mp4"][1]
  assert found["clip dir/3.mp4"] == ("missing", "there is no record of it")


def _edit(folder, edit):
  path = folder / "manifest.jsonl"
  lines = path.read_text(encoding="utf-8").splitlines()
  path.write_text("".join(f"{line}\n" for line in edit(lines)))


@pytest.mark.parametrize(
  ("edit", "want"),
  [
    (lambda ls: ls[1:], {"clip dir/0.mp4": "extra"}),
    (lambda ls: [*ls[:3], "", *ls[4:]], {"clip dir/3.mp4": "changed"}),
    (lambda ls: [ls[0] + " ", *ls[1:]], {"clip dir/0.mp4": "changed"}),
    (lambda ls: [*ls, ls[0].replace("dir/0", "x")], {"clip x.mp4": "missing"}),
    (lambda ls: ls[::-1], {}),
  ],
  ids=["line gone", "line emptied", "line padded", "line more", "reversed"],
)
def test_a_manifest_that_was_rewritten_is_seen_through(folder, edit, want):
  _edit(folder, edit)
  found = _found(folder)
  clips = {n: kind for n, (kind, _) in found.items() if n.startswith("clip")}
  assert clips == want
  assert found["manifest.jsonl"][0] == "changed"


def test_the_root_tells_of_a_manifest_that_was_sealed_anew(folder, sound):
  _edit(folder, lambda lines: lines[::-1])
  seal.write(folder)
  root = seal.read(sound).root
  assert _found(sound, root=root.upper()) == {}
  assert list(_found(folder, root=root)) == ["manifest.jsonl"]
  assert "was asked for" in _found(folder, root=root)["manifest.jsonl"][1]


def test_a_seal_with_another_root_is_not_believed(folder):
  was = seal.read(folder)
  lie = seal.Seal(root="00" * 32, num_clips=12, files=was.files)
  (folder / "manifest.json").write_bytes(lie.to_bytes())
  kind, reason = _found(folder)["manifest.jsonl"]
  assert kind == "changed"
  assert f"the seal says {'00' * 32}" in reason


def test_files_that_come_and_go_are_named(folder):
  (folder / "more").mkdir()
  (folder / "more/notes.txt").write_text("x")
  (folder / "report.json").unlink()
  found = _found(folder)
  assert {name: kind for name, (kind, _) in found.items()} == {
    "more/notes.txt": "extra",
    "report.json": "missing",
  }


def test_a_file_the_disk_does_not_yield_is_named(folder):
  (folder / "loop").symlink_to("nowhere")
  assert _found(folder)["loop"][0] == "extra"
  (folder / "loop").unlink()
  (folder / "report.json").unlink()
  (folder / "report.json").symlink_to("nowhere")
  assert _found(folder) == {
    "report.json": ("unreadable", "the disk does not yield it")
  }


def test_a_missing_seal_is_a_difference(folder):
  (folder / "manifest.json").unlink()
  assert _found(folder) == {
    "manifest.json": ("missing", "nothing says what the files held")
  }
  (folder / "manifest.jsonl").unlink()
  with pytest.raises(errors.DataError, match=r"holds neither manifest\.json n"):
    verify.verify(folder)


def test_an_unsigned_dataset_does_not_pass_for_signed(sound):
  found = _found(sound, public_key=pathlib.Path("key.pub"))
  assert "is not signed" in found["manifest.json"][1]
