"""Where numbers and pictures of a run go: standard output, JSONL, TensorBoard.

TensorBoard's own event writer needs no TensorFlow.
"""

from collections.abc import Mapping, Sequence
import contextlib
import io
import json
import pathlib
import time

from absl import logging
import numpy as np
import PIL.Image
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.proto import summary_pb2
from tensorboard.summary.writer import event_file_writer

# Dense peak of one device in bfloat16, FLOP/s, from the makers' data sheets.
PEAK_FLOPS = {
  "TPU v4": 275e12,
  "TPU v5 lite": 197e12,
  "TPU v5e": 197e12,
  "TPU v5p": 459e12,
  "TPU v5": 459e12,
  "TPU v6 lite": 918e12,
  "TPU v6e": 918e12,
  "NVIDIA A100-SXM4-40GB": 312e12,
  "NVIDIA A100-SXM4-80GB": 312e12,
  "NVIDIA H100 80GB HBM3": 989e12,
  "NVIDIA H200": 989e12,
}


def utilization(
  flops: float, seconds: float, device_kind: str, num_devices: int
) -> float | None:
  """Model FLOP utilization, a share of peak; None on an unknown device."""
  peak = PEAK_FLOPS.get(device_kind)
  return flops / seconds / (peak * num_devices) if peak else None


def line(step: int, num_steps: int, scalars: Mapping[str, float]) -> str:
  """One line for people: `step 20/60: loss 0.0831, 0.412 s/step`."""
  loss = scalars.get("loss")  # none where no step counted
  parts = ["no loss" if loss is None else f"loss {loss:.4f}"]
  if "seconds_per_step" in scalars:
    parts.append(f"{scalars['seconds_per_step']:.3f} s/step")
    parts.append(f"{scalars['clips_per_second']:.1f} clips/s")
  if scalars.get("mfu") is not None:
    parts.append(f"{100 * scalars['mfu']:.1f} % MFU")
  elif "tflops" in scalars:
    parts.append(f"{scalars['tflops']:.3f} TFLOP/s")
  return f"step {step}/{num_steps}: {', '.join(parts)}"


class Writer:
  """Writes what a run measures; does nothing on processes other than 0.

  Where the disk is full it says so and goes on: what ends a run for that is
  the checkpoint, which is tried again.

  Attributes:
    directory: the run's; gets `metrics.jsonl`, `tensorboard/`, `previews/`.
  """

  def __init__(self, directory: str, *, is_active: bool = True):
    self.directory = pathlib.Path(directory)
    self._is_active = is_active
    if is_active:
      (self.directory / "previews").mkdir(parents=True, exist_ok=True)
      self._events = event_file_writer.EventFileWriter(
        str(self.directory / "tensorboard")
      )

  def scalars(
    self, step: int, num_steps: int, values: Mapping[str, float]
  ) -> None:
    """Writes numbers to all three places."""
    if not self._is_active:
      return
    values = {k: v for k, v in values.items() if v is not None}
    logging.info("%s", line(step, num_steps, values))
    path = self.directory / "metrics.jsonl"
    with tolerated("metrics"), path.open("a") as file:
      file.write(json.dumps({"step": step} | values) + "\n")
    self._add(
      step,
      [
        summary_pb2.Summary.Value(tag=k, simple_value=v)
        for k, v in values.items()
      ],
    )

  def picture(
    self, step: int, name: str, grid: np.ndarray, animation: Sequence | None
  ) -> None:
    """Writes a picture, and frames as an animation beside it.

    Args:
      step: the step it shows.
      name: what it shows.
      grid: [H, W, 3] uint8.
      animation: [T, H, W, 3] uint8, or None.
    """
    if not self._is_active:
      return
    images = {"png": encode([grid], "PNG")}
    if animation is not None and len(animation) > 1:
      images["gif"] = encode(animation, "GIF")
    for suffix, data in images.items():
      path = self.directory / "previews" / f"{name}_{step:06d}.{suffix}"
      with tolerated("a picture"):
        path.write_bytes(data)
    best = images.get("gif", images["png"])
    image = summary_pb2.Summary.Image(
      height=grid.shape[0],
      width=grid.shape[1],
      colorspace=3,
      encoded_image_string=best,
    )
    self._add(step, [summary_pb2.Summary.Value(tag=name, image=image)])

  def close(self) -> None:
    """Flushes and closes."""
    if self._is_active:
      with tolerated("events"):
        self._events.close()

  def _add(self, step: int, values) -> None:
    event = event_pb2.Event(
      step=step,
      wall_time=time.time(),
      summary=summary_pb2.Summary(value=values),
    )
    with tolerated("events"):
      self._events.add_event(event)


@contextlib.contextmanager
def tolerated(what: str):
  """Says that something was not written, and goes on."""
  try:
    yield
  except OSError as error:
    logging.warning("%s not written: %s", what, error.strerror or error)


def encode(frames: Sequence[np.ndarray], kind: str) -> bytes:
  """Frames [H, W, 3] uint8 as PNG or animated GIF, 16 frames a second."""
  images = [PIL.Image.fromarray(np.asarray(frame)) for frame in frames]
  out = io.BytesIO()
  more = dict(save_all=True, append_images=images[1:], duration=62, loop=0)
  images[0].save(out, kind, **(more if kind == "GIF" else {}))
  return out.getvalue()
