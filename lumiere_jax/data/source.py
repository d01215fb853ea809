"""Records of a dataset, one by one, whoever made it.

Two forms: the folder that `lumiere prepare` made, or any TFDS dataset that
holds `video` (the bytes of a file, or frames) and something to call it.
"""

import dataclasses
import hashlib
import json
from typing import Any

from etils import epath
import numpy as np
import tensorflow_datasets as tfds

from lumiere_jax import errors

_PREFIX = "tfds:"
_CAPTIONS = ("caption", "text", "label")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clip:
  """One record as read.

  Attributes:
    video: the bytes of a file, or [T, H, W, C] uint8 frames.
    captions: one or more; any of them fits the clip.
    name: what errors call it.
    duration: seconds; None where the record does not say.
    fps: native frames per second; None where the record does not say.
    hold: whether the last frame may stand for what the clip lacks.
  """

  video: bytes | np.ndarray
  captions: tuple[str, ...]
  name: str
  duration: float | None
  fps: float | None
  hold: bool


class ClipSource:
  """Random access to the clips of one split; opened where it is used.

  Pickled without its open files, so that worker processes open their own.

  Attributes:
    dataset: folder, or `tfds:NAME` or `tfds:NAME@DATA_DIR`.
    split: name of a split, or a slice of one such as "train[:10]".
    digest: identifies the records; changes when they do.
  """

  def __init__(self, dataset: str, split: str = "train"):
    """Raises `DataError` if there is no such dataset or split."""
    self.dataset, self.split = str(dataset), split
    builder = _builder(self.dataset)
    _require_split(builder, split, self.dataset)
    self._caption_key = _caption_key(builder, self.dataset)
    self._names = getattr(
      builder.info.features[self._caption_key], "names", None
    )
    self._records = _open(builder, split, self.dataset)
    self._size = len(self._records)
    if not self._size:
      raise errors.DataError(f"split {split!r} of {self.dataset} is empty.")
    self.digest = _digest(builder)

  def __len__(self) -> int:
    """Number of clips."""
    return self._size

  def __getitem__(self, index: int) -> Clip:
    """Reads one record; raises `DataError` if it is damaged."""
    if self._records is None:
      self._records = _open(_builder(self.dataset), self.split, self.dataset)
    if not 0 <= index < self._size:
      raise IndexError(index)
    name = f"clip {index} of {self.dataset}"
    try:
      record = self._records[int(index)]
    except (ValueError, RuntimeError, OSError) as error:
      raise errors.DataError(
        f"{name} cannot be read: {error}. The dataset's files are damaged; "
        "copy them again."
      ) from error
    if "path" in record:
      name = f"{name} ({_text(record['path'])})"
    return self._clip(record, name)

  def _clip(self, record: dict[str, Any], name: str) -> Clip:
    video = record["video"]
    if not isinstance(video, bytes):
      video = _rgb(np.asarray(video), name)
    positive = lambda key: float(record.get(key) or 0) or None
    return Clip(
      video=video,
      captions=self._captions(record[self._caption_key]),
      name=name,
      duration=positive("duration"),
      fps=positive("fps"),
      # Foreign datasets were not asked how long their clips are.
      hold=bool(record.get("hold", True)),
    )

  def _captions(self, value: Any) -> tuple[str, ...]:
    if self._names:
      return (self._names[int(value)].replace("_", " "),)
    if isinstance(value, list | tuple | np.ndarray) and np.ndim(value):
      return tuple(_text(one) for one in value)
    return (_text(value),)

  def __getstate__(self) -> dict[str, Any]:
    return self.__dict__ | {"_records": None}

  def __repr__(self) -> str:
    return f"ClipSource({self.dataset!r}, split={self.split!r})"


def _builder(dataset: str):
  if dataset.startswith(_PREFIX):
    name, _, data_dir = dataset[len(_PREFIX) :].partition("@")
    try:
      return tfds.builder(
        name, data_dir=data_dir or None, file_format="array_record"
      )
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
      raise errors.DataError(
        f"TFDS knows no dataset {name!r} here ({_first_line(error)}); write "
        f"{_PREFIX}NAME or {_PREFIX}NAME@DATA_DIR."
      ) from error
  folder = epath.Path(dataset)
  if not (folder / "dataset_info.json").exists():
    raise errors.DataError(
      f"{dataset} is not a dataset: it has no dataset_info.json. Make one "
      "with: lumiere prepare --source CLIPS --out DATASET"
    )
  return tfds.builder_from_directory(folder)


def _require_split(builder, split: str, dataset: str) -> None:
  splits = builder.info.splits
  if not splits:
    raise errors.DataError(
      f"{dataset} is known but not built in {builder.data_dir}; build it "
      "there with file_format=array_record, or name another folder as "
      f"{_PREFIX}NAME@DATA_DIR."
    )
  if split.partition("[")[0] not in splits:
    raise errors.DataError(
      f"{dataset} has no split {split!r}; it has {', '.join(splits)}."
    )


def _caption_key(builder, dataset: str) -> str:
  features = builder.info.features
  key = next((key for key in _CAPTIONS if key in features), None)
  if key is None or "video" not in features:
    raise errors.DataError(
      f"{dataset} holds {', '.join(features)}; a dataset of clips needs "
      f"`video` and one of {', '.join(_CAPTIONS)}."
    )
  return key


def _open(builder, split: str, dataset: str):
  try:
    return builder.as_data_source(split=split)
  except (NotImplementedError, ValueError) as error:
    raise errors.DataError(
      f"split {split!r} of {dataset} cannot be read at random "
      f"({_first_line(error)}); build it with file_format=array_record."
    ) from error


def _digest(builder) -> str:
  report = epath.Path(builder.data_dir) / "report.json"
  if report.exists():
    return json.loads(report.read_text())["digest"]
  sizes = {
    k: [s.num_examples, s.num_bytes] for k, s in builder.info.splits.items()
  }
  said = json.dumps([builder.info.full_name, sizes], sort_keys=True)
  return hashlib.sha256(said.encode()).hexdigest()


def _rgb(frames: np.ndarray, name: str) -> np.ndarray:
  if frames.ndim == 4 and frames.dtype == np.uint8 and len(frames):
    if frames.shape[-1] == 1:
      return np.repeat(frames, 3, axis=-1)
    if frames.shape[-1] == 3:
      return frames
  raise errors.DataError(
    f"{name} holds {frames.dtype} video of shape {frames.shape}; frames are "
    "uint8 [T, H, W, 3] or [T, H, W, 1], or the bytes of a video file."
  )


def _text(value: Any) -> str:
  return value.decode() if isinstance(value, bytes) else str(value)


def _first_line(error: BaseException) -> str:
  return (str(error).strip() or type(error).__name__).splitlines()[0]
