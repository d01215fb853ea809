"""One pass over a file: shots, crops, sizes, and the times they had."""

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.video import fingerprint
from lumiere_jax.video import letterbox
from lumiere_jax.video import measure
from lumiere_jax.video import read
from lumiere_jax.video import shots
from lumiere_jax.video import transcode


def _two_shots():
  frames = clips.moving(50, 64, 96)
  frames[20:] = 255 - frames[20:][:, ::-1]
  return frames


def _psnr(ours, theirs):
  error = np.mean((ours.astype(float) - theirs) ** 2)
  return 10 * np.log10(255**2 / error)


def test_a_file_of_two_shots_becomes_two_pieces():
  data = clips.encode(_two_shots())
  first, second = transcode.pieces(data)
  assert (first.start, second.start) == (0.0, 0.8)
  assert [len(p.thumbs) for p in (first, second)] == [20, 30]
  for piece in (first, second):
    assert read.probe(piece.data) == piece.probe
  whole = read.decode(data, num_frames=50, fps=25)
  for piece, frames in ((first, whole[:20]), (second, whole[20:])):
    ours = read.decode(piece.data, num_frames=len(frames), fps=25)
    assert _psnr(ours, frames) > 35


def test_a_survey_finds_the_same_shots_without_encoding():
  found = transcode.survey(clips.encode(_two_shots()))
  assert found.thumbs.shape == (50, 27, 48)
  assert shots.find(found.thumbs) == [20]
  np.testing.assert_allclose(found.times, np.arange(50) / 25)


def test_no_cut_is_found_above_the_threshold():
  (piece,) = transcode.pieces(clips.encode(_two_shots()), threshold=255)
  assert piece.probe.num_frames == 50


def test_long_shots_are_cut_to_length():
  data = clips.encode(clips.moving(50))
  found = list(transcode.pieces(data, longest=0.8))
  assert [p.start for p in found] == [0.0, 0.8, 1.6]
  assert [p.probe.num_frames for p in found] == [20, 20, 10]


@pytest.mark.parametrize(
  ("short_side", "size"), [(32, (32, 48)), (None, (64, 96)), (100, (64, 96))]
)
def test_pieces_are_brought_down_and_never_up(short_side, size):
  encoding = transcode.Encoding(short_side=short_side)
  data = clips.encode(clips.moving(10))
  (piece,) = transcode.pieces(data, encoding=encoding)
  assert (piece.probe.height, piece.probe.width) == size


def test_time_stamps_are_kept():
  ticks = np.cumsum([0, 1, 3, 1, 5, 2, 1, 1, 4])
  data = clips.encode(clips.numbered(9), pts=ticks)
  (piece,) = transcode.pieces(data, threshold=255)
  times = ticks / 25
  shown = read.decode_at(piece.data, times)
  np.testing.assert_array_equal(clips.numbers(shown), range(9))


def test_keyframes_come_as_often_as_asked():
  encoding = transcode.Encoding(gop=0.2)
  (piece,) = transcode.pieces(clips.encode(clips.moving(50)), encoding=encoding)
  with read.index_lib.opened(piece.data) as (container, stream):
    index = read.index_lib.read(container, stream, "piece")
  assert len(index.keyframes) >= 10


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_footage_is_stored_upright(rotation):
  data = clips.encode(clips.moving(6), rotation=rotation)
  (piece,) = transcode.pieces(data, threshold=255)
  want = read.decode(data, num_frames=6, fps=25)
  ours = read.decode(piece.data, num_frames=6, fps=25)
  assert _psnr(ours, want) > 32


def _with_bars(top=16, bottom=16, left=0, right=0):
  frames = clips.moving(12, 96, 96)
  frames[:, :top] = 0
  frames[:, 96 - bottom :] = 0
  frames[:, :, :left] = 0
  frames[:, :, 96 - right :] = 0
  return frames


