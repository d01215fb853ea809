"""The toybox as training data: rendered as it is read, or once, into files."""

import dataclasses
import hashlib

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import pipeline
from lumiere_jax.data import prepare
from lumiere_jax.data import source as source_lib
from lumiere_jax.data import spec
from lumiere_jax.data import toybox
from lumiere_jax.data import verify
from lumiere_jax.data import view as view_lib
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import seal
from lumiere_jax.toybox import world
from lumiere_jax.video import read

HERE = prepare.Work(workers=1)
MOVING = 0  # a clip of the test split all of whose frames differ


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
  out = tmp_path_factory.mktemp("toybox") / "toys"
  report = toybox.build(out, split="test", size=16, num_clips=4, work=HERE)
  assert report.kept == 4
  return out


@pytest.fixture
def painted(monkeypatch):
  """Clips that cost nothing, each of another grey; those that were painted."""
  seen = []

  def frames(toy):
    if toy.split == "styled":  # threads of other tests may still read ahead
      seen.append(toy.index)
    if toy.index == painter.stops_at:
      raise KeyboardInterrupt
    grey = 10 * toy.index + np.arange(80)
    return np.tile(grey[:, None, None, None], (16, 16, 3)).astype(np.uint8)

  painter = frames
  painter.seen, painter.stops_at = seen, None
  monkeypatch.setattr(toybox.Toy, "frames", frames)
  return painter


def _bytes(out):
  return {
    path.name: hashlib.sha256(path.read_bytes()).hexdigest()
    for path in out.iterdir()
  }


def _view(**said):
  defaults = dict(num_frames=8, fps=4, resolution=16, frames="first")
  return defaults | dict(tokenizer=clips.tokenize, flip=False) | said


def _build(dataset, **said):
  said = dict(batch_size=2, seed=0) | said
  return pipeline.build(dataset, **_view(), **said)


def test_a_dataset_is_sound_and_says_what_it_is(dataset):
  assert verify.verify(dataset).findings == ()
  records = [manifest.from_line(line, "") for line in seal.lines(dataset)]
  assert [record.id for record in records] == [
    f"test/{k:06d}" for k in range(4)
  ]
  for k, record in enumerate(records):
    assert record.caption == world.describe("test", k)[0].text
    assert record.caption_origin == "grammar"
    assert (record.width, record.height) == (16, 16)
    assert (record.num_frames, record.fps, record.duration) == (80, 16, 5)
    assert record.licence == "Apache-2.0"
    assert record.source == f"toybox {world.VERSION}"


def test_both_kinds_hold_the_same_pixels_and_captions(dataset):
  stored = source_lib.ClipSource(str(dataset))
  rendered = toybox.ToyboxSource("toybox:16", "test")
  assert len(stored) == 4
  for k in range(4):
    ours, theirs = rendered[k], stored[k]
    assert ours.video.shape == (80, 16, 16, 3)
    assert ours.video.dtype == np.uint8
    found = read.decode_at(theirs.video, np.arange(80) / 16)
    np.testing.assert_array_equal(found, ours.video)
    assert theirs.captions == ours.captions[:1]
    assert (theirs.duration, theirs.fps) == (ours.duration, ours.fps)
    assert theirs.hold == ours.hold
    assert rendered.captions(k) == ours.captions


@pytest.mark.parametrize(
  "said",
  [dict(), dict(frames="random"), dict(frames="clip"), dict(crop=8)],
  ids=["first", "random", "clip", "crop"],
)
def test_both_kinds_show_the_same(dataset, said):
  view, shown = view_lib.View(**_view(**said)), []
  for source in (
    source_lib.ClipSource(str(dataset)),
    toybox.ToyboxSource("toybox:16", "test"),
  ):
    # A file keeps one caption of three; what is drawn comes after that draw.
    clip = source[MOVING]
    clip = dataclasses.replace(clip, captions=clip.captions[:1])
    shown.append(view(clip, np.random.default_rng(3)))
  one, other = shown
  assert (np.diff(one["video"].astype(int), axis=0) != 0).any((1, 2, 3)).all()
  np.testing.assert_array_equal(one["video"], other["video"])
  np.testing.assert_array_equal(one["tokens"], other["tokens"])


def test_a_batch_is_rendered_as_it_is_stored(dataset, monkeypatch):
  monkeypatch.setattr(toybox, "ENDLESS", 4)  # so that both are shuffled alike
  with _build(str(dataset)) as stored, _build("toybox:16?split=test") as ours:
    one, other = next(ours), next(stored)
  assert one.video.shape == (2, 8, 16, 16, 3)
  np.testing.assert_array_equal(one.video, other.video)


