"""Video files to uint8 frames at the times a network asks for.

The frame for tick k of a clip sampled at `fps` is the one a player would show
at second k / fps; it is found by its time stamp, never by an average rate.
Resizing and the turn to RGB happen inside the decoder, one frame at a time,
so a 4K clip never stands in memory at full size.
"""

from collections.abc import Callable, Iterator
import dataclasses

import av
from av.video import reformatter
import numpy as np

from lumiere_jax import errors
from lumiere_jax.video import index as index_lib
from lumiere_jax.video import resize

Source = index_lib.Source

_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
# Whose packets say whether any other frame refers to them. Those of HEVC say
# so of frames of one temporal layer alone, and of others a packet may mean:
# show the frame before once more.
_TELLS_REFERENCES = ("h264",)
_WORTH_A_SEEK = 3  # frames that it must save, since it flushes the decoder
_SMALLER = 2  # times: from here on, nobody sees an unfiltered frame
_HD_ROWS = 720  # untagged files from here on are BT.709 by custom, else 601


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
  """What a video file says of itself.

  Attributes:
    width: pixels, as shown (after rotation and non-square pixels).
    height: likewise.
    fps: frames over duration; the mean rate where the rate varies.
    num_frames: frames that are shown.
    duration: seconds, from the first frame to the end of the last.
  """

  width: int
  height: int
  fps: float
  num_frames: int
  duration: float


def probe(source: Source, *, name: str | None = None) -> Probe:
  """Measures a file from its packets and its first frame.

  Args:
    source: the file's bytes, or its path.
    name: what errors call it; its path unless given.

  Raises:
    VideoError: missing, empty, damaged, without video or without frames.
  """
  name = index_lib.name_of(source, name)
  with index_lib.opened(source, name, fast=True) as (container, stream):
    index = index_lib.read(container, stream, name)
  with index_lib.opened(source, name) as (container, stream):
    first = next(container.decode(stream), None)
    if first is None:
      raise no_picture(name)
    height, width = shown_size(first, stream)
  count = len(index.pts)
  return Probe(
    width=width,
    height=height,
    fps=count / index.duration,
    num_frames=count,
    duration=index.duration,
  )


def frame_times(source: Source, *, name: str | None = None) -> np.ndarray:
  """When each frame is first shown: [N] ascending seconds, the first at 0.

  Raises:
    VideoError: missing, empty, damaged, without video or without frames.
  """
  name = index_lib.name_of(source, name)
  with index_lib.opened(source, name, fast=True) as (container, stream):
    index = index_lib.read(container, stream, name)
  return (index.pts - index.pts[0]) * float(index.time_base)


def verify(source: Source, *, name: str | None = None) -> None:
  """Decodes a whole file, and raises `VideoError` if part of it is damaged.

  A decoder conceals damage as well as it can, by smearing what it has: fit
  for watching, not for training.
  """
  name = index_lib.name_of(source, name)
  with index_lib.opened(source, name) as (container, stream):
    stream.codec_context.options |= {"err_detect": "explode"}
    shown = sum(1 for _ in container.decode(stream))
  if not shown:
    raise no_picture(name)


def decode(
  source: Source,
  *,
  start: float = 0.0,
  num_frames: int,
  fps: float,
  height: int | None = None,
  width: int | None = None,
  short_side: int | None = None,
  hold: bool = False,
  cut: Callable[[np.ndarray], np.ndarray] | None = None,
  name: str | None = None,
) -> np.ndarray:
  """The frames shown at `start + k / fps` for k = 0 ... num_frames - 1.

  Args:
    source: the file's bytes, or its path.
    start: seconds after the first frame.
    num_frames: frames to return.
    fps: frames per second to sample at, whatever the file's own rate.
    height: pixels of the result; with `width`, changes the aspect.
    width: likewise.
    short_side: instead of both, the shorter of height and width; keeps the
      aspect as shown.
    hold: whether the last frame may stand in for times after the end.
    cut: applied to each [H, W, 3] frame as it comes, such as a crop, so that
      large frames never stand in memory together.
    name: what errors call the file.

  Returns:
    [T, height, width, 3] uint8 RGB, T = num_frames.

  Raises:
    VideoError: the file cannot be read, or ends too early.
  """
  if num_frames < 1 or fps <= 0 or start < 0:
    raise errors.ConfigError(
      f"num_frames={num_frames}, fps={fps}, start={start}: need at least one "
      "frame, a positive fps and a start at 0 or later."
    )
  return decode_at(
    source,
    start + np.arange(num_frames) / fps,
    height=height,
    width=width,
    short_side=short_side,
    hold=hold,
    cut=cut,
    name=name,
  )


