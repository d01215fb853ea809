"""TFDS folders opened without TensorFlow, pictures left as they were encoded.

TFDS decodes PNG and JPEG frames through TensorFlow or OpenCV, every frame of
a clip, also those that no one asked for; and a dataset with a `Video` feature
does not even open where TensorFlow is missing.  So we read the description,
say that pictures are bytes, and leave the decoding to whoever knows which
frames are wanted.
"""

from collections.abc import Mapping
import dataclasses
import json
import resource
from typing import Any

from etils import epath
import tensorflow_datasets as tfds
from tensorflow_datasets.core import dataset_info as dataset_info_lib
from tensorflow_datasets.core.data_sources import array_record

from lumiere_jax import errors

_OTHER_FILES = 512  # libraries, sockets, logs
_INFO = "dataset_info.json"
_FEATURES = "tensorflow_datasets.core.features"
_BYTES = {
  "pythonClassName": f"{_FEATURES}.tensor_feature.Tensor",
  "tensor": {"shape": {}, "dtype": "string", "encoding": "none"},
}
_LIST_OF_BYTES = {
  "pythonClassName": f"{_FEATURES}.sequence_feature.Sequence",
  "sequence": {"feature": _BYTES, "length": "-1"},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folder:
  """A built TFDS dataset.

  Attributes:
    path: the folder with dataset_info.json.
    name: of the dataset.
    file_format: "array_record" if it can be read at random.
    splits: name -> what TFDS knows of the split.
    features: how to read a record; pictures come as bytes.
  """

  path: epath.Path
  name: str
  file_format: str
  splits: Mapping[str, Any]
  features: tfds.features.FeatureConnector

  def records(self, split: str):
    """Random access to a split; its shards are opened when they are needed.

    Raises:
      DataError: no such split, or files that cannot be read at random.
    """
    if split.partition("[")[0] not in self.splits:
      raise errors.DataError(
        f"{self.path} has no split {split!r}; it has {', '.join(self.splits)}."
      )
    if self.file_format != "array_record":
      raise errors.DataError(
        f"{self.path} holds {self.file_format} files, which cannot be read at "
        "random; convert them with: python -m tensorflow_datasets.scripts.cli."
        "main convert_format --to=array_record (needs TensorFlow), or build "
        "the dataset with file_format=array_record."
      )
    allow_files(len(self.splits[split.partition("[")[0]].shard_lengths))
    try:
      return array_record.ArrayRecordDataSource(self, split=split)
    except ValueError as error:
      raise errors.DataError(
        f"{split!r} of {self.path} is empty or no slice of a split ({error}); "
        "write one as in train[:1000] or train[10%:]."
      ) from error


def read(path: epath.PathLike) -> Folder:
  """Reads the description of a dataset; opens no record.

  Raises:
    DataError: there is none at `path`, or it is damaged.
  """
  path = epath.Path(path)
  try:
    proto = dataset_info_lib.read_proto_from_builder_dir(path)
    template = tfds.core.ShardedFileTemplate(
      dataset_name=proto.name,
      data_dir=path,
      filetype_suffix=proto.file_format or "tfrecord",
    )
    splits = [
      tfds.core.SplitInfo.from_proto(split, template) for split in proto.splits
    ]
    said = json.loads((path / "features.json").read_text())
    features = tfds.features.FeatureConnector.from_json(as_bytes(said))
    # Names of classes are files beside it.
    features.load_metadata(path, feature_name=None)
  except Exception as error:  # TFDS raises whatever json and protobuf raise
    raise errors.DataError(
      f"the description of the dataset {path} cannot be read "
      f"({type(error).__name__}: {_first_line(error)}); copy "
      "dataset_info.json and features.json again."
    ) from error
  return Folder(
    path=path,
    name=proto.name,
    file_format=proto.file_format or "tfrecord",
    splits=tfds.core.SplitDict(splits),
    features=features,
  )


def allow_files(count: int) -> None:
  """Lets this process hold `count` shards open, as a global shuffle does.

  Raises:
    DataError: the system allows it fewer.
  """
  soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
  needed = count + _OTHER_FILES
  if soft == resource.RLIM_INFINITY or needed <= soft:
    return
  if hard != resource.RLIM_INFINITY and needed > hard:
    raise errors.DataError(
      f"the dataset has {count} shards and this process may open {hard} files; "
      f"allow it {needed} with `ulimit -n {needed}`, or prepare the dataset "
      "again in larger shards."
    )
  resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def as_bytes(feature: Any) -> Any:
  """A feature's JSON with every picture in it turned into bytes."""
  if isinstance(feature, list):
    return [as_bytes(one) for one in feature]
  if not isinstance(feature, dict):
    return feature
  kind = str(feature.get("pythonClassName", "")).rpartition(".")[2]
  if kind == "Video":
    return _LIST_OF_BYTES
  if kind in ("Image", "LabeledImage"):
    return _BYTES
  return {key: as_bytes(value) for key, value in feature.items()}


def find(name: str, data_dir: epath.PathLike) -> epath.Path:
  """The folder of a TFDS dataset's newest version.

  Args:
    name: as TFDS writes it: NAME, NAME/CONFIG, with :VERSION if need be.
    data_dir: the directory given to TFDS when it was built.

  Raises:
    DataError: it is not there, or has several configurations.
  """
  name, _, version = name.partition(":")
  root = epath.Path(data_dir) / name
  # NAME/VERSION or NAME/CONFIG/VERSION; object stores refuse to look deeper.
  infos = [p for depth in ("*", "*/*") for p in root.glob(f"{depth}/{_INFO}")]
  found = sorted((info.parent for info in infos), key=_version)
  found = [p for p in found if not version or p.name == version]
  if not found:
    raise errors.DataError(
      f"TFDS has no dataset {name!r} built in {data_dir}: there is no "
      f"{root}/.../{_INFO}. Build or copy it there, or name another "
      "directory as tfds:NAME@DATA_DIR."
    )
  configs = {p.parent for p in found}
  if len(configs) > 1:
    raise errors.DataError(
      f"{name} has several configurations; choose one, as in "
      f"tfds:{name}/{min(p.name for p in configs)}@{data_dir}."
    )
  return found[-1]


def _version(path: epath.Path) -> list[int]:
  return [int(n) if n.isdigit() else -1 for n in path.name.split(".")]


def _first_line(error: BaseException) -> str:
  return (str(error).strip() or "no reason given").splitlines()[0]
