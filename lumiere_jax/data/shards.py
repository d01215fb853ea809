"""Records of a prepared dataset in their order, past whatever is torn.

`source.ClipSource` is for training: it asks for clip 17 and must get it.  This
is for whoever looks over a dataset whole: nothing raises, and what cannot be
read comes as the reason why.
"""

from collections.abc import Iterable, Iterator, Mapping
import dataclasses
import functools
import hashlib
import json
import pathlib
import re
from typing import Any

from array_record.python import array_record_module

from lumiere_jax.data import store

_SHARD = re.compile(r"[^/]+\.array_record-\d{5,}-of-\d{5,}")
# Read as it comes, in order, one at a time.
_OPTIONS = "readahead_buffer_size:0,max_parallelism:0"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
  """One record as found, or the place of one that cannot be read.

  Attributes:
    position: in the dataset, from 0.
    shard: name of its file.
    size: bytes of the record.
    sha256: hex digest of the bytes of its video.
    fields: the others of `manifest.ClipRecord`; None if it cannot be read.
    fault: why not.
  """

  position: int
  shard: str
  size: int = 0
  sha256: str = ""
  fields: Mapping[str, Any] | None = None
  fault: str = ""


def is_shard(name: str) -> bool:
  """Whether a file's name is that of a shard."""
  return _SHARD.fullmatch(name) is not None


def records(
  folder: pathlib.Path, names: Iterable[str] = ()
) -> Iterator[Record]:
  """Yields all records of a dataset's shards, in order.

  Args:
    folder: of the dataset.
    names: files that should be there, besides those that are.
  """
  here = {path.name for path in folder.iterdir()}
  shards = sorted(name for name in here.union(names) if is_shard(name))
  lengths = _lengths(folder, len(shards))
  position = 0
  for k, shard in enumerate(shards):
    for record in _read(folder / shard, lengths[k] if lengths else 0):
      yield dataclasses.replace(record, position=position)
      position += 1


def _lengths(folder: pathlib.Path, num_shards: int) -> list[int] | None:
  """Records of each shard as the dataset's description has it, if it can."""
  try:
    info = json.loads((folder / "dataset_info.json").read_bytes())
    (split,) = info["splits"]
    lengths = [int(length) for length in split["shardLengths"]]
  except (OSError, ValueError, KeyError, TypeError):
    return None
  return lengths if len(lengths) == num_shards else None


def _read(path: pathlib.Path, length: int) -> Iterator[Record]:
  """Yields the records of a shard; `length` of them if it does not open."""
  torn = lambda fault: Record(position=0, shard=path.name, fault=fault)
  reader, fault = _open(path)
  if reader is None:
    for _ in range(length):
      yield torn(f"{path.name} cannot be read: {fault}")
    return
  for index in range(reader.num_records()):
    try:
      (data,) = reader.read([index])
      yield _parse(path.name, data)
    except Exception as error:  # a flipped bit can break any parser
      yield torn(f"record {index} of {path.name} is damaged: {_said(error)}")
      reader.close()
      reader, _ = _open(path)  # one that failed does not read on
  reader.close()


def _open(path: pathlib.Path):
  """(reader, ""), or (None, why there is none)."""
  if not path.is_file():
    return None, "it is missing"
  try:
    reader = array_record_module.ArrayRecordReader(f"{path}", _OPTIONS)
    if reader.ok():
      return reader, ""
    reader.read([0])  # says what is wrong with it
  except Exception as error:
    return None, _said(error)
  return None, "it is cut short or damaged"


def _parse(shard: str, data: bytes) -> Record:
  fields = _features().deserialize_example_np(data)
  video = fields.pop("video")
  return Record(
    position=0,
    shard=shard,
    size=len(data),
    sha256=hashlib.sha256(video).hexdigest(),
    fields={
      name: value.decode() if isinstance(value, bytes) else value
      for name, value in fields.items()
    },
  )


@functools.cache
def _features():
  return store.features()


def _said(error: BaseException) -> str:
  return (str(error).strip() or type(error).__name__).splitlines()[0]