def decode_at(
  source: Source,
  times: np.ndarray,
  *,
  height: int | None = None,
  width: int | None = None,
  short_side: int | None = None,
  hold: bool = False,
  cut: Callable[[np.ndarray], np.ndarray] | None = None,
  name: str | None = None,
) -> np.ndarray:
  """As `decode`, at any times: [T] ascending seconds -> [T, H, W, 3] uint8."""
  name = index_lib.name_of(source, name)
  with index_lib.opened(source, name, fast=True) as (container, stream):
    index = index_lib.read(container, stream, name)
    if not hold:
      _require_long_enough(index, times, name)
    wanted, order = np.unique(index.shown_at(times), return_inverse=True)
    frames = None
    if not index.is_ordinal:
      convert = _Converter(stream, height, width, short_side, cut)
      frames = _collect(container, stream, index, wanted, convert)
  if frames is None:  # the file's index lies: read it through from its start
    with index_lib.opened(source, name) as (container, stream):
      # Of this stream: the other is gone, and what it points to with it.
      convert = _Converter(stream, height, width, short_side, cut)
      decoded = container.decode(stream)
      if index.is_ordinal:
        decoded = index_lib.in_order(decoded, index)
      shown = _stretch(decoded, wanted, seeked=False)
      frames = [convert(frame) for frame in shown]
  if not frames:
    raise no_picture(name)
  return np.stack([frames[i] for i in order])


def _collect(container, stream, index, wanted, convert):
  """One converted frame for each of `wanted`; None where seeking fails."""
  convert.spare(stream)
  found = []
  for group in _groups(index, wanted):
    try:
      key = index.keyframe_before(group[0])
      container.seek(key, stream=stream, backward=True)
      decoded = _needed(container, stream, group)
      new = [convert(frame) for frame in _stretch(decoded, group, seeked=True)]
    except av.error.FFmpegError:  # it went to where decoding cannot start
      return None
    if len(new) < len(group):
      return None
    found += new
  return found


def _groups(index, wanted) -> list[np.ndarray]:
  """Splits [T] ascending pts where a seek saves more than it costs."""
  last = np.searchsorted(index.pts, wanted)
  keys = np.searchsorted(index.pts, index.keyframes_before(wanted))
  return np.split(
    wanted, np.flatnonzero(keys[1:] - last[:-1] > _WORTH_A_SEEK) + 1
  )


def _needed(container, stream, wanted) -> Iterator[av.VideoFrame]:
  """Decodes what is wanted and what it refers to, and nothing after it.

  About a third of ordinary footage are frames to which no other refers, so
  that leaving them out changes no pixel of the rest.
  """
  context = stream.codec_context
  if context.name not in _TELLS_REFERENCES:
    yield from container.decode(stream)
    return
  asked, skips = set(wanted.tolist()), None
  missing = set(asked)
  for packet in container.demux(stream):
    skip = packet.pts is not None and packet.pts not in asked
    if skip != skips:
      context.skip_frame = "NONREF" if skip else "DEFAULT"
      skips = skip
    yield from context.decode(packet)
    missing.discard(packet.pts)
    if not missing:
      # What it holds back to put in order, without decoding more.
      yield from context.decode(None)
      return


