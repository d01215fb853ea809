import dataclasses
import json
import shutil

import pytest

from lumiere_jax import errors
from lumiere_jax.provenance import run_record

DATASETS = [{"name": "a", "split": "train", "root": "0f", "num_clips": 3}]
RECORD = run_record.RunRecord(
  recipe={"stage": "base"},
  versions={},
  mesh={"data": 8},
  datasets=DATASETS,
  xla_flags="--a=1",
)


def test_a_record_survives_the_file(tmp_path):
  run_record.write(tmp_path, RECORD)
  assert run_record.read(tmp_path) == RECORD


@pytest.mark.parametrize(
  ("field", "value"), [("datasets", ()), ("xla_flags", "")]
)
def test_a_record_from_before_a_field_was_there_is_read(tmp_path, field, value):
  entry = dataclasses.asdict(RECORD)
  del entry[field]
  (tmp_path / "run.json").write_text(json.dumps(entry))
  assert getattr(run_record.read(tmp_path), field) == value


@pytest.mark.parametrize(
  ("text", "match"),
  [
    ("{", "is damaged"),
    ("{}", "is damaged"),
    ('{"version": 9}', "has version 9; this code reads version 1"),
  ],
)
def test_a_record_it_cannot_trust_is_refused(tmp_path, text, match):
  (tmp_path / "run.json").write_text(text)
  with pytest.raises(errors.WeightsError, match=match):
    run_record.read(tmp_path)


def test_a_folder_without_record_is_refused(tmp_path):
  with pytest.raises(errors.WeightsError, match=r"has no run\.json"):
    run_record.read(tmp_path)


def test_differences_are_named_by_their_place():
  old, new = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 4}}
  assert run_record.differences(old, new) == {"a.c": (2, 4), "d": (3, None)}


def test_a_run_names_what_it_saw_before_it_began(tmp_path):
  a, b, c = ({"name": n, "root": n} for n in "abc")
  write = lambda folder, datasets: run_record.write(
    folder, dataclasses.replace(RECORD, datasets=datasets)
  )
  names = lambda found: [(d["name"], d.get("through")) for d in found]
  write(tmp_path / "t2i", [a, b])
  t2i = tmp_path / "t2i"
  parents = [(str(t2i), run_record.read(t2i))]
  base = run_record.all_datasets([b, c], parents=parents)
  assert names(base) == [("b", None), ("c", None), *_through(t2i, "ab")]
  write(tmp_path / "other", [c])
  both = [
    *parents,
    (str(tmp_path / "other"), run_record.read(tmp_path / "other")),
  ]
  assert names(run_record.all_datasets([b], parents=both)) == [
    ("b", None),
    *_through(t2i, "ab"),
    *_through(tmp_path / "other", "c"),
  ]
  write(tmp_path / "base", base)
  # It goes on with other data; the folder of its parent is gone.
  shutil.rmtree(t2i)
  earlier = tmp_path / "base"
  later = run_record.all_datasets([a], earlier=earlier, parents=parents)
  assert names(later) == [("a", None), *names(base)]
  again = run_record.all_datasets([b, c], earlier=tmp_path / "base")
  assert again == base
  assert names(run_record.all_datasets([a])) == [("a", None)]


def _through(parent, names):
  return [(name, str(parent)) for name in names]
