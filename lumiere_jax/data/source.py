"""Records of a dataset, one by one, whoever made it.

Two forms: the folder that `lumiere prepare` made, or any TFDS dataset that
holds pictures and something to call them.
"""

import dataclasses
import hashlib
import json
import os
from typing import Any

from etils import epath
import numpy as np
import tensorflow_datasets as tfds

from lumiere_jax import errors
from lumiere_jax.data import fields
from lumiere_jax.data import folder as folders
from lumiere_jax.data import spec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clip:
  """One record as read.

  Attributes:
    video: the bytes of a file, those of one picture a frame, or [T, H, W, 3]
      uint8 frames.
    captions: one or more; any of them fits the clip.
    name: what errors call it.
    duration: seconds; None where the record does not say.
    fps: native frames per second; None where the record does not say.
    hold: whether the last frame may stand for what the clip lacks.
    id: what its dataset calls it; "" where it says nothing.
  """

  video: bytes | tuple[bytes, ...] | np.ndarray
  captions: tuple[str, ...]
  name: str
  duration: float | None
  fps: float | None
  hold: bool
  id: str = ""


class ClipSource:
  """Random access to the clips of one split; opened where it is used.

  Pickled without its open files, so that worker processes open their own.

  Attributes:
    dataset: folder, or `tfds:NAME` or `tfds:NAME@DATA_DIR`.
    split: name of a split, or a slice of one such as "train[:10]".
    root: root of the dataset's manifest; "" where it has none.
    digest: identifies the records; changes when they do.
  """

  def __init__(self, dataset: spec.Part | str, split: str = "train"):
    """Raises `DataError` if there is no such dataset, split or field."""
    part = dataset
    if not isinstance(part, spec.Part):
      part = spec.Part.from_text(dataset)
    self._part, self.dataset = part, part.name
    self.split = part.split or split
    self._folder = _find(self.dataset)
    folder = folders.read(self._folder)
    self._video, self._text, self._classes = _fields(folder, part)
    self._records = folder.records(self.split)
    self._size = len(self._records)
    if not self._size:
      raise errors.DataError(f"split {split!r} of {self.dataset} is empty.")
    self.root = _root(self._folder)
    self.digest = self.root or _digest(folder)

  def __len__(self) -> int:
    """Number of clips."""
    return self._size

  def __getitem__(self, index: int) -> Clip:
    """Reads one record; raises `DataError` if it is damaged."""
    if not 0 <= index < self._size:
      raise IndexError(index)
    name = f"clip {index} of {self.dataset}"
    record = self._read(int(index), name)
    called = ""
    if "id" in record:
      called = fields.captions(record["id"], None)[0]
      name = f"{name} ({called})"
    positive = lambda key: float(record.get(key) or 0) or None
    return Clip(
      video=fields.picture(fields.get(record, self._video), name),
      captions=self._captions(record),
      name=name,
      duration=positive("duration"),
      fps=positive("fps") or self._part.fps,
      # Foreign datasets were not asked how long their clips are.
      hold=bool(record.get("hold", True)),
      id=called,
    )

  def captions(self, index: int) -> tuple[str, ...]:
    """The captions of a clip; raises `DataError` if it is damaged."""
    name = f"clip {index} of {self.dataset}"
    return self._captions(self._read(int(index), name))

  def _read(self, index: int, name: str) -> dict[str, Any]:
    try:
      if self._records is None:
        self._records = folders.read(self._folder).records(self.split)
      return self._records[index]
    except Exception as error:  # a flipped bit can break any parser
      raise errors.DataError(
        f"{name} cannot be read: {error}. The dataset's files are damaged; "
        "copy them again."
      ) from error

  def _captions(self, record: dict[str, Any]) -> tuple[str, ...]:
    if self._part.caption is not None:
      return (self._part.caption,)
    return fields.captions(fields.get(record, self._text), self._classes)

  def __getstate__(self) -> dict[str, Any]:
    return self.__dict__ | {"_records": None}

  def __repr__(self) -> str:
    return f"ClipSource({self.dataset!r}, split={self.split!r})"


def _find(dataset: str) -> epath.Path:
  if dataset.startswith(spec.PREFIX):
    name, _, data_dir = dataset[len(spec.PREFIX) :].partition("@")
    default = os.environ.get("TFDS_DATA_DIR") or tfds.core.constants.DATA_DIR
    return folders.find(name, data_dir or default)
  folder = epath.Path(dataset)
  if not (folder / "dataset_info.json").exists():
    raise errors.DataError(
      f"{dataset} is not a dataset: it has no dataset_info.json. Make one "
      "with: lumiere prepare --source CLIPS --out DATASET"
    )
  return folder


def _fields(
  folder: folders.Folder, part: spec.Part
) -> tuple[str, str | None, tuple[str, ...] | None]:
  """Paths of the picture and the caption, and the names of its classes."""
  seek = lambda asked, known, what: fields.choose(
    folder.features, asked, known, what, part.name
  )
  video = seek(part.video, fields.PICTURES, "video")
  text = seek(part.text, fields.TEXTS, "text")
  there = ", ".join(fields.paths(folder.features))
  if video is None:
    raise errors.DataError(
      f"{part.name} holds {there}; none is known to hold pictures. Name the "
      f"field: {part.name}?video=FIELD"
    )
  if text is None and part.caption is None:
    raise errors.DataError(
      f"{part.name} holds {there}; none is known to hold captions. Name the "
      f"field, {part.name}?text=FIELD, or give all clips one caption, "
      f"{part.name}?caption=WORDS"
    )
  classes = None
  if text is not None:
    classes = getattr(fields.get(folder.features, text), "names", None)
  return video, text, classes and tuple(classes)


def _root(folder: epath.Path) -> str:
  """The root of the dataset's manifest; "" if it has none."""
  manifest = folder / "manifest.json"
  if not manifest.exists():
    return ""
  try:
    return json.loads(manifest.read_text())["root"]
  except (ValueError, KeyError, TypeError) as error:
    raise errors.DataError(
      f"{manifest} is damaged ({error}); see what else is with: lumiere "
      f"verify {folder}"
    ) from error


def _digest(folder: folders.Folder) -> str:
  sizes = {
    name: [split.num_examples, split.num_bytes]
    for name, split in folder.splits.items()
  }
  said = json.dumps([folder.name, folder.path.name, sizes], sort_keys=True)
  return hashlib.sha256(said.encode()).hexdigest()
