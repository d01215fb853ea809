"""A file to clips for training, decoded once: cut at shots, cropped, smaller.

Frames go from the decoder through the scaler to the encoder as YUV and never
become arrays, except for a grey thumb of 27 x 48 each, from which shots,
motion, light and fingerprints are told.  Time stamps are kept as they are.
"""

from collections.abc import Iterator
import dataclasses
import pathlib
import tempfile

import av
from av.video import reformatter
import numpy as np

from lumiere_jax import errors
from lumiere_jax.video import atomic
from lumiere_jax.video import index as index_lib
from lumiere_jax.video import letterbox
from lumiere_jax.video import read
from lumiere_jax.video import resize
from lumiere_jax.video import shots
from lumiere_jax.video import write

_BT709 = 1
_TV_RANGE = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoding:
  """How pieces are stored.

  Attributes:
    short_side: pixels that the shorter side is brought down to; None keeps
      the size.
    crf: x264's constant rate factor; 18 looks lossless.
    gop: seconds between keyframes: a random start decodes half of that in
      vain, and each keyframe costs bytes.
    preset: x264's trade of time for size.
  """

  short_side: int | None = None
  crf: int = 18
  gop: float = 1.0
  preset: str = "medium"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Survey:
  """What a whole decode of a file shows.

  Attributes:
    probe: size, rate and length.
    thumbs: [T, 27, 48] uint8 grey.
    times: [T] seconds after the first frame.
  """

  probe: read.Probe
  thumbs: np.ndarray
  times: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Piece:
  """One shot of a file, encoded again.

  Attributes:
    start: seconds into the file.
    data: the bytes of an mp4.
    probe: size, rate and length of the piece.
    thumbs: [T, 27, 48] uint8 grey.
  """

  start: float
  data: bytes
  probe: read.Probe
  thumbs: np.ndarray


def survey(
  source: index_lib.Source,
  *,
  probe: read.Probe | None = None,
  box: letterbox.Box | None = None,
  name: str | None = None,
) -> Survey:
  """Decodes a file from end to end, and keeps thumbs alone.

  Args:
    source: the file's bytes, or its path.
    probe: of the file, if it is known already.
    box: bars to leave out.
    name: what errors call it.

  Raises:
    VideoError: part of it is damaged.
  """
  name = index_lib.name_of(source, name)
  probe = probe or read.probe(source, name=name)
  thumb = _Thumbs()
  frames = [
    (frame.time, thumb(picture))
    for frame, picture in _pictures(source, box, None, name)
  ]
  times, thumbs = zip(*frames, strict=True)
  starts = np.array(times) - times[0]
  return Survey(probe=probe, thumbs=np.stack(thumbs), times=starts)


def pieces(
  source: index_lib.Source,
  *,
  encoding: Encoding | None = None,
  box: letterbox.Box | None = None,
  threshold: float = shots.THRESHOLD,
  longest: float | None = None,
  probe: read.Probe | None = None,
  name: str | None = None,
) -> Iterator[Piece]:
  """Yields the shots of a file in order, each as a file of its own.

  Args:
    source: the file's bytes, or its path.
    encoding: see `Encoding`.
    box: bars to leave out.
    threshold: see `shots.CutFinder`.
    longest: seconds after which a shot is cut anyway; None never.
    probe: of the file, if it is known already.
    name: what errors call it.

  Raises:
    VideoError: part of the file is damaged; pieces before it were yielded.
  """
  name = index_lib.name_of(source, name)
  encoding = encoding or Encoding()
  probe = probe or read.probe(source, name=name)
  finder, thumbs, writer = shots.CutFinder(threshold), _Thumbs(), None
  first = end = None
  with tempfile.TemporaryDirectory() as folder:
    for frame, picture in _pictures(source, box, encoding, name):
      if writer and frame.pts <= writer.last:
        continue  # shown for no time
      first = frame.time if first is None else first
      time, thumb = round(frame.time - first, 6), thumbs(picture)
      ends = finder.is_cut(thumb) or (
        writer and longest and time - writer.start >= longest - 1e-6
      )
      if writer and ends:
        yield writer.finish(time)
        writer = None
      if writer is None:
        path = pathlib.Path(folder, "piece.mp4")
        writer = _Writer(path, picture, time, probe.fps, encoding, name)
      writer.add(frame, picture, thumb)
      end = round(time + _length(frame, probe.fps), 6)
    yield writer.finish(end)


def _pictures(
  source, box, encoding: Encoding | None, name: str
) -> Iterator[tuple[av.VideoFrame, av.VideoFrame]]:
  """Yields (frame as decoded, frame upright, cropped and scaled)."""
  shown = False
  with index_lib.opened(source, name) as (container, stream):
    index = index_lib.read(container, stream, name)
  with index_lib.opened(source, name) as (container, stream):
    # A decoder conceals damage by smearing what it has: fit for watching.
    stream.codec_context.options |= {"err_detect": "explode"}
    upright = _Upright(stream, box or letterbox.Box())
    scaler = _Scaler(stream, box or letterbox.Box(), encoding)
    frames = container.decode(stream)
    if index.is_ordinal:
      frames = index_lib.in_order(frames, index)
    for frame in frames:
      if frame.pts is not None:
        shown = True
        yield frame, scaler(upright(frame), frame)
  if not shown:
    raise read.no_picture(name)


def _length(frame: av.VideoFrame, fps: float) -> float:
  """Seconds for which a frame is shown."""
  if frame.duration:
    return float(frame.duration * frame.time_base)
  return 1 / fps


