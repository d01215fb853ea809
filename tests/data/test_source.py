import pickle

import clips
import numpy as np
import pytest
import tensorflow_datasets as tfds

from lumiere_jax import errors
from lumiere_jax.data import prepare
from lumiere_jax.data import source


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
  folder = tmp_path_factory.mktemp("source")
  clips.write_folder(folder / "in", ["a dog", "a cat"])
  settings = prepare.Settings(seconds=5, short="hold")
  prepare.prepare(folder / "in", folder / "out", settings=settings)
  return folder / "out"


FRAMES = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5, 1)


class TinyFrames(tfds.core.GeneratorBasedBuilder):
  """A dataset as others make them: grey frames and a label."""

  VERSION = tfds.core.Version("1.0.0")

  def _info(self):
    label = tfds.features.ClassLabel(names=["Apply_Makeup", "Archery"])
    video = tfds.features.Tensor(shape=(None, 4, 5, 1), dtype=np.uint8)
    features = tfds.features.FeaturesDict({"video": video, "label": label})
    return tfds.core.DatasetInfo(builder=self, features=features)

  def _split_generators(self, dl_manager):
    return {"test": self._generate_examples()}

  def _generate_examples(self):
    yield from enumerate(self._clips())

  def _clips(self):
    for k in range(2):
      yield {"video": FRAMES[k], "label": k}


class TinyCaptions(TinyFrames):
  """Bytes of files, with several captions each."""

  def _info(self):
    video = tfds.features.Tensor(shape=(), dtype=np.object_)
    caption = tfds.features.Sequence(tfds.features.Text())
    features = tfds.features.FeaturesDict({"video": video, "caption": caption})
    return tfds.core.DatasetInfo(builder=self, features=features)

  def _clips(self):
    yield {"video": b"bytes", "caption": ["a dog", "ein Hund"]}


class TinySounds(TinyFrames):
  """Nothing to look at."""

  def _info(self):
    features = tfds.features.FeaturesDict({"caption": tfds.features.Text()})
    return tfds.core.DatasetInfo(builder=self, features=features)

  def _clips(self):
    yield {"caption": "a song"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
  folder = tmp_path_factory.mktemp("tfds")
  for builder in (TinyFrames, TinyCaptions, TinySounds):
    builder(data_dir=folder, file_format="array_record").download_and_prepare()
  return folder


def test_a_prepared_clip_comes_with_what_is_known_of_it(dataset):
  clip = source.ClipSource(str(dataset))[1]
  assert clip.video == (dataset.parent / "in/1.mp4").read_bytes()
  assert (clip.captions, clip.duration, clip.fps) == (("a cat",), 1.0, 16.0)
  assert clip.hold
  assert "1.mp4" in clip.name


def test_it_travels_to_workers_without_open_files(dataset):
  here = source.ClipSource(str(dataset))
  there = pickle.loads(pickle.dumps(here))
  assert there._records is None
  assert (len(there), there.digest) == (2, here.digest)
  assert there[0] == here[0]


def test_frames_and_labels_of_other_datasets(data_dir):
  found = source.ClipSource(f"tfds:tiny_frames@{data_dir}", "test")
  order = [clip.captions for clip in found]
  assert sorted(order) == [("apply makeup",), ("archery",)]
  clip = found[order.index(("archery",))]
  np.testing.assert_array_equal(clip.video, np.repeat(FRAMES[1], 3, -1))
  assert (clip.duration, clip.fps, clip.hold) == (None, None, True)


def test_several_captions_are_all_kept(data_dir):
  found = source.ClipSource(f"tfds:tiny_captions@{data_dir}", "test")
  assert found[0].captions == ("a dog", "ein Hund")
  assert found[0].video == b"bytes"


def test_a_slice_of_a_split(dataset):
  assert len(source.ClipSource(str(dataset), "train[:1]")) == 1


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
  with pytest.raises(errors.DataError, match="lumiere prepare --source"):
    source.ClipSource(str(tmp_path))


def test_a_split_that_is_not_there_is_refused(dataset):
  with pytest.raises(errors.DataError, match="no split 'test'; it has train"):
    source.ClipSource(str(dataset), "test")


def test_an_empty_slice_is_refused(dataset):
  with pytest.raises(errors.DataError, match=r"empty|cannot be read"):
    source.ClipSource(str(dataset), "train[:0]")


def test_a_dataset_without_pictures_is_refused(data_dir):
  with pytest.raises(errors.DataError, match="holds caption; none is known"):
    source.ClipSource(f"tfds:tiny_sounds@{data_dir}", "test")


def test_a_dataset_not_built_yet_is_refused(tmp_path):
  with pytest.raises(errors.DataError, match="no dataset 'tiny_frames' built"):
    source.ClipSource(f"tfds:tiny_frames@{tmp_path}", "test")


class _Damaged:
  def __getitem__(self, index):
    raise ValueError("DATA_LOSS: hash mismatch")


def test_a_damaged_record_is_named(dataset):
  found = source.ClipSource(str(dataset))
  found._records = _Damaged()
  match = r"clip 1 of .*out cannot be read: DATA_LOSS.*copy them again"
  with pytest.raises(errors.DataError, match=match):
    found[1]
