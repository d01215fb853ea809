import hashlib
import shutil

import pytest
import sealed

from lumiere_jax import errors
from lumiere_jax.data import audit
from lumiere_jax.provenance import run_record

NUM_CLIPS = 6


@pytest.fixture
def dataset(tmp_path):
  """A sealed dataset of six clips."""
  examples = [sealed.example(k) for k in range(NUM_CLIPS)]
  sealed.write(tmp_path / "dataset", examples)
  return tmp_path / "dataset"


def _said(folder, split="train", **more):
  root = sealed.seal.read(folder).root
  return {
    "name": str(folder),
    "split": split,
    "root": root,
    "num_clips": NUM_CLIPS,
    **more,
  }


def _run(folder, *datasets):
  record = run_record.RunRecord(
    recipe={}, versions={}, mesh={}, datasets=list(datasets)
  )
  run_record.write(folder, record)
  return folder


@pytest.fixture
def workdir(tmp_path, dataset):
  """A run that was trained on it."""
  return _run(tmp_path / "run", _said(dataset))


def _file(tmp_path, data):
  (tmp_path / "clip.mp4").write_bytes(data)
  return tmp_path / "clip.mp4"


def _flipped(digits, count):
  bits = int(digits, 16) ^ ((1 << count) - 1)
  return f"{bits:064x}"


@pytest.mark.parametrize("data", [b"3", sealed.example(3)[0]])
def test_a_file_is_found_as_it_was_given_or_stored(
  tmp_path, workdir, dataset, data
):
  answer = audit.audit(workdir, _file(tmp_path, data))
  (match,) = answer.matches
  assert (match.id, match.dataset) == ("dir/3.mp4", str(dataset))
  assert match.distance is None
  assert match.root == sealed.seal.read(dataset).root
  assert answer.sha256 == hashlib.sha256(data).hexdigest()
  assert (answer.searched, answer.unknown) == (NUM_CLIPS, ())


def test_another_file_is_not(tmp_path, workdir):
  answer = audit.audit(workdir, _file(tmp_path, b"another"))
  assert (answer.matches, answer.searched) == ((), NUM_CLIPS)


def test_a_clip_is_found_by_its_looks(tmp_path, workdir):
  print_of = lambda k: sealed.example(k)[1].fingerprint
  other = _file(tmp_path, b"another")
  find = lambda *prints, **kwargs: [
    (match.id, match.distance)
    for match in audit.audit(
      workdir, other, fingerprints=prints, **kwargs
    ).matches
  ]
  assert find(_flipped(print_of(2), 7)) == [("dir/2.mp4", 7)]
  assert find(_flipped(print_of(2), 15)) == [("dir/2.mp4", 15)]
  assert find(_flipped(print_of(2), 16)) == []
  assert find(_flipped(print_of(2), 16), max_distance=16)
  # One shot of a longer file is enough, and the nearest comes first.
  shots = ["00" * 32, _flipped(print_of(4), 9), print_of(5)]
  assert find(*shots) == [("dir/5.mp4", 0), ("dir/4.mp4", 9)]


def test_the_very_file_goes_before_its_likes(tmp_path, workdir):
  print_of = sealed.example(1)[1].fingerprint
  answer = audit.audit(workdir, _file(tmp_path, b"3"), fingerprints=[print_of])
  assert [m.id for m in answer.matches] == ["dir/3.mp4", "dir/1.mp4"]


def test_a_hash_in_a_caption_is_no_clip(tmp_path):
  sha256 = hashlib.sha256(b"x").hexdigest()
  caption = f'the "fingerprint": "{"0" * 64}" and the hash {sha256}'
  examples = [sealed.example(0, caption=caption)]
  sealed.write(tmp_path / "a", examples, num_shards=1)
  run = _run(tmp_path / "run", _said(tmp_path / "a"))
  file = _file(tmp_path, b"x")
  assert not audit.audit(run, file, fingerprints=["0" * 64]).matches
  near = audit.audit(run, file, fingerprints=[examples[0][1].fingerprint])
  assert near.matches[0].distance == 0


