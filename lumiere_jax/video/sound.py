"""Sound that comes along with the frames of a clip: read, cut, written again.

Networks here paint no sound.  Where frames go back to the clip that they came
from, its sound goes with them.
"""

import dataclasses
import os

import av
import numpy as np

from lumiere_jax import errors

# What AAC can be written at; other rates become the last.
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_BLOCK = 1024  # samples of a frame of AAC


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Sound:
  """A stretch of sound.

  Attributes:
    samples: [C, N] float32 in [-1, 1], one or two channels.
    rate: samples a second.
  """

  samples: np.ndarray
  rate: int

  @property
  def layout(self) -> str:
    """As containers call the number of channels."""
    return "mono" if len(self.samples) == 1 else "stereo"


def read(path: os.PathLike | str, start: float, seconds: float) -> Sound | None:
  """Reads the sound that is heard while frames are seen.

  Args:
    path: any video.
    start: seconds after the first frame.
    seconds: how long; silence stands in for what the file does not have.

  Returns:
    The sound, or None of a file without.

  Raises:
    VideoError: the sound is damaged.
  """
  try:
    with av.open(os.fspath(path)) as container:
      if not container.streams.audio:
        return None
      stream = container.streams.audio[0]
      rate = stream.rate if stream.rate in _RATES else _RATES[-1]
      layout = "mono" if stream.channels == 1 else "stereo"
      resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
      begin = start + _first_frame(container)
      samples = np.zeros((2 - (layout == "mono"), round(seconds * rate)))
      for frame in container.decode(stream):
        if frame.time > begin + seconds:
          break
        at = round((frame.time - begin) * rate)
        for part in resampler.resample(frame):
          at = _put(samples, part.to_ndarray(), at)
  except av.FFmpegError as error:
    raise errors.VideoError(
      f"the sound of {path} cannot be read ({error}); give a clip without, or "
      "a whole one."
    ) from error
  return Sound(samples=samples.astype(np.float32), rate=rate)


def encode(sound: Sound, container: av.container.OutputContainer) -> None:
  """Writes a stream of AAC into a container that is being written."""
  stream = container.add_stream("aac", rate=sound.rate, layout=sound.layout)
  for at in range(0, sound.samples.shape[1], _BLOCK):
    block = np.ascontiguousarray(sound.samples[:, at : at + _BLOCK])
    frame = av.AudioFrame.from_ndarray(block, "fltp", sound.layout)
    frame.sample_rate, frame.pts = sound.rate, at
    container.mux(stream.encode(frame))
  container.mux(stream.encode(None))


def _first_frame(container) -> float:
  """Seconds at which the picture begins."""
  if not container.streams.video:
    return 0.0
  stream = container.streams.video[0]
  return float((stream.start_time or 0) * stream.time_base)


def _put(samples: np.ndarray, part: np.ndarray, at: int) -> int:
  """Puts a part where it belongs, as far as it does; returns where it ends."""
  low, high = max(at, 0), min(at + part.shape[1], samples.shape[1])
  if low < high:
    samples[:, low:high] = part[:, low - at : high - at]
  return at + part.shape[1]
