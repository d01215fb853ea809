"""Mutated videos, by a seed: what a crawl of the web brings home."""

from collections.abc import Iterator
import dataclasses
import io
import struct

import av
import clips
import numpy as np

from lumiere_jax.video import write

FPS = 25
COUNT = 12  # frames


@dataclasses.dataclass(frozen=True)
class Mutation:
  """One file.

  Attributes:
    name: what was done.
    data: its bytes.
    frames: [T, H, W, 3] uint8 it must decode to, at 25 a second from its
      start; None if it may also be refused.
    is_bad: whether it must be refused.
  """

  name: str
  data: bytes
  frames: np.ndarray | None = None
  is_bad: bool = False


def make(count: int, seed: int = 0) -> Iterator[Mutation]:
  """Yields `count` files, each kind in turn."""
  rng = np.random.default_rng(seed)
  for k in range(count):
    kind = KINDS[k % len(KINDS)]
    yield kind(rng)


def _plain(rng, **kwargs):
  height, width = kwargs.pop("size", (48, 64))
  frames = clips.moving(COUNT, height, width)
  frames = np.roll(frames, int(rng.integers(0, 40)), axis=2)
  return frames, clips.encode(frames, **kwargs)


def _flips(rng):
  _, data = _plain(rng)
  data = bytearray(data)
  for place in rng.integers(0, len(data), int(rng.integers(1, 40))):
    data[place] ^= 1 << int(rng.integers(8))
  return Mutation("bits flipped", bytes(data))


def _burst(rng):
  _, data = _plain(rng)
  start = int(rng.integers(0, len(data) - 200))
  noise = rng.bytes(200)
  return Mutation(
    "200 bytes of noise", data[:start] + noise + data[start + 200 :]
  )


def _header(rng):
  _, data = _plain(rng)
  data, start = bytearray(data), data.index(b"moov")
  for place in rng.integers(start, len(data), 8):
    data[place] = int(rng.integers(256))
  return Mutation("index damaged", bytes(data))


def _truncated(rng):
  _, data = _plain(rng)
  return Mutation("truncated", data[: int(rng.integers(1, len(data)))])


def _empty(rng):
  del rng
  return Mutation("zero length", b"", is_bad=True)


def _noise(rng):
  return Mutation(
    "no video", rng.bytes(int(rng.integers(1, 5000))), is_bad=True
  )


def _container(rng):
  fmt = str(rng.choice(["matroska", "avi", "mov", "mpegts"]))
  frames, data = _plain(rng, fmt=fmt)
  return Mutation(f"{fmt} called mp4", data, frames)


def _one_frame(rng):
  frames, _ = _plain(rng)
  return Mutation("1 frame", clips.encode(frames[:1]), frames[:1])


def _odd(rng):
  size = (33 + 2 * int(rng.integers(8)), 41 + 2 * int(rng.integers(8)))
  frames = clips.moving(COUNT, *size)
  data = _encode(frames, "libx264", "yuv444p")
  return Mutation("odd sides", data, frames)


def _variable(rng):
  frames, _ = _plain(rng)
  pts = np.cumsum(rng.integers(1, 6, COUNT)) - 1
  data = clips.encode(frames, pts=pts)
  shown = np.searchsorted(pts - pts[0], np.arange(COUNT), side="right") - 1
  return Mutation("variable rate", data, frames[shown])


def _rotated(rng):
  quarters = int(rng.integers(1, 4))
  frames, data = _plain(rng, rotation=90 * quarters)
  shown = np.rot90(frames, quarters, axes=(1, 2))
  return Mutation("rotation metadata", data, shown)


def _ten_bit(rng):
  frames, _ = _plain(rng)
  return Mutation("10 bits", _encode(frames, "libx264", "yuv420p10le"), frames)


def _alpha(rng):
  frames, _ = _plain(rng)
  data = _encode(frames, "png", "rgba", fmt="mov")
  return Mutation("alpha", data, frames)


def _sound(rng):
  del rng
  return Mutation("sound only", clips.sound_only(), is_bad=True)


def _no_frames(rng):
  del rng
  return Mutation("no frames", clips.no_frames(), is_bad=True)


def _huge(rng):
  frames, _ = _plain(rng)
  data = bytearray(write.gif_bytes(frames, 10))
  sides = rng.integers(17_000, 65_535, 2)
  data[6:10] = struct.pack("<HH", *map(int, sides))
  return Mutation("huge declared size", bytes(data), is_bad=True)


def _long(rng):
  """An index that claims years of footage."""
  _, data = _plain(rng)
  data = bytearray(data)
  place = data.index(b"mdhd") + 16
  data[place : place + 8] = struct.pack(">II", 1, 2**31 - 1)
  return Mutation("huge declared length", bytes(data))


def _two_halves(rng):
  """Two files one after the other, as a broken download leaves them."""
  _, one = _plain(rng)
  _, other = _plain(rng)
  return Mutation("halves of two files", one[: len(one) // 2] + other)


KINDS = (
  *(_flips, _burst, _header, _truncated, _container, _empty, _one_frame, _odd),
  *(_variable, _rotated, _ten_bit, _alpha, _sound, _no_frames, _huge, _long),
  *(_two_halves, _noise),
)


def _encode(frames, codec, pix_fmt, fmt="mp4") -> bytes:
  buffer = io.BytesIO()
  with av.open(buffer, "w", format=fmt) as container:
    stream = container.add_stream(codec, rate=FPS)
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = pix_fmt
    if codec == "libx264":
      stream.options = {"crf": "5"}
    for k, frame in enumerate(frames):
      picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
      picture = picture.reformat(format=pix_fmt)
      picture.pts = k
      container.mux(stream.encode(picture))
    container.mux(stream.encode(None))
  return buffer.getvalue()
