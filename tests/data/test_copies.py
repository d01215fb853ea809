"""Copies among many clips: exact, whatever the way they are found."""

import dataclasses

import numpy as np
import pytest
import sealed

from lumiere_jax.data import copies
from lumiere_jax.data import making


def _slowly(codes, files, max_distance):
  """The rule itself, each against all before."""
  found = []
  for k, code in enumerate(codes):
    near = (
      j
      for j in range(k)
      if found[j] < 0
      and files[j] != files[k]
      and np.bitwise_count(codes[j] ^ code).sum() <= max_distance
    )
    found.append(next(near, -1))
  return found


def _clusters(seed, count=400, centres=40, flips=12):
  """[N, 32] uint8 around a few centres, some equal, some just too far."""
  rng = np.random.default_rng(seed)
  middles = rng.integers(0, 256, (centres, 32), np.uint8)
  bits = np.unpackbits(middles[rng.integers(0, centres, count)], axis=1)
  for row in bits:
    row[rng.choice(256, rng.integers(0, flips), replace=False)] ^= 1
  return np.packbits(bits, axis=1), rng.integers(0, count // 3, count)


@pytest.mark.parametrize("max_distance", [0, 1, 5, 10, 15])
def test_it_finds_what_comparing_all_with_all_finds(max_distance):
  codes, files = _clusters(max_distance)
  want = _slowly(codes, files, max_distance)
  found = copies.originals(codes, files, max_distance)
  assert found.tolist() == want
  assert 0 < sum(k >= 0 for k in want) < len(want)


def test_it_finds_none_among_none():
  none = np.zeros((0, 32), np.uint8)
  assert not len(copies.originals(none, np.zeros(0, int), 10))


def _entry(k, **changes):
  _, record = sealed.example(k)
  record = dataclasses.replace(record, **changes)
  return making.Entry(
    id=record.id,
    kind="kept",
    reason="",
    notes=(),
    record=record,
    num_bytes=1,
    thumb="",
  )


def _judged(entries, max_distance=10):
  found = copies.Copies(entries, max_distance)
  return [found.judge(entry) for entry in entries]


def test_the_first_stays_and_the_others_say_which_it_is():
  looks = "0f" * 32
  out = making.Entry(
    id="x", kind="dark", reason="", notes=(), record=None, num_bytes=0, thumb=""
  )
  entries = [
    _entry(0),
    _entry(1, fingerprint=looks),
    out,
    _entry(2, fingerprint=looks[:-1] + "0"),
    _entry(3),
  ]
  found = _judged(entries)
  assert [e.kind for e in found] == [
    *("kept", "kept", "dark", "duplicate", "kept")
  ]
  assert found[3].reason == "looks like dir/1.mp4"
  assert found[3].record is None


def test_shots_of_one_file_are_no_copies_of_each_other():
  looks = dict(fingerprint="0f" * 32)
  entries = [
    _entry(0, path="a.mp4", id="a.mp4#1", **looks),
    _entry(1, path="a.mp4", id="a.mp4#2", **looks),
    _entry(2, path="b.mp4", id="b.mp4#1", **looks),
  ]
  kinds = [entry.kind for entry in _judged(entries)]
  assert kinds == ["kept", "kept", "duplicate"]


@pytest.mark.parametrize("looks", ["0" * 64, "f" * 64, ""])
def test_pictures_without_edges_are_copies_only_if_their_bytes_are(looks):
  same = dict(fingerprint=looks, stored_sha256="ab" * 32)
  entries = [
    _entry(0, fingerprint=looks),
    _entry(1, **same),
    _entry(2, **same),
  ]
  kinds = [entry.kind for entry in _judged(entries)]
  assert kinds == ["kept", "kept", "duplicate"]


def test_what_looks_alike_may_be_kept():
  looks = dict(fingerprint="0f" * 32)
  entries = [_entry(0, **looks), _entry(1, **looks)]
  assert [e.kind for e in _judged(entries, -1)] == ["kept", "kept"]
