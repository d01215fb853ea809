"""Masks as people give them: a box, a picture, a folder of pictures, a video.

White says: make this anew; black: keep it.  What is transparent counts as
white, as in picture editors that cut a hole.
"""

import pathlib
import re

import numpy as np

from lumiere_jax import errors
from lumiere_jax.video import read
from lumiere_jax.video import resize
from lumiere_jax.video import still

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
_WHITE = 128  # mean level from which a pixel is white
# Of width over height; beyond it a mask is of another picture.
_SAME_ASPECT = 0.02


def load(
  spec: str, *, times: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, str | None]:
  """Reads a mask for frames of a source.

  Args:
    spec: `box=x0,y0,x1,y1` in pixels of the source, of which `x1` and `y1` are
      the first outside, with `,t0,t1` in seconds for a part of the clip; or
      the path of a picture (the same for all frames), of a folder with a
      picture a frame, or of a video of the same length.
    times: [T] seconds of the frames.
    height: pixels of the source.
    width: likewise.

  Returns:
    [T, height, width] bool, True where it is white; and what was done to make
    it fit, None for nothing.

  Raises:
    ConfigError: it makes no sense, or selects nothing, or everything.
    VideoError: a file cannot be read, or is of another shape.
  """
  if spec.startswith("box="):
    mask, said = _box(spec, times, height, width), None
  else:
    frames = _frames(pathlib.Path(spec), times)
    frames, said = _fit(frames, height, width, spec)
    mask = frames.mean(-1) >= _WHITE
    mask = np.broadcast_to(mask, (len(times), height, width))
  if not mask.any():
    raise errors.ConfigError(
      f"the mask {spec} is black everywhere, so that there is nothing to make "
      "anew; paint white what is to change."
    )
  if mask.all():
    raise errors.ConfigError(
      f"the mask {spec} is white everywhere, so that nothing of the source "
      "would be left; paint black what is to stay, or use `lumiere sample`."
    )
  return mask, said


def _box(spec: str, times: np.ndarray, height: int, width: int) -> np.ndarray:
  parts = spec.removeprefix("box=").split(",")
  numbers = [float(p) for p in parts if re.fullmatch(r"\d+(\.\d*)?", p.strip())]
  if len(numbers) != len(parts) or len(numbers) not in (4, 6):
    raise errors.ConfigError(
      f"the mask is {spec!r}; a box is box=x0,y0,x1,y1 or "
      "box=x0,y0,x1,y1,t0,t1, pixels and seconds, such as box=10,20,60,80."
    )
  x0, y0, x1, y1 = (round(x) for x in numbers[:4])
  begin, end = numbers[4:] or (0.0, np.inf)
  if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height and begin < end):
    raise errors.ConfigError(
      f"the mask is {spec!r}, which is no box within {width}x{height} pixels; "
      "x0 < x1, y0 < y1 and t0 < t1. The whole picture is "
      f"box=0,0,{width},{height}."
    )
  mask = np.zeros((len(times), height, width), bool)
  mask[(times >= begin) & (times < end), y0:y1, x0:x1] = True
  return mask


def _frames(path: pathlib.Path, times: np.ndarray) -> np.ndarray:
  """[T or 1, h, w, 3] uint8 of a file or a folder."""
  if path.is_dir():
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in _PICTURES)
    if len(files) != len(times):
      raise errors.VideoError(
        f"{path} holds {len(files)} pictures and the clip has {len(times)} "
        "frames; give a picture a frame, or a single picture for all."
      )
    pictures = [_picture(file) for file in files]
    if len({picture.shape for picture in pictures}) > 1:
      raise errors.VideoError(
        f"the pictures in {path} are not all of one size; make them so."
      )
    return np.stack(pictures)
  if not path.is_file():
    raise errors.VideoError(
      f"there is no mask {path}; give a picture, a folder of pictures, a video "
      "or box=x0,y0,x1,y1."
    )
  if path.suffix.lower() in _PICTURES:
    return _picture(path)[None]
  return read.decode_at(path, times, hold=True)


def _picture(path: pathlib.Path) -> np.ndarray:
  return still.decode(path.read_bytes(), name=f"{path}")


def _fit(
  frames: np.ndarray, height: int, width: int, spec: str
) -> tuple[np.ndarray, str | None]:
  rows, columns = frames.shape[1:3]
  if (rows, columns) == (height, width):
    return frames, None
  if abs(columns * height / (rows * width) - 1) > _SAME_ASPECT:
    raise errors.VideoError(
      f"the mask {spec} is {columns}x{rows} and the source {width}x{height}, "
      "of another shape; paint it over a frame of the source."
    )
  said = f"the mask is {columns}x{rows} and was resized to {width}x{height}"
  return resize.resize(frames, height, width), said
