"""The toybox for TFDS, with all that is known of each clip.

  import tensorflow_datasets as tfds
  from lumiere_jax.data import toybox_tfds
  builder = toybox_tfds.Toybox(size=32, num_clips={"test": 256}, data_dir=...)
  builder.download_and_prepare()

`lumiere toybox` makes what training reads: clips, captions, a manifest.  This
adds the truth, for whoever trains or measures something that needs it.  With
Apache Beam installed clips are rendered in parallel.
"""

from collections.abc import Iterator, Mapping
from importlib import util
import json
import os
import pathlib
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from lumiere_jax import errors
from lumiere_jax.data import toybox
from lumiere_jax.toybox import render
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import world

Example = dict[str, Any]
_MOST_THINGS = 3


class Toybox(tfds.core.GeneratorBasedBuilder, skip_registration=True):
  """Clips of some splits of the world; clip k is the same on every machine.

  Features of a clip of T = 80 frames at 16 a second, S pixels a side:
    video: [T, S, S, 3] uint8.
    captions: [3] texts, all true.
    things: [T, S, S, 1] uint8, which thing covers most of a pixel, from 1.
    depth: [T, S, S, 1] float32, units from the eye; infinite in the sky.
    tracks: [T, 3, 3] float32, of each thing's middle, x and y in the frame
      from 0 to 1 and its distance; NaN where there is no such thing.
    scene: JSON of all attributes; see `toybox.scene.Scene.to_dict`.
    index: of the clip in its split.
  """

  name = "toybox"
  VERSION = tfds.core.Version(f"{world.VERSION}.0.0")

  def __init__(
    self,
    *,
    size: int,
    num_clips: Mapping[str, int],
    data_dir: str | os.PathLike,
  ):
    """Says what `download_and_prepare` is to make.

    Args:
      size: pixels of a frame's side.
      num_clips: split -> how many clips of it.
      data_dir: folder of datasets.

    Raises:
      ConfigError: no such size or split, or no clips.
    """
    toybox.require_size(size)
    for split, count in num_clips.items():
      errors.require_one_of("split", split, world.SPLITS)
      if count < 1:
        raise errors.ConfigError(
          f"num_clips is {count} for {split}; render one clip or more."
        )
    self._size, self._num_clips = size, dict(num_clips)
    folder = pathlib.Path(data_dir) / f"{size}px"
    super().__init__(data_dir=folder, file_format="array_record")

  def _info(self) -> tfds.core.DatasetInfo:
    frame = (toybox.NUM_FRAMES, self._size, self._size)
    # Arrays, since TFDS's own videos and pictures want FFmpeg or TensorFlow.
    packed = lambda shape, dtype: tfds.features.Tensor(
      shape=shape, dtype=dtype, encoding=tfds.features.Encoding.ZLIB
    )
    return tfds.core.DatasetInfo(
      builder=self,
      description=__doc__,
      features=tfds.features.FeaturesDict(
        {
          "video": packed((*frame, 3), np.uint8),
          "captions": tfds.features.Sequence(tfds.features.Text()),
          "things": packed((*frame, 1), np.uint8),
          "depth": packed((*frame, 1), np.float32),
          "tracks": packed((frame[0], _MOST_THINGS, 3), np.float32),
          "scene": tfds.features.Text(),
          "index": np.int64,
        }
      ),
      disable_shuffling=True,  # clip k is record k
    )

  def _split_generators(self, dl_manager):
    del dl_manager
    return {
      split: self._generate_examples(split, count)
      for split, count in self._num_clips.items()
    }

  def _generate_examples(self, split: str, count: int):
    size = self._size
    if not util.find_spec("apache_beam"):
      return _examples(split, count, size)
    import apache_beam as beam

    return (
      f"Clips of {split}" >> beam.Create(range(count))
      | f"Spread {split}" >> beam.Reshuffle()
      | f"Render {split}" >> beam.Map(lambda k: (k, example(split, k, size)))
    )


def example(split: str, index: int, size: int) -> Example:
  """One clip and its truth; see `Toybox`."""
  scene = world.scene(split, index)
  footage = render.footage(
    scene, size, num_frames=toybox.NUM_FRAMES, fps=toybox.FPS
  )
  return {
    "video": footage.frames,
    "captions": [one.text for one in world.describe(split, index)],
    "things": footage.things[..., None],
    "depth": footage.depth[..., None].astype(np.float32),
    "tracks": _padded(scene, footage.centres),
    "scene": json.dumps(scene.to_dict()),
    "index": index,
  }


def _examples(
  split: str, count: int, size: int
) -> Iterator[tuple[int, Example]]:
  for index in range(count):
    yield index, example(split, index, size)


def _padded(scene: scenes.Scene, centres: np.ndarray) -> np.ndarray:
  missing = _MOST_THINGS - len(scene.things)
  return np.pad(centres, ((0, 0), (0, missing), (0, 0)), constant_values=np.nan)
