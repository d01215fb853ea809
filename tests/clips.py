"""Small clips with known contents, encoded on the spot."""

import io

import av
import numpy as np

from lumiere_jax.video import write


def moving(num_frames=40, height=64, width=96):
  """Smooth moving colours: [T, H, W, 3] uint8."""
  t, y, x = np.meshgrid(
    *(np.arange(n) for n in (num_frames, height, width)), indexing="ij"
  )
  waves = (x + 2 * t) / 15, (y - t) / 20, (x + y + t) / 25
  return np.stack([127 + 120 * np.sin(w) for w in waves], -1).astype(np.uint8)


def numbered(num_frames=60, height=32, width=48):
  """Frame k is grey level 4 k: [T, H, W, 3] uint8."""
  grey = 4 * np.arange(num_frames, dtype=np.uint8)
  return np.tile(grey[:, None, None, None], (1, height, width, 3))


def numbers(frames):
  """Reads `numbered` frames back: [T] int."""
  return np.rint(frames.mean((1, 2, 3)) / 4).astype(int)


def encode(
  frames,
  *,
  pts=None,
  rotation=0,
  aspect=None,
  codec="libx264",
  fmt="mp4",
  fps=25,
):
  """Encodes frames whose keyframes are 10 apart; bytes of a file."""
  buffer = io.BytesIO()
  with av.open(buffer, "w", format=fmt) as container:
    stream = container.add_stream(codec, rate=fps)
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = "yuv420p"
    stream.options = {"g": "10", "crf": "5", "deadline": "realtime"}
    if aspect:
      stream.codec_context.sample_aspect_ratio = aspect
    if rotation:
      stream.set_display_rotation(rotation)
    for k, frame in enumerate(frames):
      picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame))
      picture.pts = k if pts is None else int(pts[k])
      container.mux(stream.encode(picture.reformat(format="yuv420p")))
    container.mux(stream.encode(None))
  return buffer.getvalue()


def sound_only():
  """An mp4 with a second of silence and no picture."""
  buffer = io.BytesIO()
  with av.open(buffer, "w", format="mp4") as container:
    stream = container.add_stream("aac", rate=8000)
    frame = av.AudioFrame.from_ndarray(
      np.zeros((1, 1024), np.float32), "fltp", "mono"
    )
    frame.sample_rate = 8000
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
  return buffer.getvalue()


def with_sound():
  """An mp4 of `numbered` frames whose first stream is sound."""
  buffer, frames = io.BytesIO(), numbered(10)
  with av.open(buffer, "w", format="mp4") as container:
    sound = container.add_stream("aac", rate=8000)
    stream = container.add_stream("libx264", rate=25)
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt, stream.options = "yuv420p", {"crf": "5"}
    silence = av.AudioFrame.from_ndarray(
      np.zeros((1, 1024), np.float32), "fltp", "mono"
    )
    silence.sample_rate = 8000
    container.mux(sound.encode(silence))
    for k, frame in enumerate(frames):
      picture = av.VideoFrame.from_ndarray(frame)
      picture.pts = k
      container.mux(stream.encode(picture.reformat(format="yuv420p")))
    for each in (sound, stream):
      container.mux(each.encode(None))
  return buffer.getvalue()


def no_frames():
  """An mp4 whose video stream holds not one packet."""
  buffer = io.BytesIO()
  # A fragmented file announces its streams before it has any frame.
  options = {"movflags": "empty_moov"}
  with av.open(buffer, "w", format="mp4", options=options) as container:
    stream = container.add_stream("libx264", rate=25)
    stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
    container.start_encoding()
  return buffer.getvalue()


def write_clip(path, seconds=5.2, fps=16, **kwargs):
  """Writes a moving mp4 of about `seconds` and returns its frames."""
  frames = moving(round(seconds * fps), **kwargs)
  write.write_mp4(path, frames, fps)
  return frames


def write_folder(folder, captions, *, seconds=1.0, fps=16):
  """Writes a short clip and a text file for each caption; returns frames."""
  folder.mkdir(parents=True, exist_ok=True)
  frames = []
  for k, caption in enumerate(captions):
    # A frame tells its place by red and green, and its clip by blue.
    clip = numbered(round(seconds * fps))
    clip[..., 2] = 50 * (k % 6)
    write.write_mp4(folder / f"{k}.mp4", clip, fps, crf=5)
    (folder / f"{k}.txt").write_text(caption, encoding="utf-8")
    frames.append(clip)
  return frames


def tokenize(captions):
  """Code points of the first 8 letters: [n, 8] int32 and bool."""
  tokens = [[ord(c) for c in caption[:8].ljust(8)] for caption in captions]
  tokens = np.array(tokens, np.int32)
  return tokens, tokens != ord(" ")
