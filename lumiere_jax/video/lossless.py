"""Frames to an mp4 whose pixels come back exactly.

For clips that are training data and were never a film: H.264 in RGB without
quantisation, which every decoder here reads, and of which players show little.
"""

import io

import av
import numpy as np

from lumiere_jax.video import write


def mp4_bytes(frames: np.ndarray, fps: float) -> bytes:
  """Encodes [T, H, W, 3] uint8; the same frames give the same bytes.

  Raises:
    VideoError: the frames are not that.
  """
  write.require_frames(frames)
  buffer = io.BytesIO()
  with av.open(buffer, "w", "mp4") as container:
    stream = container.add_stream("libx264rgb", rate=write.rate(fps))
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = "rgb24"
    # See `write.h264_stream` for what makes the bytes the same.
    stream.options = {
      "qp": "0",
      "preset": "faster",
      "g": "16",
      "x264-params": "mbtree=0",
    }
    stream.thread_count = 1
    for k, frame in enumerate(frames):
      picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
      picture.pts = k
      container.mux(stream.encode(picture))
    container.mux(stream.encode(None))
  return buffer.getvalue()