def test_batches_are_of_many_clips_and_can_be_gone_back_to(painted):
  with _build("toybox:16") as iterator:
    state = iterator.get_state()
    batches = [next(iterator) for _ in range(3)]
    first = [int(x) for b in batches for x in b.video[:, 0, 0, 0, 0]]
    assert len({*first}) > 3
    iterator.set_state(state)
    again = next(iterator)
  np.testing.assert_array_equal(again.video, batches[0].video)
  np.testing.assert_array_equal(again.tokens, batches[0].tokens)


@pytest.mark.parametrize("other", ["toybox:32", "toybox:16?split=test"])
def test_a_place_in_another_world_is_refused(other):
  state = _build("toybox:16").get_state()
  with pytest.raises(errors.DataError, match="interrupted on other data"):
    _build(other).set_state(state)


def test_stills_are_frames_of_the_whole_clip(dataset, tmp_path):
  out = tmp_path / "stills"
  toybox.build(out, split="test", size=16, num_clips=1, num_frames=4, work=HERE)
  stills, clip = (
    source_lib.ClipSource(spec.Part.from_text(str(where)))[0]
    for where in (out, dataset)
  )
  assert stills.fps == pytest.approx(0.8)
  assert stills.duration == clip.duration
  whole = read.decode_at(clip.video, np.arange(80) / 16 + 1e-3)
  got = read.decode_at(stills.video, np.arange(4) * 1.25 + 1e-3)
  np.testing.assert_array_equal(got, whole[::20])


def test_a_build_goes_on_where_it_stopped(tmp_path, painted):
  work = prepare.Work(workers=1, per_shard=2)
  build = lambda name: toybox.build(
    tmp_path / name / "toys",
    split="styled",
    size=16,
    num_clips=6,
    first=3,
    work=work,
  )
  build("whole")
  assert painted.seen == [3, 4, 5, 6, 7, 8]
  painted.stops_at = 6
  with pytest.raises(KeyboardInterrupt):
    build("stopped")
  out = tmp_path / "stopped/toys"
  assert not out.exists()
  assert prepare.unfinished(out) == 1
  painted.stops_at = None
  painted.seen.clear()
  build("stopped")
  assert painted.seen == [5, 6, 7, 8]
  assert _bytes(out) == _bytes(tmp_path / "whole/toys")
  assert [path.name for path in out.parent.iterdir()] == ["toys"]


def test_unfinished_work_of_other_clips_is_not_gone_on_with(tmp_path, painted):
  def build(first):
    work = prepare.Work(workers=1, per_shard=1)
    toybox.build(
      tmp_path / "toys",
      split="train",
      size=16,
      num_clips=3,
      first=first,
      work=work,
    )

  painted.stops_at = 2
  with pytest.raises(KeyboardInterrupt):
    build(0)
  painted.stops_at = None
  with pytest.raises(errors.OutputError, match="with other files; run that"):
    build(1)


def test_a_dataset_that_is_there_stays(dataset):
  with pytest.raises(errors.OutputError, match="already holds a dataset"):
    toybox.build(dataset, split="test", size=16, num_clips=1, work=HERE)


@pytest.mark.parametrize(
  ("said", "match"),
  [
    (dict(size=15), "15 pixels wide; use an even number from 16 to 512"),
    (dict(size=8), "to be 8 pixels wide"),
    (dict(size=1024), "to be 1024 pixels wide"),
    (dict(split="valid"), "--split is 'valid'; it must be one of train"),
    (dict(num_clips=0), "--num-clips is 0 and --first 0; render one clip"),
    (dict(first=-1), "--num-clips is 1 and --first -1; render one clip"),
    (dict(num_frames=81), "--num-frames is 81; a clip is rendered with 1 to"),
  ],
  ids=["odd", "small", "large", "split", "no clips", "before the first", "81"],
)
def test_a_build_of_nothing_is_refused(tmp_path, said, match):
  said = dict(split="train", size=16, num_clips=1) | said
  with pytest.raises(errors.ConfigError, match=match) as raised:
    toybox.build(tmp_path / "toys", **said)
  assert "\n" not in str(raised.value)
  assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
  ("name", "match"),
  [
    ("toybox:abc", r"toybox:abc names no size; .* is toybox:32\."),
    ("toybox:", "toybox: names no size"),
    ("toybox:15", "15 pixels wide; use an even number"),
    ("toybox:16?split=valid", "split of toybox is 'valid'; it must be one of"),
    ("toybox:16?fps=8", "the option 'fps', and takes split alone"),
  ],
  ids=["letters", "nothing", "odd", "split", "option"],
)
def test_a_world_that_is_not_there_is_refused(name, match):
  with pytest.raises(errors.ConfigError, match=match):
    _build(name)


def test_a_source_says_what_it_is():
  part = spec.Part.from_text("toybox:32?split=styled")
  source = toybox.ToyboxSource(part)
  assert repr(source) == "ToyboxSource('toybox:32', split='styled')"
  assert source.root == ""
  assert len(source) == toybox.ENDLESS
  for index in (-1, toybox.ENDLESS):
    with pytest.raises(IndexError):
      source[index]
