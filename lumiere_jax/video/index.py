"""When each frame of a file is shown, read from its packets alone.

Average frame rates lie for phone footage (variable rate) and for files cut
with an edit list, so every question about time is answered from the
presentation time stamps (pts) of the packets.  Reading them decodes nothing.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
from fractions import Fraction
import io
import os
import pathlib

import av
import numpy as np

from lumiere_jax import errors

Source = bytes | os.PathLike | str

# FFmpeg makes up what these lack, in the order of decoding.
_WITHOUT_PTS = ("avi", "h264", "hevc", "m4v")
# 8K and a little; a damaged header may ask for gigabytes.
_MOST_PIXELS = 8192 * 4608
_MOST_ASPECT = 16  # of one pixel; the widest in use is 64:33
# FFmpeg decodes seven frames of H.264 before it believes the container.
_NO_TRIAL = [{"skip_frame": "all"}] * 16  # one for each stream
# A time that misses a time stamp by this part of one unit means that stamp.
_TIE = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameIndex:
  """The time stamps of a stream.

  Attributes:
    pts: [N] int64, ascending, in units of `time_base`; N >= 1.
    keyframes: ascending subset of `pts` at which decoding may start.
    time_base: seconds per unit.
    duration: seconds from the first frame to the end of the last.
    is_ordinal: whether the file has no time stamps of its own (AVI), so that
      those of decoded frames are wrong and the n-th frame has the n-th.
  """

  pts: np.ndarray
  keyframes: np.ndarray
  time_base: Fraction
  duration: float
  is_ordinal: bool = False

  def shown_at(self, times: np.ndarray) -> np.ndarray:
    """pts of the frame on screen at each time; the last one after the end.

    Args:
      times: [T] seconds after the first frame.
    """
    ticks = self.pts[0] + np.asarray(times) / float(self.time_base) + _TIE
    frame = np.searchsorted(self.pts, ticks, side="right") - 1
    return self.pts[np.clip(frame, 0, len(self.pts) - 1)]

  def keyframe_before(self, pts: int) -> int:
    """The last keyframe at or before `pts`; the first if there is none."""
    return int(self.keyframes_before(np.array([pts]))[0])

  def keyframes_before(self, pts: np.ndarray) -> np.ndarray:
    """As `keyframe_before`, for each of [T] pts."""
    found = np.searchsorted(self.keyframes, pts, side="right") - 1
    return self.keyframes[np.maximum(found, 0)]


def in_order(
  frames: Iterator[av.VideoFrame], index: FrameIndex
) -> Iterator[av.VideoFrame]:
  """Gives the n-th of all frames of an ordinal file the n-th time stamp."""
  for frame, pts in zip(frames, index.pts, strict=False):
    frame.pts, frame.time_base = int(pts), index.time_base
    yield frame


def name_of(source: Source, name: str | None) -> str:
  """What an error message calls the source."""
  return name or ("the clip" if isinstance(source, bytes) else f"{source}")


@contextlib.contextmanager
def opened(
  source: Source, name: str | None = None, *, fast: bool = False
) -> Iterator:
  """Gives (container, its video stream); all that fails is `VideoError`.

  Args:
    source: the file's bytes, or its path.
    name: what errors call it.
    fast: whether to decode nothing in order to open it, where the container
      says enough; the pixel format is then known from the first frame on.
  """
  name = name_of(source, name)
  _require_content(source, name)
  try:
    with _container(source, fast and _is_mp4(source)) as container:
      yield container, _video_stream(container, name)
  except av.error.FFmpegError as error:
    reason = (error.strerror or "unknown error").lower()
    raise errors.VideoError(
      f"{name} cannot be read as a video ({reason}): it is damaged, cut "
      "short, or not a video. Replace it or take it out of the folder."
    ) from error


def read(container, stream, name: str) -> FrameIndex:
  """Reads the whole index; leaves the container at its end."""
  packets = [
    (packet.pts, packet.duration or 0, packet.is_keyframe)
    for packet in container.demux(stream)
    if packet.size and not packet.is_discard
  ]
  if any(pts is None for pts, _, _ in packets):
    packets = _decoded(container, stream)
  if not packets:
    raise errors.VideoError(
      f"{name} has a video stream without any frame; a clip needs at least "
      "one. Replace it or take it out of the folder."
    )
  packets.sort(key=lambda packet: packet[0])
  pts = np.array([packet[0] for packet in packets], np.int64)
  last = packets[-1][1] or _usual_step(pts, stream)
  return FrameIndex(
    pts=pts,
    keyframes=np.array([p[0] for p in packets if p[2]] or pts[:1], np.int64),
    time_base=stream.time_base,
    duration=float((pts[-1] - pts[0] + last) * stream.time_base),
    is_ordinal=container.format.name in _WITHOUT_PTS,
  )


def _container(source: Source, is_fast: bool):
  file = io.BytesIO(source) if isinstance(source, bytes) else str(source)
  options = _NO_TRIAL if is_fast else None
  try:
    return av.open(file, metadata_errors="replace", stream_options=options)
  except ValueError as error:  # PyAV's word for: it has no streams to name
    # FFmpeg's errors are ValueErrors too, some of them, and tell more.
    if not is_fast or isinstance(error, av.error.FFmpegError):
      raise
    return _container(source, False)


def _is_mp4(source: Source) -> bool:
  if isinstance(source, bytes):
    return source[4:8] == b"ftyp"
  try:
    with open(source, "rb") as file:
      return file.read(8)[4:] == b"ftyp"
  except OSError:  # FFmpeg will say what is wrong
    return False


def _require_content(source: Source, name: str) -> None:
  if isinstance(source, bytes):
    size = len(source)
  else:
    path = pathlib.Path(source)
    if not path.is_file():
      raise errors.VideoError(f"{name} does not exist, or is not a file.")
    size = path.stat().st_size
  if not size:
    raise errors.VideoError(
      f"{name} is empty (0 bytes); replace it or take it out of the folder."
    )


def _video_stream(container, name: str):
  # Cover art in a sound file is a video stream of one still picture.
  art = av.stream.Disposition.attached_pic
  streams = [s for s in container.streams.video if not s.disposition & art]
  if not streams:
    raise errors.VideoError(
      f"{name} has no video stream, only sound or data; replace it or take "
      "it out of the folder."
    )
  if streams[0].codec_context is None:
    raise errors.VideoError(
      f"{name} is encoded in a way that FFmpeg does not know, or is damaged; "
      "replace it or take it out of the folder."
    )
  width, height = streams[0].width, streams[0].height
  if width * height > _MOST_PIXELS:
    raise errors.VideoError(
      f"{name} says it is {width}x{height} pixels, more than the "
      f"{_MOST_PIXELS // 2**20} million that a frame may have here; it is "
      "damaged, or must be brought down first."
    )
  aspect = streams[0].sample_aspect_ratio or 1
  if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
    raise errors.VideoError(
      f"{name} says its pixels are {aspect} times as wide as high; up to "
      f"{_MOST_ASPECT} either way is read. It is damaged; replace it or take "
      "it out of the folder."
    )
  # A stream may also grow midway.
  limit = {"max_pixels": f"{_MOST_PIXELS}"}
  streams[0].codec_context.options = limit
  # Many clips are decoded at once, one to a thread or process.
  streams[0].thread_count = 1
  return streams[0]


def _decoded(container, stream) -> list[tuple[int, int, bool]]:
  """The index of a file whose packets have no pts (some AVI): by decoding."""
  container.seek(0)
  return [
    (frame.pts, frame.duration or 0, bool(frame.key_frame))
    for frame in container.decode(stream)
    if frame.pts is not None
  ]


def _usual_step(pts: np.ndarray, stream) -> int:
  if len(pts) > 1:
    return int(np.median(np.diff(pts)))
  rate = stream.average_rate
  return round(1 / (rate * stream.time_base)) if rate else 1
