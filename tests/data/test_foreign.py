"""Datasets as TFDS has them: frames as pictures, labels, odd names."""

import io
import json

import clips
import numpy as np
from PIL import Image
import pytest
import tensorflow_datasets as tfds

from lumiere_jax import errors
from lumiere_jax.data import fields
from lumiere_jax.data import folder
from lumiere_jax.data import pipeline
from lumiere_jax.data import source
from lumiere_jax.data import view

SIZE = (6, 8)
CLASSES = ["ApplyEyeMakeup", "horse_riding"]


def _png(grey, channels=3):
  frame = np.full((*SIZE, channels), grey, np.uint8)
  buffer = io.BytesIO()
  Image.fromarray(frame.squeeze()).save(buffer, "png")
  buffer.seek(0)
  return buffer


def _pngs(first, count=5, channels=3):
  return [_png(first + 10 * k, channels) for k in range(count)]


image = lambda channels=3: tfds.features.Image(shape=(*SIZE, channels))


class _Foreign(tfds.core.GeneratorBasedBuilder):
  VERSION = tfds.core.Version("1.0.0")

  def _info(self):
    features = tfds.features.FeaturesDict(self.features())
    return tfds.core.DatasetInfo(
      builder=self, features=features, disable_shuffling=True
    )

  def _split_generators(self, dl_manager):
    return {"train": self._generate_examples()}

  def _generate_examples(self):
    yield from enumerate(self.clips())


class LikeUcf(_Foreign):
  def features(self):
    return {
      "video": tfds.features.Sequence(image()),
      "label": tfds.features.ClassLabel(names=CLASSES),
    }

  def clips(self):
    for k in range(2):
      yield {"video": _pngs(100 * k), "label": k}


class LikeMnist(_Foreign):
  def features(self):
    return {"image_sequence": tfds.features.Sequence(image(1))}

  def clips(self):
    yield {"image_sequence": _pngs(0, channels=1)}


class LikeDavis(_Foreign):
  def features(self):
    frame = {"frames": image(), "segmentations": image(1)}
    about = {
      "num_frames": tfds.features.Scalar(np.int32),
      "video_name": tfds.features.Text(),
    }
    return {"video": tfds.features.Sequence(frame), "metadata": about}

  def clips(self):
    frames = [{"frames": p, "segmentations": _png(0, 1)} for p in _pngs(0)]
    about = {"num_frames": 5, "video_name": "dance-jump"}
    yield {"video": frames, "metadata": about}


class LikeFlowers(_Foreign):
  def features(self):
    return {
      "image": tfds.features.Image(),
      "label": tfds.features.ClassLabel(names=["rose", "tulip"]),
    }

  def clips(self):
    yield {"image": _png(70), "label": 1}


ALL = (LikeUcf, LikeMnist, LikeDavis, LikeFlowers)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
  root = tmp_path_factory.mktemp("foreign")
  for builder in ALL:
    made = builder(data_dir=root, file_format="array_record")
    made.download_and_prepare()
  _as_video(root / "like_ucf/1.0.0/features.json", "video")
  _as_video(root / "like_mnist/1.0.0/features.json", "image_sequence")
  return root


def _as_video(path, key):
  """Says `Video`, as the real datasets do; making one needs TensorFlow."""
  said = json.loads(path.read_text())
  feature = said["featuresDict"]["features"][key]
  shape = {"dimensions": ["-1", "6", "8", "3"]}
  feature["pythonClassName"] = (
    "tensorflow_datasets.core.features.video_feature.Video"
  )
  del feature["sequence"]
  feature["video"] = {"shape": shape, "dtype": "uint8"}
  path.write_text(json.dumps(said))


def _batch(dataset, **kwargs):
  defaults = dict(
    num_frames=4,
    fps=16,
    resolution=4,
    batch_size=1,
    seed=0,
    tokenizer=clips.tokenize,
    frames="first",
    flip=False,
  )
  with pipeline.build(dataset, **defaults | kwargs) as iterator:
    return next(iterator)


def _said(batch):
  return ["".join(map(chr, row)).strip() for row in batch.tokens]