def _stretch(decoded, wanted, *, seeked: bool) -> Iterator[av.VideoFrame]:
  """Yields the frame shown at each pts.

  Args:
    decoded: frames in the order they are shown.
    wanted: [T] ascending pts.
    seeked: whether to give up where one is missing: the seek went too far,
      or the index lies. Otherwise the frame before stands in for it, or the
      first one.
  """
  previous, k = None, 0
  for frame in decoded:
    if frame.pts is None:
      continue
    if seeked and wanted[k] < frame.pts:
      return
    while k < len(wanted) and wanted[k] <= frame.pts:
      exact = wanted[k] == frame.pts or previous is None
      yield frame if exact else previous
      k += 1
    if k == len(wanted):
      return
    previous = frame
  if previous is not None and not seeked:  # the last packets gave no frame
    yield from [previous] * (len(wanted) - k)


class _Converter:
  """Decoded frames to RGB arrays of one size."""

  def __init__(self, stream, height, width, short_side, cut):
    self._stream, self._short_side = stream, short_side
    self._height, self._width, self._cut = height, width, cut
    self._scaler, self._first = reformatter.VideoReformatter(), None

  def __call__(self, frame) -> np.ndarray:
    # A stream may change its size midway; the clip keeps the first one.
    self._first = self._first or self._size(frame)
    height, width = self._first
    quarters = round(frame.rotation / 90) % 4  # anticlockwise
    if quarters % 2:
      height, width = width, height
    rgb = self._scaler.reformat(
      frame,
      width=width,
      height=height,
      format="gbrp",  # the same values as rgb24, by a faster way
      src_colorspace=colorspace(frame),
      interpolation=resize.interpolation(
        frame.height, frame.width, height, width
      ),
      threads=1,
    ).to_ndarray()
    rgb = np.rot90(rgb, quarters)
    # A copy, since a view would keep the whole frame alive.
    return self._cut(rgb).copy() if self._cut else rgb

  def spare(self, stream) -> None:
    """Has frames to which no other refers decoded without the loop filter.

    Only where they are made so much smaller that it hardly shows (64 dB at a
    third of the size, real footage).  The filter takes a quarter of the time.
    """
    context = stream.codec_context
    sides = [side for side in (self._height, self._width) if side]
    short = self._short_side or min(sides, default=context.width)
    if min(context.width, context.height) >= _SMALLER * short:
      context.options |= {"skip_loop_filter": "noref"}

  def _size(self, frame) -> tuple[int, int]:
    shown = shown_size(frame, self._stream)
    if self._short_side is not None:
      return resize.with_short_side(*shown, self._short_side)
    return self._height or shown[0], self._width or shown[1]


def shown_size(frame, stream) -> tuple[int, int]:
  """(height, width) a player would show."""
  aspect = float(
    stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1
  )
  height, width = frame.height, max(1, round(frame.width * aspect))
  return (width, height) if round(frame.rotation / 90) % 2 else (height, width)


def colorspace(frame) -> int | None:
  """The matrix to assume for a frame that names none; None if it does."""
  if frame.colorspace != _UNSPECIFIED:
    return None  # as tagged
  spaces = reformatter.Colorspace
  hd = min(frame.height, frame.width) >= _HD_ROWS
  return int(spaces.ITU709 if hd else spaces.ITU601)


def _require_long_enough(index, times, name: str) -> None:
  last = float(times[-1])
  if last < index.duration + 1e-6:
    return
  raise errors.VideoError(
    f"{name} lasts {index.duration:.2f} s, but a frame at {last:.2f} s was "
    "asked for. Ask for fewer frames, a higher fps or an earlier start, or "
    "let the last frame hold."
  )


def no_picture(name: str) -> errors.VideoError:
  """What to raise for a file that holds packets and no frame."""
  return errors.VideoError(
    f"{name} has video packets but not one could be decoded; it is damaged. "
    "Replace it or take it out of the folder."
  )
