"""uint8 frames to files: mp4 to keep, gif and png to look at."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
import io
import itertools
import os

import av
from av.video import reformatter
import numpy as np
from PIL import Image

from lumiere_jax import errors
from lumiere_jax.video import atomic
from lumiere_jax.video import resize
from lumiere_jax.video import sound as sounds

_BT709 = 1  # the same number for matrix, primaries and transfer
_TV_RANGE = 1  # AVCOL_RANGE_MPEG, 16 to 235
_PC_RANGE = 2  # AVCOL_RANGE_JPEG, 0 to 255


def write_mp4(
  path: os.PathLike | str,
  frames: np.ndarray,
  fps: float,
  crf: int = 18,
  *,
  metadata: Mapping[str, str] | None = None,
  sound: sounds.Sound | None = None,
) -> None:
  """Writes H.264, yuv420p, BT.709, its index first so that it streams.

  Args:
    path: ends in .mp4; replaced if it exists, in one step.
    frames: [T, H, W, 3] uint8 RGB, H and W even.
    fps: frames per second.
    crf: x264's constant rate factor: 0 lossless but for chroma, 18 looks
      lossless, 51 worst.
    metadata: tags of the container, such as title and comment.
    sound: to be heard with it; None for silence.

  Raises:
    VideoError: the frames are not what is said above.
    OutputError: it could not be written; nothing stands at `path`.
  """
  write_mp4_chunks(path, [frames], fps, crf, metadata=metadata, sound=sound)


def write_mp4_chunks(
  path: os.PathLike | str,
  chunks: Iterable[np.ndarray],
  fps: float,
  crf: int = 18,
  *,
  metadata: Mapping[str, str] | None = None,
  sound: sounds.Sound | None = None,
) -> None:
  """As `write_mp4`, from pieces of the clip, for clips too long for memory.

  Args:
    path: as there.
    chunks: at least one [t, H, W, 3] uint8, all of one H and W.
    fps: as there.
    crf: as there.
    metadata: as there.
    sound: as there.

  Raises:
    VideoError: the frames are not what is said above.
    OutputError: it could not be written; nothing stands at `path`.
  """
  if not str(path).endswith(".mp4"):
    raise errors.VideoError(f"{path} is to hold an mp4; end its name in .mp4.")
  chunks = iter(chunks)
  first = next(chunks)
  require_frames(first)
  _require_even(first)
  options = {"movflags": "+faststart"}
  with (
    atomic.replacing(path) as unfinished,
    av.open(str(unfinished), "w", options=options) as container,
  ):
    container.metadata.update(metadata or {})
    stream = h264_stream(container, first.shape[1:3], fps, crf=crf)
    if sound is not None:
      sounds.encode(sound, container)
    scaler = reformatter.VideoReformatter()
    frames = itertools.chain(first, itertools.chain.from_iterable(chunks))
    for k, frame in enumerate(frames):
      container.mux(stream.encode(_to_yuv(scaler, frame, k)))
    container.mux(stream.encode(None))


def gif_bytes(frames: np.ndarray, fps: float) -> bytes:
  """[T, H, W, 3] uint8 as an animated GIF that repeats for ever."""
  require_frames(frames)
  # GIF counts hundredths of a second; rounding the times of the frames, not
  # their lengths, keeps the clip's length right.
  ends = np.rint(np.arange(len(frames) + 1) * 100 / fps).astype(int)
  images = [Image.fromarray(frame) for frame in frames]
  buffer = io.BytesIO()
  images[0].save(
    buffer,
    "GIF",
    save_all=True,
    append_images=images[1:],
    duration=[int(d) * 10 for d in np.maximum(np.diff(ends), 2)],
    loop=0,
  )
  return buffer.getvalue()


def write_gif(path: os.PathLike | str, frames: np.ndarray, fps: float) -> None:
  """Writes `gif_bytes`, whole or not at all; raises `OutputError`."""
  atomic.write_bytes(path, gif_bytes(frames, fps))


def png_bytes(image: np.ndarray) -> bytes:
  """[H, W, 3] uint8 as a PNG."""
  require_frames(image[None])
  buffer = io.BytesIO()
  Image.fromarray(image).save(buffer, "PNG")
  return buffer.getvalue()


def write_png(path: os.PathLike | str, image: np.ndarray) -> None:
  """Writes `png_bytes`, whole or not at all; raises `OutputError`."""
  atomic.write_bytes(path, png_bytes(image))


def rate(fps: float) -> Fraction:
  """A frame rate as containers say it, such as 30000/1001."""
  return Fraction(fps).limit_denominator(1001)


def require_frames(frames: np.ndarray) -> None:
  """Raises `VideoError` unless [T, H, W, 3] uint8 with T >= 1."""
  right = frames.ndim == 4 and frames.shape[-1] == 3 and frames.size
  if right and frames.dtype == np.uint8:
    return
  raise errors.VideoError(
    f"frames are {frames.dtype} of shape {frames.shape}; files take uint8 of "
    "shape [T, H, W, 3] with T >= 1. `video.pixels.to_uint8` converts from "
    "[-1, 1]."
  )


def _require_even(frames: np.ndarray) -> None:
  height, width = frames.shape[1:3]
  if height % 2 == 0 and width % 2 == 0:
    return
  raise errors.VideoError(
    f"frames are {height}x{width} (height x width), and an mp4 needs both "
    "even, since it keeps one colour for each 2x2 pixels. Nearest size that "
    f"works: {height + height % 2}x{width + width % 2}."
  )


def h264_stream(
  container,
  size: tuple[int, int],
  fps: float,
  *,
  crf: int,
  preset: str = "medium",
  gop: int | None = None,
  threads: int = 4,
):
  """Adds an H.264 stream, yuv420p, BT.709, to an open container.

  Args:
    container: of PyAV, open for writing.
    size: (height, width), both even.
    fps: frames per second, for the encoder's rate control.
    crf: see `write_mp4`.
    preset: x264's.
    gop: most frames from one keyframe to the next; None leaves it to x264.
    threads: of the encoder; its output depends on it.
  """
  stream = container.add_stream("libx264", rate=rate(fps))
  stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
  # The same frames are to give the same bytes. x264's macroblock tree does
  # not (it read memory it had not set: 6 different files from 6 calls), and
  # its output depends on the number of threads, so that is not the host's.
  stream.options = {
    "crf": str(crf),
    "preset": preset,
    "x264-params": "mbtree=0",
  } | ({"g": str(gop)} if gop else {})
  stream.thread_count = threads
  context = stream.codec_context
  context.color_range = _TV_RANGE
  context.colorspace = context.color_primaries = context.color_trc = _BT709
  return stream


def _to_yuv(scaler, frame: np.ndarray, k: int) -> av.VideoFrame:
  size = frame.shape[:2]
  yuv = scaler.reformat(
    av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24"),
    format="yuv420p",
    dst_colorspace=_BT709,
    src_color_range=_PC_RANGE,
    dst_color_range=_TV_RANGE,
    interpolation=resize.interpolation(*size, *size),
    threads=1,
  )
  yuv.color_primaries = yuv.color_trc = _BT709
  yuv.pts = k
  return yuv
