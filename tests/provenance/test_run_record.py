import dataclasses
import json

import pytest

from lumiere_jax import errors
from lumiere_jax.provenance import run_record

DATASETS = [{"name": "a", "split": "train", "root": "0f", "num_clips": 3}]
RECORD = run_record.RunRecord(
  recipe={"stage": "base"}, versions={}, mesh={"data": 8}, datasets=DATASETS
)


def test_a_record_survives_the_file(tmp_path):
  run_record.write(tmp_path, RECORD)
  assert run_record.read(tmp_path) == RECORD


def test_a_record_from_before_datasets_were_named_is_read(tmp_path):
  entry = dataclasses.asdict(RECORD)
  del entry["datasets"]
  (tmp_path / "run.json").write_text(json.dumps(entry))
  assert run_record.read(tmp_path).datasets == ()


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
