"""Whether a clip was in the training set of given weights.

run.json names the datasets that a run saw, its parents' among them, with the
root of each; the datasets' manifests list their clips.  A clip is found by the
hash of its file, or of its bytes as a dataset stores them, and failing that by
what it looks like.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import hashlib
import os
import pathlib
import re
from typing import Any

import tensorflow_datasets as tfds

from lumiere_jax import errors
from lumiere_jax.data import spec
from lumiere_jax.provenance import exclusions
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import merkle
from lumiere_jax.provenance import run_record
from lumiere_jax.provenance import seal as seals

# A quotation mark within a caption has a backslash, so this finds the field.
_FINGERPRINT = re.compile(rb'"fingerprint": "([0-9a-f]{64})"')
_STAGES = ("t2i", "base", "ssr")

# (clips searched, clips in all, name of the dataset) now and then.
OnClips = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Match:
  """A clip that the weights were trained on.

  Attributes:
    id: of the clip in its dataset.
    dataset: where that is.
    root: of the dataset's manifest.
    through: the run that saw it, if not the audited one; else "".
    distance: bits of 256 by which it looks different; None if it is the very
      file.
  """

  id: str
  dataset: str
  root: str
  through: str = ""
  distance: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
  """What is known of a clip.

  Attributes:
    sha256: of the file.
    fingerprints: of the whole clip and of its shots; none if it cannot be
      decoded.
    matches: the very file first, then by how much alike they look.
    searched: clips that it was compared with.
    unknown: a sentence for each dataset that could not be searched.
  """

  sha256: str
  fingerprints: tuple[str, ...]
  matches: tuple[Match, ...]
  searched: int
  unknown: tuple[str, ...]


def audit(
  workdir: os.PathLike | str,
  clip: os.PathLike | str,
  *,
  fingerprints: Sequence[str] = (),
  dataset: os.PathLike | str | None = None,
  max_distance: int = exclusions.MAX_DISTANCE,
  on_clips: OnClips | None = None,
) -> Answer:
  """Looks for a clip in all that a run's weights were trained on.

  Args:
    workdir: folder of a run, or of runs as t2i/, base/ and ssr/.
    clip: a video file.
    fingerprints: of the clip and of its shots, 64 hex digits each.
    dataset: where one of the datasets is now, if it was moved.
    max_distance: bits of 256 by which two copies of a picture may differ.
    on_clips: told how far it is.

  Raises:
    WeightsError: `workdir` holds no run.
    DataError: no such clip, or a `dataset` that no run was trained on.
  """
  said = _datasets(pathlib.Path(workdir))
  seek = _Seek(_sha256(clip), fingerprints, max_distance)
  if dataset is not None:
    moved = seals.read(dataset).root
    if moved not in [one["root"] for one in said]:
      raise errors.DataError(
        f"{dataset} has root {moved[:12]}..., and {workdir} was not trained "
        f"on it but on {_names(said)}; give one of those."
      )
    said = [
      one | {"at": f"{dataset}"} if one["root"] == moved else one
      for one in said
    ]
  matches, unknown, searched = [], [], 0
  for one in said:
    try:
      size, found = seek.search(one, on_clips)
    except errors.DataError as error:
      unknown.append(str(error))
      continue
    searched += size
    matches += found
  key = lambda match: -1 if match.distance is None else match.distance
  return Answer(
    sha256=seek.sha256,
    fingerprints=tuple(fingerprints),
    matches=tuple(sorted(matches, key=key)),
    searched=searched,
    unknown=tuple(unknown),
  )


def _datasets(workdir: pathlib.Path) -> list[dict[str, Any]]:
  """What all runs in a folder were trained on, each dataset once."""
  runs = [workdir]
  if not (workdir / run_record.FILE).is_file():
    runs = [workdir / stage for stage in _STAGES]
    runs = [run for run in runs if (run / run_record.FILE).is_file()]
  found = []
  for run in runs or [workdir]:
    record = run_record.read(run)
    if not record.datasets:
      raise errors.WeightsError(
        f"{run / run_record.FILE} does not say what the run was trained on, "
        "since it was written by an older version; train again to have it on "
        "record."
      )
    found += record.datasets
  by_name = {}
  for one in found:  # the run's own account of a dataset goes first
    by_name.setdefault((one["root"] or one["name"], one.get("split")), one)
  return list(by_name.values())


def _sha256(clip: os.PathLike | str) -> str:
  try:
    with open(clip, "rb") as file:
      return hashlib.file_digest(file, "sha256").hexdigest()
  except OSError as error:
    raise errors.DataError(
      f"{os.fspath(clip)} cannot be read ({error.strerror}); give the video "
      "file to look for."
    ) from error


def _names(said: Sequence[Mapping[str, Any]]) -> str:
  return ", ".join(f"{d['name']} (root {d['root'][:12]}...)" for d in said)


@dataclasses.dataclass(frozen=True)
class _Seek:
  """What is looked for."""

  sha256: str
  fingerprints: Sequence[str]
  max_distance: int

  def search(
    self, said: Mapping[str, Any], on_clips: OnClips | None
  ) -> tuple[int, list[Match]]:
    """Clips of a dataset, and the matches among them; raises `DataError`."""
    folder = _locate(said)
    seal = seals.read(folder)
    ranges = _ranges(said.get("split") or "train", seal.num_clips, folder)
    tree, found, size = merkle.Tree(), [], 0
    for index, line in enumerate(seals.lines(folder)):
      tree.add(line)
      if on_clips and not index % 1000:
        on_clips(index, seal.num_clips, said["name"])
      if not any(first <= index < last for first, last in ranges):
        continue
      size += 1
      found += self._compare(line, said)
    if tree.root().hex() != seal.root:
      raise errors.DataError(
        f"{seals.LINES} in {folder} is not what was sealed, so it cannot be "
        f"searched; see what changed with: lumiere verify {folder}"
      )
    return size, found

  def _compare(self, line: bytes, said: Mapping[str, Any]) -> Iterator[Match]:
    """The match that a line is, if it is one; most are not even parsed."""
    is_exact, distance = self.sha256.encode() in line, None
    if not is_exact:
      distance = self._distance(line)
      if distance is None:
        return
    clip = manifest.from_line(line, seals.LINES)
    if is_exact and self.sha256 not in (clip.sha256, clip.stored_sha256):
      distance = self._distance(line)  # someone wrote the hash in a caption
      if distance is None:
        return
    yield Match(
      id=clip.id,
      dataset=said["name"],
      root=said["root"],
      through=said.get("through", ""),
      distance=distance,
    )

  def _distance(self, line: bytes) -> int | None:
    digits = _FINGERPRINT.search(line)
    if not digits or not self.fingerprints:
      return None
    bits = int(digits[1], 16)
    nearest = min((bits ^ int(f, 16)).bit_count() for f in self.fingerprints)
    return nearest if nearest <= self.max_distance else None


def _locate(said: Mapping[str, Any]) -> pathlib.Path:
  """Folder of a dataset, which must be the one that was trained on."""
  name, root = said["name"], said["root"]
  if not root:
    kind = "a TFDS dataset" if name.startswith(spec.PREFIX) else "not sealed"
    raise errors.DataError(
      f"{name} is {kind} and has no manifest, so its clips cannot be told; "
      "only datasets made by `lumiere prepare` can be searched."
    )
  folder = pathlib.Path(said.get("at", name))
  hint = "say where it is now with --dataset DIR."
  if not (folder / seals.FILE).is_file():
    raise errors.DataError(
      f"the dataset {name} (root {root[:12]}...) is not there any more; {hint}"
    )
  now = seals.read(folder).root
  if now != root:
    raise errors.DataError(
      f"{name} has root {now[:12]}... now and had {root[:12]}... when it was "
      f"trained on, so another dataset took its place; {hint}"
    )
  return folder


def _ranges(split: str, size: int, folder) -> list[tuple[int, int]]:
  """Which clips of the only split a slice such as "train[:90%]" means."""
  try:
    instruction = tfds.core.ReadInstruction.from_spec(split)
    known = tfds.core.SplitInfo(name="train", shard_lengths=[size], num_bytes=0)
    slices = instruction.to_absolute({"train": known})
  except (ValueError, KeyError, AssertionError) as error:
    raise errors.DataError(
      f"{split!r} is no part of {folder} ({error}), so what was trained on "
      "cannot be told."
    ) from error
  return [
    (one.from_ or 0, size if one.to is None else one.to) for one in slices
  ]