@pytest.mark.parametrize(
  ("name", "options", "said"),
  [
    ("like_ucf", "", {"apply ey", "horse ri"}),
    ("like_mnist", "?caption=two+digits", {"two digi"}),
    ("like_davis", "", {"dance-ju"}),
  ],
)
def test_frames_that_are_pictures_become_clips(data_dir, name, options, said):
  dataset = f"tfds:{name}@{data_dir}{options}"
  batch = _batch(dataset, batch_size=2)
  assert set(_said(batch)) == said
  first = batch.video[..., 0].mean((2, 3))
  np.testing.assert_array_equal(np.diff(first), np.full((2, 3), 10))


def _shown(video, **kwargs):
  clip = source.Clip(
    video=video,
    captions=("a",),
    name="clip 3",
    duration=None,
    fps=16.0,
    hold=kwargs.pop("hold", True),
  )
  options = dict(num_frames=2, fps=8, resolution=4, frames="first")
  options["tokenizer"] = clips.tokenize
  shown = view.View(**options | kwargs)
  return shown(clip, np.random.default_rng(0))["video"]


def test_only_the_frames_that_are_shown_are_decoded():
  video = tuple(picture.getvalue() for picture in _pngs(0))
  shown = _shown((video[0], b"torn", video[2], b"torn", b"torn"))
  np.testing.assert_array_equal(shown[:, 0, 0, 0], [0, 20])


def test_a_torn_frame_is_named():
  with pytest.raises(errors.VideoError, match="clip 3 cannot be read as a pic"):
    _shown((b"torn",) * 3)


def test_frames_that_may_not_be_held_must_be_enough():
  video = tuple(picture.getvalue() for picture in _pngs(0))
  with pytest.raises(errors.VideoError, match="clip 3 has 5 frames, fewer"):
    _shown(video, num_frames=4, hold=False)


def test_a_rate_can_be_given(data_dir):
  dataset = f"tfds:like_mnist@{data_dir}?caption=digits&fps=32"
  batch = _batch(dataset, num_frames=3)
  # At half of their rate, every other frame.
  np.testing.assert_array_equal(batch.video[0, :, 0, 0, 0], [0, 20, 40])


@pytest.mark.parametrize(("frames", "count"), [("clip", 1), ("random", 3)])
def test_stills_train_the_image_stage(data_dir, frames, count):
  dataset = f"tfds:like_flowers@{data_dir}"
  batch = _batch(dataset, frames=frames, num_frames=count)
  assert _said(batch) == ["tulip"]
  np.testing.assert_array_equal(batch.video, np.full((1, count, 4, 4, 3), 70))


def test_clips_shorter_than_asked_are_held(data_dir):
  dataset = f"tfds:like_mnist@{data_dir}?caption=digits"
  batch = _batch(dataset, num_frames=7)
  levels = batch.video[0, :, 0, 0, 0].tolist()
  assert levels == [0, 10, 20, 30, 40, 40, 40]


def test_a_mixture_keeps_its_proportions(data_dir):
  one, other = f"tfds:like_flowers@{data_dir}", f"tfds:like_davis@{data_dir}"
  batch = _batch(f"3 * {one} + 1 * {other}", batch_size=40, num_frames=1)
  assert sorted(set(_said(batch))) == ["dance-ju", "tulip"]
  assert _said(batch).count("tulip") == 30


