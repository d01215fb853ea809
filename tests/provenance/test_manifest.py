import dataclasses
import json

import pytest

from lumiere_jax import errors
from lumiere_jax.provenance import manifest

RECORD = manifest.ClipRecord(
  id="a/b.mp4#1",
  path="a/b.mp4",
  start=1.5,
  sha256="11",
  stored_sha256="22",
  fingerprint="0f" * 32,
  width=64,
  height=48,
  fps=25.0,
  num_frames=130,
  duration=5.2,
  hold=False,
  caption="a naïve dog 犬",
  caption_origin="given",
  licence="CC-BY-4.0",
  owner="Ada",
  source="https://example.org/b",
)


def _replaced(**kwargs):
  return dataclasses.replace(RECORD, **kwargs)


def test_records_survive_the_file(tmp_path):
  records = [RECORD, _replaced(path="c.mp4", hold=True)]
  path = tmp_path / "manifest.jsonl"
  text = "".join(manifest.to_line(record) + "\n" for record in records)
  path.write_text(text, encoding="utf-8")
  assert list(manifest.read_manifest(path)) == records


def test_digest_forgets_order_and_names():
  one, two = RECORD, _replaced(path="c.mp4", stored_sha256="33")
  assert manifest.digest([one, two]) == manifest.digest([two, one])
  assert manifest.digest([one]) == manifest.digest([_replaced(path="z.mp4")])


@pytest.mark.parametrize("change", [dict(stored_sha256="3"), dict(caption="c")])
def test_digest_sees_pictures_and_captions(change):
  assert manifest.digest([RECORD]) != manifest.digest([_replaced(**change)])


def test_digest_counts_repeats():
  assert manifest.digest([RECORD]) != manifest.digest([RECORD, RECORD])


def _line(**changes):
  entry = json.loads(manifest.to_line(RECORD)) | changes
  return json.dumps({k: v for k, v in entry.items() if v is not None})


@pytest.mark.parametrize(
  ("line", "match"),
  [
    ("{", r":1: not a JSON object"),
    (b'{"caption": "\xff"}', r":1: not a JSON object"),
    ("[]", r":1: not a JSON object"),
    (_line(version=1), "version is 1, this code reads version 2"),
    (_line(colour="red"), r"unknown \['colour'\]"),
    (_line(caption=None), r"missing \['caption'\]"),
  ],
  ids=["torn", "not UTF-8", "a list", "older", "unknown", "missing"],
)
def test_a_line_it_cannot_trust_is_named(tmp_path, line, match):
  path = tmp_path / "manifest.jsonl"
  path.write_bytes(line if isinstance(line, bytes) else line.encode())
  with pytest.raises(errors.DataError, match=match):
    list(manifest.read_manifest(path))
