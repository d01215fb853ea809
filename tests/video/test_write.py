import errno
import io
import os

import av
import clips
import numpy as np
from PIL import Image
import pytest

from lumiere_jax import errors
from lumiere_jax.video import read
from lumiere_jax.video import write

COLOURS = {
  "red": (255, 0, 0),
  "green": (0, 255, 0),
  "blue": (0, 0, 255),
  "yellow": (255, 255, 0),
  "cyan": (0, 255, 255),
  "magenta": (255, 0, 255),
  "skin": (224, 172, 105),
  "white": (255, 255, 255),
  "black": (0, 0, 0),
}


def test_mp4_keeps_smooth_motion(tmp_path):
  frames = clips.write_clip(tmp_path / "a.mp4", seconds=2.5)
  back = read.decode(tmp_path / "a.mp4", num_frames=len(frames), fps=16)
  error = np.mean((frames.astype(float) - back) ** 2)
  assert 10 * np.log10(255**2 / error) >= 35  # dB


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS.keys())
def test_mp4_keeps_colours(tmp_path, colour):
  frames = np.tile(np.uint8(colour), (4, 32, 32, 1))
  write.write_mp4(tmp_path / "a.mp4", frames, 16)
  back = read.decode(tmp_path / "a.mp4", num_frames=4, fps=16)
  np.testing.assert_allclose(back.mean((0, 1, 2)), colour, atol=2)


def test_mp4_carries_what_players_need(tmp_path):
  path = tmp_path / "a.mp4"
  clips.write_clip(path, seconds=1)
  with av.open(str(path)) as container:
    stream = container.streams.video[0]
    context = stream.codec_context
    assert (stream.codec.name, context.pix_fmt) == ("h264", "yuv420p")
    assert context.color_range == 1  # tv
    tags = context.colorspace, context.color_primaries, context.color_trc
    assert tags == (1, 1, 1)  # BT.709
    assert stream.average_rate == 16
  data = path.read_bytes()
  assert data.index(b"moov") < data.index(b"mdat")  # faststart


def test_fractional_rates_and_metadata_survive(tmp_path):
  path = tmp_path / "a.mp4"
  write.write_mp4(
    path, clips.moving(30), 30000 / 1001, metadata={"comment": "seed 7"}
  )
  assert read.probe(path).fps == pytest.approx(30000 / 1001, rel=1e-6)
  with av.open(str(path)) as container:
    assert container.metadata["comment"] == "seed 7"


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (128, 192)])
def test_the_same_frames_give_the_same_bytes(tmp_path, size):
  path, files = tmp_path / "a.mp4", set()
  for _ in range(4):
    write.write_mp4(path, clips.moving(83, *size), 16)
    files.add(path.read_bytes())
  assert len(files) == 1


def test_pieces_make_the_same_file_as_the_whole(tmp_path):
  frames = clips.moving(20)
  write.write_mp4(tmp_path / "whole.mp4", frames, 16)
  pieces = (frames[k : k + 7] for k in range(0, 20, 7))
  write.write_mp4_chunks(tmp_path / "pieces.mp4", pieces, 16)
  whole, pieces = (tmp_path / f"{n}.mp4" for n in ("whole", "pieces"))
  assert whole.read_bytes() == pieces.read_bytes()


@pytest.mark.parametrize(
  ("frames", "match"),
  [
    (np.zeros((2, 33, 32, 3), np.uint8), "works: 34x32"),
    (np.zeros((2, 32, 32, 3), np.float32), "to_uint8"),
    (np.zeros((0, 32, 32, 3), np.uint8), "T >= 1"),
    (np.zeros((32, 32, 3), np.uint8), r"\[T, H, W, 3\]"),
  ],
  ids=["odd", "float", "no frames", "no time"],
)
def test_frames_that_no_mp4_can_hold_are_refused(tmp_path, frames, match):
  with pytest.raises(errors.VideoError, match=match):
    write.write_mp4(tmp_path / "a.mp4", frames, 16)
  assert not list(tmp_path.iterdir())


def test_another_suffix_is_refused(tmp_path):
  with pytest.raises(errors.VideoError, match=r"end its name in \.mp4"):
    write.write_mp4(tmp_path / "a.avi", clips.moving(2), 16)


def test_a_full_disk_leaves_what_stood_there(tmp_path, monkeypatch):
  path = tmp_path / "a.mp4"
  path.write_bytes(b"before")

  def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(write, "_to_yuv", full)
  with pytest.raises(errors.OutputError, match=r"a\.mp4 was .*disk is full"):
    write.write_mp4(path, clips.moving(2), 16)
  assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
  assert path.read_bytes() == b"before"


def test_a_bug_leaves_nothing_either(tmp_path, monkeypatch):
  monkeypatch.setattr(write, "_to_yuv", lambda *_: 1 / 0)
  with pytest.raises(ZeroDivisionError):
    write.write_mp4(tmp_path / "a.mp4", clips.moving(2), 16)
  assert not list(tmp_path.iterdir())


def test_gif_keeps_its_length_and_frames():
  data = write.gif_bytes(clips.moving(32, 16, 16), 16)
  with Image.open(io.BytesIO(data)) as image:
    assert image.n_frames == 32
    total = 0
    for k in range(image.n_frames):
      image.seek(k)
      total += image.info["duration"]
  assert total == 2000  # ms; 16 fps is 62.5 ms, which GIF cannot say


def test_gif_and_png_are_written_whole(tmp_path):
  frames = clips.moving(3, 16, 16)
  write.write_gif(tmp_path / "new" / "a.gif", frames, 16)
  write.write_png(tmp_path / "new" / "a.png", frames[0])
  names = sorted(p.name for p in (tmp_path / "new").iterdir())
  assert names == ["a.gif", "a.png"]
  with Image.open(tmp_path / "new" / "a.png") as image:
    np.testing.assert_array_equal(np.asarray(image), frames[0])
