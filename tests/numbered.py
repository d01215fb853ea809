"""Datasets of thousands of clips that take no time to make: one pixel each."""

import numpy as np
import tensorflow_datasets as tfds


class Numbered(tfds.core.GeneratorBasedBuilder):
  """Clip k is one frame whose pixel and caption say k."""

  VERSION = tfds.core.Version("1.0.0")

  def __init__(self, count: int, **kwargs):
    self._count = count
    super().__init__(**kwargs)

  def _info(self):
    features = {
      "video": tfds.features.Tensor(shape=(1, 1, 1, 3), dtype=np.uint8),
      "caption": tfds.features.Text(),
    }
    return tfds.core.DatasetInfo(
      builder=self,
      features=tfds.features.FeaturesDict(features),
      disable_shuffling=True,
    )

  def _split_generators(self, dl_manager):
    return {"train": self._generate_examples()}

  def _generate_examples(self):
    for k in range(self._count):
      pixel = np.array([k // 65536, k // 256 % 256, k % 256], np.uint8)
      yield k, {"video": pixel.reshape(1, 1, 1, 3), "caption": f"clip {k}"}


def write(folder, count: int, num_shards: int = 1) -> str:
  """Builds one; returns its folder, which `data.dataset` takes."""
  builder = Numbered(count, data_dir=folder, file_format="array_record")
  config = tfds.download.DownloadConfig(num_shards=num_shards)
  builder.download_and_prepare(download_config=config)
  return str(builder.data_dir)


def numbers(batch) -> list[int]:
  """Which clips a batch holds."""
  pixels = batch.video[:, 0, 0, 0].astype(int)
  return (pixels @ np.array([65536, 256, 1])).tolist()
