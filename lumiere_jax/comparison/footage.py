"""Files to measure on: real footage at the sizes and settings people have."""

from collections.abc import Sequence
import pathlib

import av
import numpy as np

from lumiere_jax import errors
from lumiere_jax.video import atomic
from lumiere_jax.video import read
from lumiere_jax.video import write

FPS = 25
_ASPECT = 16 / 9
# x264's own defaults, as most files in the world have them.
_GOP, _CRF = 250, 23


def make(
  out: pathlib.Path,
  heights: Sequence[int],
  clips: Sequence[pathlib.Path],
  seconds: float,
) -> dict[int, pathlib.Path]:
  """Writes one long mp4 for each height, unless it is there.

  Args:
    out: folder for them.
    heights: rows of each.
    clips: footage to join and repeat; made up where there is none.
    seconds: length of each.
  """
  found = {}
  for height in heights:
    path = out / f"{'real' if clips else 'made_up'}_{height}p.mp4"
    if not path.exists():
      width = 2 * round(height * _ASPECT / 2)
      frames = _real(clips, height, width) if clips else _made_up(height, width)
      _write(path, frames, height, width, round(seconds * FPS))
    found[height] = path
  return found


def _write(path, frames, height: int, width: int, count: int) -> None:
  with (
    atomic.replacing(path) as unfinished,
    av.open(str(unfinished), "w", options={"movflags": "+faststart"}) as file,
  ):
    stream = write.h264_stream(file, (height, width), FPS, crf=_CRF, gop=_GOP)
    for _, frame in zip(range(count), frames, strict=False):
      picture = av.VideoFrame.from_ndarray(frame, "rgb24")
      file.mux(stream.encode(picture.reformat(format="yuv420p")))
    file.mux(stream.encode(None))


def _real(clips: Sequence[pathlib.Path], height: int, width: int):
  """Frames of all clips, one after the other, for ever."""
  while True:
    for clip in clips:
      probe = read.probe(clip)
      for start in np.arange(0, probe.duration - 1, 1.0):
        yield from read.decode(
          clip, start=start, num_frames=FPS, fps=FPS, height=height, width=width
        )


def _made_up(height: int, width: int):
  """A textured picture under a moving camera, with noise."""
  rng = np.random.default_rng(0)
  coarse = rng.integers(0, 255, (9, 16, 3), np.uint8)
  picture = np.repeat(np.repeat(coarse, height // 4, 0), width // 4, 1)
  for k in range(1 << 30):
    y, x = 2 * k % height, 3 * k % width
    frame = picture[y : y + height, x : x + width].astype(np.int16)
    noise = rng.integers(-6, 7, frame.shape, np.int16)
    yield np.clip(frame + noise, 0, 255).astype(np.uint8)


def find(folder: pathlib.Path | None) -> list[pathlib.Path]:
  """The mp4s of a folder, at least a second each; none for None.

  Raises:
    DataError: the folder holds none.
  """
  if folder is None:
    return []
  found = [p for p in sorted(folder.rglob("*.mp4"))]
  if not found:
    raise errors.DataError(f"{folder} holds no mp4 to measure on.")
  return found
