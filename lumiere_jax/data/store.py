"""Clips in a TFDS dataset of ArrayRecord files, written without TensorFlow.

The bytes of each file are kept as they are: an mp4 is 50 times smaller than
its frames, and is decoded by whoever reads it, at the size they need.
"""

from collections.abc import Iterable, Mapping, Sequence
import functools
import pathlib
from typing import Any

from array_record.python import array_record_module
import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.proto import tf_example_pb2

NAME = "lumiere_clips"
VERSION = "2.0.0"
SPLIT = "train"
_DESCRIPTION = "Captioned video clips; `video` holds the bytes of a file."
# One record a group, so that reading one at random reads no other; one thread,
# so that the same clips give the same bytes.
_OPTIONS = "group_size:1,max_parallelism:1"


def features() -> tfds.features.FeaturesDict:
  """One record; see `provenance.manifest.ClipRecord` for the meanings."""
  text = tfds.features.Text
  return tfds.features.FeaturesDict(
    {
      "video": tfds.features.Tensor(shape=(), dtype=np.object_),
      "id": text(),
      "path": text(),
      "start": np.float64,
      "fingerprint": text(),
      "caption": text(),
      "caption_origin": text(),
      "licence": text(),
      "owner": text(),
      "source": text(),
      "sha256": text(),
      "stored_sha256": text(),
      "width": np.int32,
      "height": np.int32,
      "fps": np.float64,
      "num_frames": np.int32,
      "duration": np.float64,
      "hold": np.bool_,
    }
  )


def serialize(example: Mapping[str, Any]) -> bytes:
  """One record with the keys of `features` as it is stored."""
  data = _features().serialize_example(example)
  # TFDS leaves the order of the fields to chance.
  parsed = tf_example_pb2.Example.FromString(data)
  return parsed.SerializeToString(deterministic=True)


def write_shard(path: pathlib.Path, records: Iterable[bytes]) -> None:
  """Writes serialized records to a file."""
  writer = array_record_module.ArrayRecordWriter(str(path), _OPTIONS)
  try:
    for record in records:
      writer.write(record)
  finally:
    writer.close()


def read_shard(path: pathlib.Path) -> Iterable[bytes]:
  """Yields the serialized records of a file in order."""
  reader = array_record_module.ArrayRecordReader(str(path))
  try:
    for index in range(reader.num_records()):
      yield reader.read([index])[0]
  finally:
    reader.close()


def shard_name(index: int, count: int) -> str:
  """The name that TFDS expects of one shard of `count`."""
  return f"{NAME}-{SPLIT}.array_record-{index:05d}-of-{count:05d}"


def describe(
  folder: pathlib.Path, shard_lengths: Sequence[int], num_bytes: int
) -> None:
  """Writes dataset_info.json and features.json for shards that are there.

  Args:
    folder: holds them, named by `shard_name`.
    shard_lengths: records in each.
    num_bytes: of all records.
  """
  builder = _Builder(data_dir=folder / "unused", file_format="array_record")
  template = tfds.core.ShardedFileTemplate(
    data_dir=folder,
    dataset_name=NAME,
    split=SPLIT,
    filetype_suffix="array_record",
  )
  split = tfds.core.SplitInfo(
    name=SPLIT,
    shard_lengths=list(shard_lengths),
    num_bytes=num_bytes,
    filename_template=template,
  )
  builder.info.set_splits(tfds.core.SplitDict([split]))
  builder.info.write_to_directory(folder)


class _Builder(tfds.core.GeneratorBasedBuilder):
  """Says what the dataset is; we write its shards."""

  name = NAME
  VERSION = tfds.core.Version(VERSION)

  def _info(self) -> tfds.core.DatasetInfo:
    return tfds.core.DatasetInfo(
      builder=self,
      description=_DESCRIPTION,
      features=features(),
      disable_shuffling=True,  # the reader shuffles; the manifest need not
    )

  def _split_generators(self, dl_manager):
    raise NotImplementedError  # never asked: the shards are there already

  def _generate_examples(self):
    raise NotImplementedError


@functools.cache
def _features() -> tfds.features.FeaturesDict:
  return features()
