"""The clips that could not be used, and when there are too many of them.

A pod must not stop at night because one file of ten million is torn; nor may
it train for a week on the half of its data that is left.  So a bad clip is
set aside with the reason, another takes its place, and more than a set share
of them stops the run.
"""

from collections.abc import Iterable, Mapping
import dataclasses
import json
import pathlib
from typing import Self

from absl import logging
import numpy as np

from lumiere_jax import errors

_SHOWN = 10  # warnings in the log; the file has all


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reject:
  """One clip that could not be used.

  Attributes:
    part: which dataset of the mixture, from 0.
    index: of the clip in it.
    position: in that dataset's endless shuffled order.
    reason: one sentence, with the clip's name.
  """

  part: int
  index: int
  position: int
  reason: str

  @classmethod
  def from_dict(cls, entry: Mapping) -> Self:
    """The inverse of `dataclasses.asdict`; unknown keys are passed over."""
    known = [field.name for field in dataclasses.fields(cls)]
    return cls(**{name: entry[name] for name in known})


def pack(rejects: Iterable[Reject]) -> np.ndarray:
  """[N] uint8: worker processes hand over arrays and nothing else."""
  entries = [dataclasses.asdict(reject) for reject in rejects]
  return np.frombuffer(json.dumps(entries).encode(), np.uint8)


def unpack(packed: np.ndarray) -> list[Reject]:
  """The inverse of `pack`."""
  entries = json.loads(packed.tobytes().decode())
  return [Reject.from_dict(entry) for entry in entries]


class Quarantine:
  """Keeps the list of one host, and counts.

  Attributes:
    names: of the datasets of the mixture.
    sizes: clips of each.
    max_share: of an epoch's clips that may be bad.
    host_count: hosts that share each epoch.
    path: JSONL file, one distinct clip a line; None keeps no file.
  """

  def __init__(
    self,
    names: list[str],
    sizes: list[int],
    *,
    max_share: float,
    host_count: int = 1,
    path: pathlib.Path | None = None,
  ):
    if not 0 <= max_share <= 1:
      raise errors.ConfigError(
        f"data.max_rejected is {max_share}; it is a share of the clips, from "
        "0 (the first bad clip stops the run) to 1."
      )
    self.names, self.sizes, self.path = names, sizes, path
    self.max_share, self.host_count = max_share, host_count
    self._listed: set[tuple[int, int]] = set()
    # Of the current epoch of each part: positions, so that what is seen again
    # after a resume is not counted twice.
    self._epoch: dict[int, tuple[int, set[int]]] = {}
    for reject in _read(path):
      self._listed.add((reject.part, reject.index))
      self._count(reject)

  def note(self, rejects: Iterable[Reject]) -> None:
    """Lists and counts bad clips.

    Raises:
      DataError: there are too many of them in an epoch of their dataset.
    """
    for reject in rejects:
      if (reject.part, reject.index) not in self._listed:
        self._list(reject)
      self._check(reject, self._count(reject))

  def _list(self, reject: Reject) -> None:
    self._listed.add((reject.part, reject.index))
    if len(self._listed) <= _SHOWN:
      logging.warning("set aside, another takes its place: %s", reject.reason)
    if self.path:
      self.path.parent.mkdir(parents=True, exist_ok=True)
      entry = {"dataset": self.names[reject.part]} | dataclasses.asdict(reject)
      with open(self.path, "a", encoding="utf-8") as lines:
        lines.write(json.dumps(entry, ensure_ascii=False) + "\n")

  def _count(self, reject: Reject) -> int:
    epoch = reject.position // self.sizes[reject.part]
    latest, positions = self._epoch.get(reject.part, (epoch, set()))
    if epoch != latest:
      positions = set()
    positions.add(reject.position)
    self._epoch[reject.part] = epoch, positions
    return len(positions)

  def _check(self, reject: Reject, count: int) -> None:
    size, name = self.sizes[reject.part], self.names[reject.part]
    allowed = self.max_share * size / self.host_count
    # One torn clip of a small dataset is not a share on each of many hosts.
    if count <= max(allowed, self.max_share > 0 and self.host_count > 1):
      return
    listed = f" {self.path} lists them." if self.path else ""
    raise errors.DataError(
      f"{count} of {size // self.host_count or 1} clips of {name} could not "
      f"be used in one epoch, more than data.max_rejected={self.max_share:g}; "
      f"the last because {reject.reason}{listed} Mend the dataset, or allow "
      "more."
    )


def _read(path: pathlib.Path | None) -> list[Reject]:
  if path is None or not path.exists():
    return []
  found = []
  for line in path.read_text(encoding="utf-8").splitlines():
    try:
      found.append(Reject.from_dict(json.loads(line)))
    except (ValueError, KeyError, TypeError):
      continue  # the last line of a run that was killed while it wrote
  return found
