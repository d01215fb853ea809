"""Opt-outs: clips that must not be trained on, by whatever is known of them.

A text file, one rule a line; empty lines and those that begin with # do not
count:

  dogs/17.mp4              a clip, or all pieces of a file
  id:dogs/17.mp4           the same
  sha256:9f86d0...         a file, or bytes as a dataset stores them
  fingerprint:c3a50f...    a picture, even if it was scaled or encoded again
  owner:Ada Lovelace       all clips of an owner; capitals do not matter
  source:https://a.org/    all clips whose source begins so
"""

from collections.abc import Mapping
import dataclasses
import itertools
import os
import re
from typing import Self

from lumiere_jax import errors
from lumiere_jax.provenance import manifest

KINDS = ("id", "sha256", "fingerprint", "owner", "source")
MAX_DISTANCE = 15  # bits of 256 by which two copies of a picture may differ
_BITS = 256
_HEX = re.compile("[0-9a-f]{64}")
_PREFIX = re.compile("([A-Za-z0-9_]+):(?!//)")


@dataclasses.dataclass(frozen=True)
class Exclusions:
  """Rules that say which clips are left out.

  Attributes:
    rules: kind -> what is excluded -> where that is said.
    max_distance: bits by which a fingerprint may differ from a rule's.
  """

  rules: Mapping[str, Mapping[str, str]]
  max_distance: int = MAX_DISTANCE
  _near: Mapping[tuple[int, int], list[int]] = dataclasses.field(
    init=False, repr=False, compare=False
  )

  def __post_init__(self):
    near = {}
    for digits in self.rules.get("fingerprint", ()):
      for band in _bands(int(digits, 16), self.max_distance):
        near.setdefault(band, []).append(int(digits, 16))
    object.__setattr__(self, "_near", near)

  @classmethod
  def read(
    cls, path: os.PathLike | str, *, max_distance: int = MAX_DISTANCE
  ) -> Self:
    """Reads a file of rules.

    Raises:
      DataError: it is not there, or a line says nothing we understand; an
        opt-out that is passed over would not be one.
    """
    rules = {kind: {} for kind in KINDS}
    try:
      with open(path, encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
          if line.strip() and not line.lstrip().startswith("#"):
            kind, value = _parse(line.strip(), f"{path}:{number}")
            rules[kind].setdefault(value, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
      raise errors.DataError(
        f"{path} cannot be read as a list of exclusions ({error}); give a "
        "UTF-8 text file with one clip, hash or owner a line."
      ) from error
    return cls(rules, max_distance)

  def __len__(self) -> int:
    """Number of rules."""
    return sum(len(rules) for rules in self.rules.values())

  def reason(
    self,
    *,
    id: str = "",
    path: str = "",
    sha256: str = "",
    stored_sha256: str = "",
    fingerprint: str = "",
    owner: str = "",
    source: str = "",
  ) -> str | None:
    """Why a clip is left out, such as "is excluded by its owner (x.txt:3)".

    Each argument is as in `manifest.ClipRecord`; leave out what is not known
    yet, and ask again when it is.

    Returns:
      None if no rule forbids the clip.
    """
    found = (
      ("id", self._equal("id", id, path)),
      ("sha256", self._equal("sha256", sha256, stored_sha256)),
      ("fingerprint", self._similar(fingerprint)),
      ("owner", self._equal("owner", _folded(owner))),
      ("source", self._begins(source)),
    )
    return next(
      (
        f"is excluded by its {kind} ({place})" for kind, place in found if place
      ),
      None,
    )

  def reason_for(self, record: manifest.ClipRecord) -> str | None:
    """As `reason`, of a record."""
    return self.reason(
      id=record.id,
      path=record.path,
      sha256=record.sha256,
      stored_sha256=record.stored_sha256,
      fingerprint=record.fingerprint,
      owner=record.owner,
      source=record.source,
    )

  def _equal(self, kind: str, *values: str) -> str | None:
    rules = self.rules.get(kind, {})
    return next((rules[value] for value in values if value in rules), None)

  def _begins(self, source: str) -> str | None:
    rules = self.rules.get("source", {})
    return next((rules[r] for r in rules if source.startswith(r)), None)

  def _similar(self, digits: str) -> str | None:
    if not digits or not self._near:
      return None
    bits = int(digits, 16)
    for band in _bands(bits, self.max_distance):
      for other in self._near.get(band, ()):
        if (bits ^ other).bit_count() <= self.max_distance:
          return self.rules["fingerprint"][f"{other:064x}"]
    return None


def _bands(bits: int, max_distance: int):
  """Cuts 256 bits into one band more than may differ: one of them agrees."""
  count = min(max_distance + 1, _BITS)
  edges = [_BITS * k // count for k in range(count + 1)]
  for low, high in itertools.pairwise(edges):
    yield low, (bits >> low) & ((1 << (high - low)) - 1)


def _parse(line: str, place: str) -> tuple[str, str]:
  """Kind and value of a rule."""
  prefix = _PREFIX.match(line)
  if not prefix:
    kind, value = "id", line
    if _HEX.fullmatch(line.lower()):
      raise errors.DataError(
        f"{place}: {line[:8]}... may be the hash of a file or a fingerprint; "
        "write sha256: or fingerprint: before it."
      )
    return kind, value
  kind, value = prefix[1].lower(), line[prefix.end() :].strip()
  if kind not in KINDS:
    raise errors.DataError(
      f"{place}: {prefix[0]} is none of {', '.join(f'{k}:' for k in KINDS)}; "
      f"if {line} is the id of a clip, write id:{line}"
    )
  if not value:
    raise errors.DataError(f"{place}: nothing follows {prefix[0]}")
  if kind in ("sha256", "fingerprint"):
    value = value.lower()
    if not _HEX.fullmatch(value):
      raise errors.DataError(
        f"{place}: a {kind} has 64 hex digits, and this one is {value!r}."
      )
  return kind, _folded(value) if kind == "owner" else value


def _folded(name: str) -> str:
  return " ".join(name.casefold().split())
