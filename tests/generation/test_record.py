"""A record holds what a replay needs, and refuses other weights."""

import json

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.generation import record as records
from lumiere_jax.generation import request as requests

RECORD = records.Record(
  request=requests.Request(prompt="x"),
  index=0,
  weights="runs/a",
  digests={"base": "a" * 64},
  pixels="0",
  versions={},
)


@pytest.mark.parametrize(
  ("text", "message"),
  [
    (None, "is no record"),
    ("{", "is no record"),
    ("[]", "is no record"),
    ('{"version": 1}', "lacks 'request'"),
    ('{"version": 7}', "record version is 7"),
  ],
  ids=["missing", "no json", "no object", "incomplete", "later version"],
)
def test_what_is_no_record_is_refused(tmp_path, text, message):
  path = tmp_path / "clip.json"
  if text is not None:
    path.write_text(text)
  with pytest.raises(errors.ConfigError, match=message):
    records.read(path)


def test_other_weights_are_refused_by_stage():
  records.require_same_weights(RECORD, {"base": "a" * 64, "ssr": "c"}, "here")
  with pytest.raises(errors.WeightsError, match="here has bbbbbbbbbbbb for"):
    records.require_same_weights(RECORD, {"base": "b" * 64}, "here")
  with pytest.raises(errors.WeightsError, match="no such stage"):
    records.require_same_weights(RECORD, {"t2i": "a" * 64}, "here")


def test_pixels_digest_sees_one_level_and_the_shape():
  frames = np.zeros((2, 4, 4, 3), np.uint8)
  other = frames.copy()
  other[1, 2, 3, 0] = 1
  digests = {
    records.pixels_digest(x)
    for x in (frames, other, frames.reshape(4, 2, 4, 3))
  }
  assert len(digests) == 3


def test_versions_are_json():
  assert {"jax", "flax", "numpy", "lumiere_jax"} <= records.versions().keys()
  json.dumps(records.versions())