@pytest.mark.parametrize(
  ("split", "searched", "is_found"),
  [
    ("train", 6, True),
    ("train[:3]", 3, False),
    ("train[50%:]", 3, True),
    ("train[:1]+train[3:4]", 2, True),
  ],
)
def test_only_the_slice_that_was_trained_on_counts(
  tmp_path, dataset, split, searched, is_found
):
  run = _run(tmp_path / "run", _said(dataset, split))
  answer = audit.audit(run, _file(tmp_path, b"3"))
  assert (answer.searched, bool(answer.matches)) == (searched, is_found)


def test_all_stages_and_their_parents_are_asked(tmp_path, dataset):
  sealed.write(tmp_path / "b", [sealed.example(9)], num_shards=1)
  _run(tmp_path / "runs/base", _said(dataset))
  through = _said(tmp_path / "b", through="runs/t2i")
  _run(tmp_path / "runs/ssr", through, _said(dataset))
  answer = audit.audit(tmp_path / "runs", _file(tmp_path, b"9"))
  (match,) = answer.matches
  assert (match.id, match.through) == ("dir/9.mp4", "runs/t2i")
  assert answer.searched == NUM_CLIPS + 1


def _unknown(workdir, tmp_path, **kwargs):
  answer = audit.audit(workdir, _file(tmp_path, b"3"), **kwargs)
  return answer.unknown


def test_a_dataset_that_went_away_is_named_and_found_again(
  tmp_path, workdir, dataset
):
  shutil.move(dataset, tmp_path / "moved")
  (said,) = _unknown(workdir, tmp_path)
  assert f"{dataset} (root " in said
  assert "is not there any more; say where it is now with --dataset" in said
  file = _file(tmp_path, b"3")
  assert audit.audit(workdir, file, dataset=tmp_path / "moved").matches
  sealed.write(tmp_path / "other", [sealed.example(8)], num_shards=1)
  with pytest.raises(errors.DataError, match="was not trained on it but on"):
    audit.audit(workdir, file, dataset=tmp_path / "other")


def test_a_dataset_that_another_replaced_is_named(tmp_path, workdir, dataset):
  shutil.rmtree(dataset)
  sealed.write(dataset, [sealed.example(8)], num_shards=1)
  (said,) = _unknown(workdir, tmp_path)
  assert "another dataset took its place; say where it is now" in said


def test_a_manifest_that_was_changed_is_not_believed(
  tmp_path, workdir, dataset
):
  path = dataset / "manifest.jsonl"
  path.write_text(path.read_text(encoding="utf-8").replace("犬", "x"))
  (said,) = _unknown(workdir, tmp_path)
  assert "is not what was sealed, so it cannot be searched" in said


def test_what_has_no_manifest_cannot_be_searched(tmp_path):
  sources = [{"name": name, "root": ""} for name in ("tfds:ucf101", "old")]
  one, other = _unknown(_run(tmp_path / "run", *sources), tmp_path)
  assert "tfds:ucf101 is a TFDS dataset and has no manifest" in one
  assert "old is not sealed and has no manifest" in other


def test_a_slice_that_makes_no_sense_is_named(tmp_path, dataset):
  run = _run(tmp_path / "run", _said(dataset, "train[7:9]"))
  (said,) = _unknown(run, tmp_path)
  assert "'train[7:9]' is no part of" in said


def test_what_is_no_run_or_no_file_is_refused(tmp_path, workdir):
  with pytest.raises(errors.DataError, match=r"none\.mp4 cannot be read"):
    audit.audit(workdir, tmp_path / "none.mp4")
  with pytest.raises(errors.WeightsError, match=r"has no run\.json"):
    audit.audit(tmp_path, _file(tmp_path, b"3"))
  with pytest.raises(
    errors.WeightsError, match="does not say what the run was"
  ):
    audit.audit(_run(tmp_path / "old"), _file(tmp_path, b"3"))


def test_it_tells_how_far_it_is(tmp_path, workdir):
  seen = []
  file = _file(tmp_path, b"3")
  audit.audit(workdir, file, on_clips=lambda *now: seen.append(now[:2]))
  assert seen == [(0, NUM_CLIPS)]