class _Thumbs:
  """Frames to [27, 48] uint8 grey."""

  def __init__(self):
    self._scaler = reformatter.VideoReformatter()

  def __call__(self, frame: av.VideoFrame) -> np.ndarray:
    grey = self._scaler.reformat(
      frame,
      width=shots.COLUMNS,
      height=shots.ROWS,
      format="gray",
      interpolation=int(reformatter.Interpolation.AREA),
      threads=1,
    )
    return grey.to_ndarray()


class _Upright:
  """Turns and crops frames by FFmpeg's filters; most need neither."""

  def __init__(self, stream, box: letterbox.Box):
    self._stream, self._box, self._graph = stream, box, None

  def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
    if self._graph is None:
      self._graph = self._make(frame)
    if not self._graph:
      return frame
    self._graph.vpush(frame)
    return self._graph.vpull()

  def _make(self, frame: av.VideoFrame):
    """The graph for frames like this one, or False if there is none to do."""
    turns = _TURNS[round(frame.rotation / 90) % 4]
    steps = [*turns, *self._crop(frame, bool(len(turns) % 2))]
    if not steps:
      return False
    graph = av.filter.Graph()
    last = graph.add_buffer(template=self._stream)
    for kind, options in steps:
      node = graph.add(kind, options)
      last.link_to(node)
      last = node
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph

  def _crop(self, frame: av.VideoFrame, is_turned: bool):
    if self._box.is_empty:
      return []
    height, width = frame.height, frame.width
    if is_turned:
      height, width = width, height
    shown = read.shown_size(frame, self._stream)
    # Bars are measured on what is shown, whose pixels are square.
    y, x = height / shown[0], width / shown[1]
    box = self._box
    left, top = round(box.left * x), round(box.top * y)
    kept_width = width - left - round(box.right * x)
    kept_height = height - top - round(box.bottom * y)
    return [("crop", f"{kept_width}:{kept_height}:{left}:{top}:exact=1")]


# Quarters anticlockwise -> filters.
_TURNS = {
  0: [],
  1: [("transpose", "cclock")],
  2: [("hflip", ""), ("vflip", "")],
  3: [("transpose", "clock")],
}


class _Scaler:
  """Upright frames to YUV of the stored size."""

  def __init__(self, stream, box: letterbox.Box, encoding: Encoding | None):
    self._stream, self._box, self._encoding = stream, box, encoding
    self._scaler, self._first = reformatter.VideoReformatter(), None

  def __call__(
    self, upright: av.VideoFrame, frame: av.VideoFrame
  ) -> av.VideoFrame:
    if self._encoding is None:
      return upright
    # A stream may change its size midway; the clip keeps the first one.
    self._first = self._first or self._size(frame)
    height, width = self._first
    return self._scaler.reformat(
      upright,
      width=width,
      height=height,
      format="yuv420p",
      src_colorspace=read.colorspace(frame),
      dst_colorspace=_BT709,
      dst_color_range=_TV_RANGE,
      interpolation=resize.interpolation(
        upright.height, upright.width, height, width
      ),
      threads=1,
    )

  def _size(self, frame: av.VideoFrame) -> tuple[int, int]:
    height, width = read.shown_size(frame, self._stream)
    box, side = self._box, self._encoding.short_side
    height, width = height - box.top - box.bottom, width - box.left - box.right
    if side is not None and min(height, width) > side:
      height, width = resize.with_short_side(height, width, side)
    even = lambda size: max(2, 2 * round(size / 2))
    return even(height), even(width)


class _Writer:
  """One piece on its way to a file."""

  def __init__(
    self, path, picture, start: float, fps: float, encoding, name: str
  ):
    self.start, self._path, self._thumbs = start, path, []
    self._name, self.last = name, None
    self._size = picture.height, picture.width
    self._first = None
    self._container = av.open(
      str(path), "w", options={"movflags": "+faststart"}
    )
    self._stream = write.h264_stream(
      self._container,
      self._size,
      fps,
      crf=encoding.crf,
      preset=encoding.preset,
      gop=max(1, round(encoding.gop * fps)),
      threads=1,  # a process decodes and encodes one file, and there are many
    )

  def add(self, frame, picture, thumb: np.ndarray) -> None:
    self.last = frame.pts
    if self._first is None:
      self._first = frame.pts
      self._stream.codec_context.time_base = frame.time_base
    picture.pts, picture.time_base = frame.pts - self._first, frame.time_base
    picture.pict_type = 0  # what it was in the source must not force its type
    picture.color_primaries = picture.color_trc = _BT709
    self._mux(self._stream.encode(picture))
    self._thumbs.append(thumb)

  def finish(self, end: float) -> Piece:
    self._mux(self._stream.encode(None))
    self._container.close()
    duration, count = round(end - self.start, 6), len(self._thumbs)
    return Piece(
      start=self.start,
      data=self._path.read_bytes(),
      probe=read.Probe(
        width=self._size[1],
        height=self._size[0],
        fps=count / duration,
        num_frames=count,
        duration=duration,
      ),
      thumbs=np.stack(self._thumbs),
    )

  def _mux(self, packets) -> None:
    try:
      self._container.mux(packets)
    except av.error.FFmpegError as error:
      if isinstance(error, OSError) and atomic.is_disk_full(error):
        raise
      raise errors.VideoError(
        f"{self._name} has time stamps that cannot be kept "
        f"({error.strerror}): it is damaged. Replace it or take it out of the "
        "folder."
      ) from error
