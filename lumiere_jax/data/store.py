"""Clips in a TFDS dataset of ArrayRecord files, written without TensorFlow.

The bytes of each file are kept as they are: an mp4 is 50 times smaller than
its frames, and is decoded by whoever reads it, at the size they need.
"""

from collections.abc import Iterator, Mapping
import contextlib
import io
import pathlib
import shutil
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

NAME = "lumiere_clips"
VERSION = "2.0.0"
_DESCRIPTION = "Captioned video clips; `video` holds the bytes of a file."


def features() -> tfds.features.FeaturesDict:
  """One record; see `provenance.manifest.ClipRecord` for the meanings."""
  text = tfds.features.Text
  return tfds.features.FeaturesDict(
    {
      "video": tfds.features.Tensor(shape=(), dtype=np.object_),
      "id": text(),
      "path": text(),
      "start": np.float64,
      "sha256": text(),
      "stored_sha256": text(),
      "fingerprint": text(),
      "width": np.int32,
      "height": np.int32,
      "fps": np.float64,
      "num_frames": np.int32,
      "duration": np.float64,
      "hold": np.bool_,
      "caption": text(),
      "caption_origin": text(),
      "licence": text(),
      "owner": text(),
      "source": text(),
    }
  )


class Builder(tfds.core.GeneratorBasedBuilder):
  """Writes one split, `train`, in the order the examples come in."""

  name = NAME
  VERSION = tfds.core.Version(VERSION)

  def __init__(self, examples: Iterator[Mapping[str, Any]], **kwargs):
    self._examples = examples
    super().__init__(**kwargs)

  def _info(self) -> tfds.core.DatasetInfo:
    return tfds.core.DatasetInfo(
      builder=self,
      description=_DESCRIPTION,
      features=features(),
      disable_shuffling=True,  # the reader shuffles; the manifest need not
    )

  def _split_generators(self, dl_manager):
    del dl_manager
    return {"train": self._generate_examples()}

  def _generate_examples(self):
    yield from enumerate(self._examples)


def write(folder: pathlib.Path, examples: Iterator[Mapping[str, Any]]) -> None:
  """Writes a dataset's files into an existing folder.

  Args:
    folder: readable by `tfds.builder_from_directory` afterwards.
    examples: records with the keys of `features`; at least one.
  """
  aside = folder / ".build"
  builder = Builder(examples, data_dir=aside, file_format="array_record")
  with contextlib.redirect_stdout(io.StringIO()), _silent_bars():
    builder.download_and_prepare()
  for file in pathlib.Path(builder.data_dir).iterdir():
    file.rename(folder / file.name)
  shutil.rmtree(aside)


@contextlib.contextmanager
def _silent_bars() -> Iterator[None]:
  # TFDS counts examples it does not know the number of; we show our own bar.
  tfds.disable_progress_bar()
  try:
    yield
  finally:
    tfds.enable_progress_bar()
