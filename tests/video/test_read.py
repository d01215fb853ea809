import fractions
import struct
import types

import clips
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.video import index
from lumiere_jax.video import read
from lumiere_jax.video import write

CONTAINERS = [
  pytest.param("libx264", "mp4", id="h264 with B-frames"),
  pytest.param("libvpx-vp9", "webm", id="vp9"),
  pytest.param("libx264", "mov", id="mov"),
]


@pytest.mark.parametrize(("codec", "fmt"), CONTAINERS)
@pytest.mark.parametrize("first", [0, 1, 9, 10, 25, 50])
def test_a_seek_gives_the_same_frame_as_reading_through(codec, fmt, first):
  file = clips.encode(clips.numbered(), codec=codec, fmt=fmt)
  frames = read.decode(file, start=first / 25, num_frames=5, fps=25)
  np.testing.assert_array_equal(clips.numbers(frames), first + np.arange(5))


def test_a_tick_shows_the_frame_a_player_would_show():
  file = clips.encode(clips.numbered(), fps=25)
  frames = read.decode(file, num_frames=20, fps=16)
  ticks = np.arange(20) * 25 // 16  # at second k / 16, frame floor(25 k / 16)
  np.testing.assert_array_equal(clips.numbers(frames), ticks)


def test_variable_rate_follows_time_stamps():
  # Frames at 0, 1, 2, 10, 11, 30, ... of 25 a second: the mean rate says
  # otherwise for nearly every one.
  pts = np.array([0, 1, 2, 10, 11, 30, 31, 32, 40])
  file = clips.encode(clips.numbered(9), pts=pts)
  frames = read.decode(file, num_frames=41, fps=25)
  expected = np.searchsorted(pts, np.arange(41), side="right") - 1
  np.testing.assert_array_equal(clips.numbers(frames), expected)
  assert read.probe(file).duration == pytest.approx(41 / 25)


def test_sparse_times_come_out_in_order():
  file = clips.encode(clips.numbered())
  times = np.array([3, 4, 4, 27, 59]) / 25
  np.testing.assert_array_equal(
    clips.numbers(read.decode_at(file, times)), [3, 4, 4, 27, 59]
  )


@pytest.mark.parametrize("first", [0, 7, 31])
def test_frames_left_out_change_no_pixel_of_the_rest(first):
  file = clips.encode(clips.moving(60))
  whole = read.decode(file, num_frames=60, fps=25)
  frames = np.arange(first, 60, 3)
  found = read.decode_at(file, frames / 25)
  np.testing.assert_array_equal(found, whole[frames])


def test_a_frame_much_smaller_shows_no_unfiltered_block(monkeypatch, tmp_path):
  frames = clips.moving(30, 128, 192)
  frames += np.random.default_rng(0).integers(0, 16, frames.shape, np.uint8)
  write.write_mp4(tmp_path / "a.mp4", frames, 25, crf=36)
  small = lambda: read.decode(
    tmp_path / "a.mp4", num_frames=16, fps=16, short_side=32
  )
  ours = small()
  monkeypatch.setattr(read, "_SMALLER", 99)
  off = np.mean((ours.astype(float) - small()) ** 2)
  assert 0 < off < 255**2 / 10**4.5  # 45 dB


def test_a_missing_frame_is_read_through_to(monkeypatch):
  file = clips.encode(clips.numbered(30))
  needed = read._needed
  monkeypatch.setattr(
    read,
    "_needed",
    lambda *args: (frame for frame in needed(*args) if frame.pts != 5 * 512),
  )
  found = read.decode(file, num_frames=30, fps=25)
  np.testing.assert_array_equal(clips.numbers(found), range(30))


def test_the_second_stream_may_be_the_video():
  found = read.decode(clips.with_sound(), num_frames=5, fps=25)
  np.testing.assert_array_equal(clips.numbers(found), range(5))


def test_an_index_that_lies_costs_time_but_not_truth(monkeypatch):
  file = clips.encode(clips.numbered())
  monkeypatch.setattr(
    index.FrameIndex, "keyframe_before", lambda self, pts: int(self.pts[-1])
  )
  frames = read.decode(file, start=0.2, num_frames=3, fps=25)
  np.testing.assert_array_equal(clips.numbers(frames), [5, 6, 7])


def test_probe_says_what_is_shown():
  found = read.probe(clips.encode(clips.numbered(50, 32, 48)))
  assert found == read.Probe(
    width=48, height=32, fps=25.0, num_frames=50, duration=2.0
  )


def test_rotation_is_applied():
  frames = clips.numbered(2)
  frames[:, :16, :24] = 200  # top left
  file = clips.encode(frames, rotation=90)  # anticlockwise
  found = read.probe(file)
  assert (found.height, found.width) == (48, 32)
  frame = read.decode(file, num_frames=1, fps=25)[0]
  assert frame.shape == (48, 32, 3)
  corners = frame[[4, 4, -4, -4], [4, -4, 4, -4], 0]
  np.testing.assert_array_equal(corners > 100, [False, False, True, False])


@pytest.mark.parametrize(
  ("kwargs", "shape"),
  [
    (dict(short_side=16), (16, 24)),
    (dict(height=20, width=20), (20, 20)),
    (dict(), (32, 48)),
  ],
  ids=["short side", "both", "as shown"],
)
def test_sizes(kwargs, shape):
  file = clips.encode(clips.numbered(3))
  frames = read.decode(file, num_frames=2, fps=25, **kwargs)
  assert frames.shape == (2, *shape, 3)
  assert frames.dtype == np.uint8