@pytest.mark.parametrize(
  "bars",
  [dict(), dict(top=0, bottom=0, left=20, right=20), dict(left=8, right=8)],
  ids=["letterbox", "pillarbox", "both"],
)
def test_bars_are_found_and_cut_off(bars):
  data = clips.encode(_with_bars(**bars))
  box = letterbox.survey(data)
  for side, size in (dict(top=16, bottom=16, left=0, right=0) | bars).items():
    found = getattr(box, side)
    assert found == 0 if size == 0 else size <= found <= size + 6
  (piece,) = transcode.pieces(data, box=box, threshold=255)
  want = read.decode(data, num_frames=12, fps=25)
  want = want[:, box.top : 96 - box.bottom, box.left : 96 - box.right]
  ours = read.decode(piece.data, num_frames=12, fps=25)
  assert ours.shape == want[:, : ours.shape[1], : ours.shape[2]].shape
  assert _psnr(ours, want[:, : ours.shape[1], : ours.shape[2]]) > 30


@pytest.mark.parametrize(
  "frames",
  [
    clips.moving(4, 96, 96),
    np.zeros((4, 96, 96, 3), np.uint8),
    _with_bars(top=30, bottom=4),
    _with_bars(top=1, bottom=1),
  ],
  ids=["none", "all dark", "uneven", "a line"],
)
def test_what_is_no_letterbox_is_left(frames):
  assert letterbox.find(frames).is_empty


def test_damage_is_refused():
  data = bytearray(clips.encode(clips.moving(40)))
  for place in range(len(data) // 3, len(data) // 2, 50):
    data[place] ^= 0xFF
  with pytest.raises(errors.VideoError):
    list(transcode.pieces(bytes(data)))
  with pytest.raises(errors.VideoError):
    transcode.survey(bytes(data))


def test_motion_and_light_tell_clips_apart():
  thumbs = lambda frames: transcode.survey(clips.encode(frames)).thumbs
  still = np.repeat(clips.moving(1), 20, axis=0)
  assert measure.motion(thumbs(still), 25) < 1
  assert measure.motion(thumbs(clips.moving(20)), 25) > 50
  assert measure.motion(thumbs(still)[:1], 25) == 0.0
  assert measure.brightness(thumbs(still // 20)) < 20
  assert measure.brightness(thumbs(still)) > 100


def test_motion_does_not_depend_on_the_rate():
  thumbs = np.arange(24, dtype=np.uint8)[:, None, None] * np.ones(
    (1, 27, 48), np.uint8
  )
  slow = thumbs[::2]
  assert measure.motion(thumbs, 24) == measure.motion(slow, 12) == 24


def test_copies_share_their_fingerprint():
  frames = clips.moving(50, 128, 192)
  original = fingerprint.fingerprint(
    transcode.survey(clips.encode(frames)).thumbs
  )
  lighter = np.clip(frames.astype(int) + 8, 0, 255).astype(np.uint8)
  smaller = transcode.Encoding(short_side=48, crf=30)
  copies = [
    clips.encode(lighter),
    next(transcode.pieces(clips.encode(frames), encoding=smaller)).data,
  ]
  for copy in copies:
    found = fingerprint.fingerprint(transcode.survey(copy).thumbs)
    assert fingerprint.distance(original, found) <= fingerprint.MAX_DISTANCE
  other = fingerprint.fingerprint(
    transcode.survey(clips.encode(frames[:, :, ::-1])).thumbs
  )
  assert fingerprint.distance(original, other) > 60


def test_near_ones_are_found_and_far_ones_are_not():
  rng = np.random.default_rng(0)
  known = [rng.bytes(32) for _ in range(200)]
  neighbours = fingerprint.Neighbours()
  for k, digits in enumerate(known):
    neighbours.add(digits.hex(), k)

  def flipped(data, count):
    value = int.from_bytes(data)
    for bit in rng.choice(256, count, replace=False):
      value ^= 1 << int(bit)
    return f"{value:064x}"

  for k in range(0, 200, 7):
    assert neighbours.find(flipped(known[k], 15)) == k
    assert neighbours.find(flipped(known[k], 40)) is None


def test_the_first_of_several_is_named():
  neighbours = fingerprint.Neighbours()
  for name in ("first", "second"):
    neighbours.add("0" * 64, name)
  assert neighbours.find("0" * 63 + "1") == "first"


def test_a_pan_is_no_cut_and_a_cut_is():
  pan = [np.full((27, 48), 30 * k % 250, np.uint8) for k in range(5)]
  assert shots.find(np.stack(pan))[:1] == [1]
  steady = np.full((6, 27, 48), 100, np.uint8)
  steady[3:] = 160
  assert shots.find(steady) == [3]
  assert shots.difference(steady[2], steady[3]) == 60
