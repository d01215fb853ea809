import random
import re

import pytest

from lumiere_jax import errors
from lumiere_jax.provenance import exclusions
from lumiere_jax.provenance import manifest

SHA, PRINT = "ab" * 32, "0f" * 32
RULES = f"""\ufeff# people who asked us

dogs/1.mp4
id:odd:name.mp4
SHA256:{SHA.upper()}
fingerprint:{PRINT}
Owner:  Ada  Lovelace
source:https://example.org/cats/
"""


@pytest.fixture
def rules(tmp_path):
  path = tmp_path / "no.txt"
  path.write_text(RULES, encoding="utf-8")
  return exclusions.Exclusions.read(path)


@pytest.mark.parametrize(
  ("clip", "reason"),
  [
    (dict(id="dogs/1.mp4"), r"is excluded by its id \(.*no\.txt:3\)"),
    (dict(id="dogs/1.mp4#2", path="dogs/1.mp4"), r"its id \(.*no\.txt:3\)"),
    (dict(id="odd:name.mp4"), r"its id \(.*:4\)"),
    (dict(id="x", sha256=SHA), r"its sha256 \(.*:5\)"),
    (dict(id="x", sha256="1" * 64, stored_sha256=SHA), r"its sha256 \(.*:5\)"),
    (dict(fingerprint=PRINT), r"its fingerprint \(.*:6\)"),
    (dict(owner="ada lovelace"), r"its owner \(.*:7\)"),
    (dict(source="https://example.org/cats/9"), r"its source \(.*:8\)"),
  ],
)
def test_a_rule_excludes(rules, clip, reason):
  assert re.search(reason, rules.reason(**clip))


@pytest.mark.parametrize(
  "clip",
  [
    dict(),
    dict(id="dogs/10.mp4", path="dogs/10.mp4"),
    dict(id=SHA, sha256=PRINT, fingerprint=SHA, owner="Ada", source="cats"),
  ],
)
def test_other_clips_stay(rules, clip):
  assert rules.reason(**clip) is None


def _flipped(count, seed):
  bits = int(PRINT, 16)
  for k in random.Random(seed).sample(range(256), count):
    bits ^= 1 << k
  return f"{bits:064x}"


@pytest.mark.parametrize("seed", range(20))
def test_fingerprints_match_up_to_the_distance(rules, seed):
  assert rules.reason(fingerprint=_flipped(15, seed))
  assert rules.reason(fingerprint=_flipped(16, seed)) is None
  strict = exclusions.Exclusions(rules.rules, max_distance=0)
  assert strict.reason(fingerprint=PRINT)
  assert strict.reason(fingerprint=_flipped(1, seed)) is None


def test_a_record_is_asked_for_all_it_holds(rules):
  record = manifest.ClipRecord(
    id="x", path="x", start=0.0, sha256="1" * 64, stored_sha256="2" * 64,
    fingerprint="", width=8, height=8, fps=1.0, num_frames=1, duration=1.0,
    hold=False, caption="c", caption_origin="given", licence="MIT",
    owner="ADA LOVELACE", source="x",
  )  # fmt: skip
  assert "its owner" in rules.reason_for(record)


def test_rules_are_counted(rules):
  assert len(rules) == 6


@pytest.mark.parametrize(
  ("line", "match"),
  [
    (SHA, r":1: abababab\.\.\. may be.*write sha256: or fingerprint: before"),
    ("licence:MIT", r":1: licence: is none of id:.*write id:licence:MIT"),
    ("owner: ", ":1: nothing follows owner:"),
    ("sha256:12", r":1: a sha256 has 64 hex digits.*'12'"),
    ("fingerprint:" + "g" * 64, ":1: a fingerprint has 64 hex digits"),
  ],
  ids=["bare hash", "unknown kind", "empty", "short", "not hex"],
)
def test_a_rule_that_says_nothing_is_refused(tmp_path, line, match):
  (tmp_path / "no.txt").write_text(line)
  with pytest.raises(errors.DataError, match=match):
    exclusions.Exclusions.read(tmp_path / "no.txt")


def test_an_address_is_an_id(tmp_path):
  (tmp_path / "no.txt").write_text("https://a.org/x.mp4\n")
  rules = exclusions.Exclusions.read(tmp_path / "no.txt")
  assert rules.reason(id="https://a.org/x.mp4")


def test_a_list_that_is_not_there_is_named(tmp_path):
  with pytest.raises(errors.DataError, match=r"no\.txt cannot be read"):
    exclusions.Exclusions.read(tmp_path / "no.txt")
  (tmp_path / "no.txt").write_bytes(b"\xff\xfe\x00")
  with pytest.raises(errors.DataError, match=r"no\.txt cannot be read"):
    exclusions.Exclusions.read(tmp_path / "no.txt")