def test_shrinking_averages_areas():
  # A one-pixel checkerboard is grey from afar; sampling points would keep it.
  board = np.indices((64, 64)).sum(0) % 2 * 255
  frames = np.tile(board.astype(np.uint8)[None, :, :, None], (2, 1, 1, 3))
  small = read.decode(clips.encode(frames), num_frames=1, fps=25, short_side=8)
  np.testing.assert_allclose(small, 127.5, atol=6)


def test_a_cut_is_made_as_frames_come():
  file = clips.encode(clips.moving(6))
  whole = read.decode(file, num_frames=6, fps=25)
  corner = read.decode(
    file, num_frames=6, fps=25, cut=lambda frame: frame[:8, -6:]
  )
  np.testing.assert_array_equal(corner, whole[:, :8, -6:])


def test_a_packet_without_a_frame_shows_the_frame_before():
  decoded = [types.SimpleNamespace(pts=pts) for pts in (0, 10, 30)]
  shown = read._stretch(
    iter(decoded), np.array([0, 10, 20, 30, 40]), seeked=False
  )
  assert [frame.pts for frame in shown] == [0, 10, 10, 30, 30]


def test_the_last_frame_holds_when_told():
  file = clips.encode(clips.numbered(10))
  frames = read.decode(file, num_frames=20, fps=25, hold=True)
  expected = np.minimum(np.arange(20), 9)
  np.testing.assert_array_equal(clips.numbers(frames), expected)


def test_a_clip_too_short_is_refused_with_a_way_out():
  file = clips.encode(clips.numbered(10))
  with pytest.raises(errors.VideoError, match=r"lasts 0\.40 s.*Ask for fewer"):
    read.decode(file, num_frames=20, fps=25)


@pytest.mark.parametrize(
  ("kwargs", "match"),
  [
    (dict(num_frames=0, fps=16), "num_frames=0"),
    (dict(num_frames=1, fps=0), "fps=0"),
  ],
  ids=["no frames", "no rate"],
)
def test_nonsense_is_refused(kwargs, match):
  with pytest.raises(errors.ConfigError, match=match):
    read.decode(b"", **kwargs)


def _cut(file):
  return file[: len(file) // 2]  # mp4 keeps its index at the end


BROKEN = [
  pytest.param(b"", r"empty \(0 bytes\)", id="empty"),
  pytest.param(b"not a video at all" * 99, "cannot be read", id="text"),
  pytest.param(clips.sound_only(), "no video stream", id="sound"),
  pytest.param(
    _cut(clips.encode(clips.numbered())), "cannot be read", id="cut"
  ),
  pytest.param(clips.no_frames(), "without any frame", id="none"),
]


@pytest.mark.parametrize(("data", "match"), BROKEN)
def test_a_bad_file_is_one_sentence_that_names_it(tmp_path, data, match):
  path = tmp_path / "holiday.mp4"
  path.write_bytes(data)
  for call in (read.probe, lambda p: read.decode(p, num_frames=1, fps=16)):
    with pytest.raises(errors.VideoError, match=match) as raised:
      call(path)
    assert "holiday.mp4" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_packets_of_noise_are_refused():
  file = bytearray(clips.encode(clips.numbered(10)))
  start = file.index(b"mdat") + 4
  stop = file.index(b"moov") - 4
  file[start:stop] = bytes(stop - start)
  with pytest.raises(errors.VideoError, match="damaged"):
    read.probe(bytes(file))


def test_a_missing_file_is_named(tmp_path):
  with pytest.raises(errors.VideoError, match=r"gone\.mp4 does not exist"):
    read.probe(tmp_path / "gone.mp4")


def test_an_avi_keeps_its_frames_in_order():
  # It has no time stamps, and FFmpeg makes up those of reordered frames.
  file = clips.encode(clips.numbered(12), fmt="avi")
  frames = read.decode(file, num_frames=12, fps=25)
  np.testing.assert_array_equal(clips.numbers(frames), range(12))
  later = read.decode(file, start=0.2, num_frames=7, fps=25)
  np.testing.assert_array_equal(clips.numbers(later), range(5, 12))


def test_absurd_sizes_are_refused(monkeypatch):
  monkeypatch.setattr(index, "_MOST_PIXELS", 1000)
  with pytest.raises(errors.VideoError, match="says it is 48x32 pixels"):
    read.probe(clips.encode(clips.numbered(2)))


def test_a_codec_that_is_not_known_is_refused():
  streams = types.SimpleNamespace(
    streams=types.SimpleNamespace(
      video=[types.SimpleNamespace(disposition=0, codec_context=None)]
    )
  )
  with pytest.raises(errors.VideoError, match="FFmpeg does not know"):
    index._video_stream(streams, "a.mp4")


def test_an_mp4_without_a_track_is_refused():
  file = bytearray(clips.encode(clips.numbered(10)))
  track = file.index(b"trak")
  file[track : track + 4] = b"free"
  with pytest.raises(errors.VideoError, match="holiday"):
    read.decode(bytes(file), num_frames=1, fps=25, name="holiday")


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
  path = tmp_path / "locked.mp4"
  path.write_bytes(b"not a video")

  def refuse(*args):
    raise PermissionError

  monkeypatch.setattr("builtins.open", refuse)
  with pytest.raises(errors.VideoError, match=r"locked\.mp4 cannot be read"):
    read.decode(path, num_frames=1, fps=25)


def test_absurd_pixels_are_refused():
  wide = clips.encode(clips.numbered(10), aspect=fractions.Fraction(3, 2))
  assert read.probe(wide).width == 72
  data = bytearray(wide)
  place = data.index(b"pasp") + 4
  data[place : place + 8] = struct.pack(">II", 65_000, 10)
  with pytest.raises(errors.VideoError, match="6500 times as wide as high"):
    read.probe(bytes(data))
