"""Which clips were seen before, among all clips of a dataset at once.

Two fingerprints that differ in at most d bits agree wholly in one of d + 1
bands of bits, so only those that share a band are compared: exact, and done by
sorting arrays, of which thirty million clips need a gigabyte.
"""

import collections
from collections.abc import Iterable
import dataclasses

import numpy as np

from lumiere_jax.data import making
from lumiere_jax.provenance import manifest

_BITS = 256
# A picture without edges has almost no bits, or almost all: they say nothing.
_TELLING = 16


class Copies:
  """Leaves out what was seen before; the first in order stays.

  Clips of one file are not compared: two shots of one scene look alike, and
  neither is a copy.
  """

  def __init__(self, entries: Iterable[making.Entry], max_distance: int):
    """Looks over all clips.

    Args:
      entries: in order.
      max_distance: bits by which two may differ; -1 finds equal bytes alone.
    """
    codes, files, numbers = [], [], {}
    for entry in entries:
      if entry.record is not None:
        codes.append(_code(entry.record, max_distance))
        path = entry.record.path
        files.append(numbers.setdefault(path, len(numbers)))
    codes = np.frombuffer(b"".join(codes), np.uint8).reshape(-1, _BITS // 8)
    self._originals = originals(codes, np.array(files, int), max_distance)
    self._named = set(self._originals[self._originals >= 0].tolist())
    self._names: dict[int, str] = {}
    self._place = 0

  def judge(self, entry: making.Entry) -> making.Entry:
    """The entry, or what it becomes if it was seen before.

    To be asked of all entries, in order.
    """
    if entry.record is None:
      return entry
    place, self._place = self._place, self._place + 1
    if place in self._named:
      self._names[place] = entry.id
    original = int(self._originals[place])
    if original < 0:
      return entry
    reason = f"looks like {self._names[original]}"
    return dataclasses.replace(
      entry, kind="duplicate", reason=reason, record=None
    )


def originals(
  codes: np.ndarray, files: np.ndarray, max_distance: int
) -> np.ndarray:
  """For each clip the place of the first kept one that it is a copy of.

  Args:
    codes: [N, 32] uint8, fingerprints.
    files: [N] int, which file each was cut from; those of one are no copies.
    max_distance: bits by which copies may differ.

  Returns:
    [N] int, -1 for those to keep.
  """
  found = np.full(len(codes), -1)
  if not len(codes):
    return found
  groups, firsts = _groups(codes)
  near = _near_groups(codes[firsts], max(max_distance, 0))
  sizes = np.bincount(groups)
  kept = collections.defaultdict(list)
  doubtful = (sizes > 1) | np.isin(np.arange(len(sizes)), list(near))
  for place in np.flatnonzero(doubtful[groups]).tolist():
    group = int(groups[place])
    earlier = [
      other
      for one in (group, *near.get(group, ()))
      for other in kept[one]
      if files[other] != files[place]
    ]
    if earlier:
      found[place] = min(earlier)
    else:
      kept[group].append(place)
  return found


def _code(record: manifest.ClipRecord, max_distance: int) -> bytes:
  """The fingerprint, or what only equal bytes share."""
  count = int(record.fingerprint or "0", 16).bit_count()
  if max_distance >= 0 and _TELLING <= count <= _BITS - _TELLING:
    return bytes.fromhex(record.fingerprint)
  return bytes.fromhex(record.stored_sha256)


def _groups(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """([N] group of equal codes, [G] the first place of each group)."""
  words = np.ascontiguousarray(codes).view(np.uint64)
  order = np.lexsort(words.T)  # stable, so the first of a group comes first
  is_new = np.ones(len(order), bool)
  is_new[1:] = (words[order[1:]] != words[order[:-1]]).any(1)
  groups = np.empty(len(order), int)
  groups[order] = np.cumsum(is_new) - 1
  return groups, order[is_new]


def _near_groups(codes: np.ndarray, max_distance: int) -> dict[int, set[int]]:
  """Which codes, all different, are near which."""
  words = np.ascontiguousarray(codes).view(np.uint64)
  near = collections.defaultdict(set)
  if not max_distance:
    return near
  for band in range(max_distance + 1):
    keys = _band(codes, band, max_distance + 1)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    left, step = np.arange(len(order)), 0
    while len(left):
      step += 1
      left = left[left + step < len(order)]
      left = left[keys[left] == keys[left + step]]
      one, other = order[left], order[left + step]
      differ = np.bitwise_count(words[one] ^ words[other]).sum(1)
      is_near = differ <= max_distance
      for a, b in zip(
        one[is_near].tolist(), other[is_near].tolist(), strict=True
      ):
        near[a].add(b)
        near[b].add(a)
  return near


def _band(codes: np.ndarray, band: int, count: int) -> np.ndarray:
  """[N] uint64 keys, equal where a band of bits is.

  Every `count`-th bit: neighbours in a picture say the same, so a stretch of
  them would be equal far too often.
  """
  keys = np.zeros(len(codes), np.uint64)
  for bit in range(band, _BITS, count):
    value = (codes[:, bit // 8] >> np.uint8(7 - bit % 8)) & 1
    keys = (keys << np.uint64(1) | keys >> np.uint64(63)) ^ value
  return keys