@pytest.mark.parametrize("hosts", [1, 2])
def test_a_mixture_goes_on_where_it_stopped(data_dir, hosts):
  mixed = f"tfds:like_flowers@{data_dir} + tfds:like_ucf@{data_dir}"
  options = dict(num_frames=1, fps=16, resolution=4, seed=0, flip=False)
  options["tokenizer"] = clips.tokenize
  build = lambda **kwargs: pipeline.build(mixed, **options | kwargs)
  with build(batch_size=4) as alone:
    wanted = [next(alone) for _ in range(3)]
    state = alone.get_state()
  with build(batch_size=4) as alone:
    alone.set_state(state)
    last = next(alone)
  assert last.video.shape == wanted[0].video.shape
  rows = []
  for host in range(hosts):
    options |= dict(host_index=host, host_count=hosts)
    with build(batch_size=4 // hosts) as after:
      after.set_state(state)
      rows += _said(next(after))
  assert rows == _said(last)


def test_another_weight_is_other_data(data_dir):
  one, other = f"tfds:like_flowers@{data_dir}", f"tfds:like_davis@{data_dir}"
  options = dict(num_frames=1, fps=16, resolution=4, seed=0, batch_size=2)
  options["tokenizer"] = clips.tokenize
  state = pipeline.build(f"1 * {one} + 1 * {other}", **options).get_state()
  changed = pipeline.build(f"2 * {one} + 1 * {other}", **options)
  with pytest.raises(errors.DataError, match="part 0 weight was 1"):
    changed.set_state(state)


def test_fields_can_be_named(data_dir):
  part = f"tfds:like_davis@{data_dir}?video=video/segmentations"
  clip = source.ClipSource(part)[0]
  assert isinstance(clip.video, tuple)
  assert len(clip.video) == 5


@pytest.mark.parametrize(
  ("query", "match"),
  [
    (
      "video=depth",
      r"no field 'depth' to read as video; its fields are .*video/",
    ),
    ("text=words", "no field 'words' to read as text"),
  ],
)
def test_a_field_that_is_not_there_is_refused(data_dir, query, match):
  with pytest.raises(errors.DataError, match=match):
    source.ClipSource(f"tfds:like_davis@{data_dir}?{query}")


def test_a_dataset_without_captions_says_how_to_go_on(data_dir):
  with pytest.raises(errors.DataError, match=r"\?caption=WORDS"):
    source.ClipSource(f"tfds:like_mnist@{data_dir}")


def test_files_that_cannot_be_read_at_random_are_refused(data_dir):
  found = folder.read(data_dir / "like_davis/1.0.0")
  records = folder.dataclasses.replace(found, file_format="tfrecord").records
  with pytest.raises(errors.DataError, match="holds tfrecord files"):
    records("train")


def test_many_shards_may_be_open_at_once(monkeypatch):
  limits = {"now": (1024, 9000)}
  fake = dict(getrlimit=lambda _: limits["now"])
  fake["setrlimit"] = lambda _, new: limits.update(now=new)
  for name, function in fake.items():
    monkeypatch.setattr(folder.resource, name, function)
  folder.allow_files(100)
  assert limits["now"] == (1024, 9000)
  folder.allow_files(8000)
  assert limits["now"] == (8512, 9000)
  with pytest.raises(errors.DataError, match="ulimit -n 10512"):
    folder.allow_files(10_000)


def test_a_damaged_description_is_refused(data_dir, tmp_path):
  old = data_dir / "like_davis/1.0.0"
  (tmp_path / "features.json").write_text("{")
  info = (old / "dataset_info.json").read_text()
  (tmp_path / "dataset_info.json").write_text(info)
  with pytest.raises(errors.DataError, match=r"copy dataset_info\.json"):
    folder.read(tmp_path)


def test_the_newest_version_is_taken(data_dir, tmp_path):
  old = data_dir / "like_davis/1.0.0"
  for version in ("1.0.0", "1.10.0", "1.9.0"):
    (tmp_path / "d" / version).mkdir(parents=True)
    info = (old / "dataset_info.json").read_text()
    (tmp_path / "d" / version / "dataset_info.json").write_text(info)
  assert folder.find("d", tmp_path).name == "1.10.0"
  assert folder.find("d:1.9.0", tmp_path).name == "1.9.0"


def test_one_of_several_configurations_must_be_chosen(tmp_path):
  for config in ("480p", "full"):
    (tmp_path / "d" / config / "1.0.0").mkdir(parents=True)
    (tmp_path / "d" / config / "1.0.0/dataset_info.json").write_text("{}")
  with pytest.raises(errors.DataError, match="choose one, as in tfds:d/480p@"):
    folder.find("d", tmp_path)
  assert folder.find("d/full", tmp_path).parent.name == "full"


@pytest.mark.parametrize(
  "frames",
  [np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 4, 4, 2), np.uint8)],
  ids=["float", "two channels"],
)
def test_frames_that_are_no_pictures_are_refused(frames):
  with pytest.raises(errors.DataError, match="frames are uint8"):
    fields.picture(frames, "clip 3")


@pytest.mark.parametrize(
  ("name", "words"),
  [
    ("ApplyEyeMakeup", "apply eye makeup"),
    ("horse_riding", "horse riding"),
    ("dance-jump", "dance jump"),
  ],
)
def test_names_of_classes_become_words(name, words):
  assert fields.in_words(name) == words
