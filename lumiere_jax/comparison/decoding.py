"""Clips a second and core out of ordinary files: ours, and what others use.

Each reader is used as its own users do, on one thread, for the same random
crops: 80 frames at 16 a second, 128 pixels on the short side.  They take turns
crop by crop, and what is compared is the median of the ratios of their CPU
times, since machines are noisy.  Ours also reads the same footage as `lumiere
prepare` stores it, and feeds batches through the data pipeline.
"""

from collections.abc import Callable
import dataclasses
import json
import pathlib
import time

import numpy as np

from lumiere_jax.comparison import footage
from lumiere_jax.data import listing
from lumiere_jax.data import pipeline
from lumiere_jax.data import prepare
from lumiere_jax.video import atomic
from lumiere_jax.video import read
from lumiere_jax.video import resize
from lumiere_jax.video import transcode

OURS, PREPARED = "lumiere", "lumiere, prepared"
# start in seconds -> [T, H, W, 3] uint8
Reader = Callable[[float], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What to measure.

  Attributes:
    clips: folder of footage; None makes some up.
    heights: rows of the files.
    seconds: length of the files.
    crops: random crops of each.
    num_frames: frames of a crop.
    fps: their rate.
    side: short side to bring them to, in pixels.
    samples: clips to take through the pipeline for each number of workers.
  """

  clips: pathlib.Path | None = None
  heights: tuple[int, ...] = (360, 720)
  seconds: float = 40.0
  crops: int = 24
  num_frames: int = 80
  fps: float = 16.0
  side: int = 128
  samples: int = 48

  def times(self, start: float) -> np.ndarray:
    """[T] seconds at which a crop looks."""
    return start + np.arange(self.num_frames) / self.fps


def readers(path: pathlib.Path, plan: Plan) -> dict[str, Reader]:
  """Those that are installed, by name."""
  probe = read.probe(path)
  size = resize.with_short_side(probe.height, probe.width, plan.side)
  found = {
    OURS: _ours(path.read_bytes(), plan),
    "pyav": _pyav(path, plan, size),
  }
  for name, make in (("decord2", _decord), ("opencv", _opencv)):
    try:
      found[name] = make(path, plan, size)
    except ImportError:
      print(f"{name} is not installed and not compared")
  return found | {PREPARED: _ours(_prepared(path, plan), plan)}


def measure(path: pathlib.Path, plan: Plan) -> dict[str, dict[str, float]]:
  """name -> clips a second and core, and ours over it."""
  tools = readers(path, plan)
  rng = np.random.default_rng(0)
  last = read.probe(path).duration - plan.num_frames / plan.fps
  seconds = {name: [] for name in tools}
  for start in rng.uniform(0, last, plan.crops):
    for name, tool in tools.items():
      began = time.process_time()
      frames = tool(start)
      seconds[name].append(time.process_time() - began)
      assert len(frames) == plan.num_frames, name
  ours = np.array(seconds[OURS])
  return {
    name: {
      "clips_per_cpu_second": float(1 / np.median(spent)),
      "lumiere_is_faster": float(np.median(np.array(spent) / ours)),
    }
    for name, spent in seconds.items()
  }


def samples_per_second(
  path: pathlib.Path, plan: Plan, workers: int, folder: pathlib.Path
) -> float:
  """Clips a second through the pipeline, once it runs."""
  dataset = _dataset(path, folder)
  with pipeline.build(
    str(dataset),
    num_frames=plan.num_frames,
    fps=plan.fps,
    resolution=plan.side,
    batch_size=4,
    seed=0,
    tokenizer=_tokenize,
    num_workers=workers,
  ) as batches:
    for _ in range(2 * max(1, workers)):
      next(batches)  # what the workers have ready, and their start
    began = time.perf_counter()
    for _ in range(plan.samples // 4):
      next(batches)
    return plan.samples / (time.perf_counter() - began)


def run(out: pathlib.Path, plan: Plan) -> None:
  """Measures; prints a table, writes decoding.json and decoding.png."""
  out.mkdir(parents=True, exist_ok=True)
  clips = footage.find(plan.clips)
  files = footage.make(out, plan.heights, clips, plan.seconds)
  found = {}
  for height, path in files.items():
    rows = measure(path, plan)
    through = {
      f"{workers} workers": samples_per_second(path, plan, workers, out)
      for workers in (1, 2)
    }
    found[f"{height}p"] = {"readers": rows, "pipeline_clips_per_s": through}
    _print(height, rows, through)
  atomic.write_text(out / "decoding.json", json.dumps(found, indent=2) + "\n")
  _plot(found, out / "decoding.png")


def _print(height: int, rows, through) -> None:
  print(f"{height}p    clips a CPU second    ours is faster by")
  for name, row in rows.items():
    clips, ratio = row["clips_per_cpu_second"], row["lumiere_is_faster"]
    print(f"  {name:<18}{clips:8.2f}{ratio:20.2f}x")
  for name, rate in through.items():
    print(f"  pipeline, {name}: {rate:.2f} clips a second")


def _plot(found, path: pathlib.Path) -> None:
  from matplotlib import figure

  page = figure.Figure(figsize=(4 * len(found), 3.2), layout="constrained")
  for axes, (title, one) in zip(
    np.atleast_1d(page.subplots(1, len(found))), found.items(), strict=True
  ):
    names = list(one["readers"])
    rates = [row["clips_per_cpu_second"] for row in one["readers"].values()]
    axes.barh(names[::-1], rates[::-1], color="tab:blue")
    axes.set(title=title, xlabel="clips a CPU second")
  with atomic.replacing(path) as unfinished:
    page.savefig(unfinished, dpi=120)


def _ours(data: bytes, plan: Plan) -> Reader:
  return lambda start: read.decode_at(
    data, plan.times(start), short_side=plan.side
  )


def _prepared(path: pathlib.Path, plan: Plan) -> bytes:
  encoding = transcode.Encoding(short_side=plan.side)
  (piece,) = transcode.pieces(path, encoding=encoding, threshold=255)
  return piece.data


def _dataset(path: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
  """The file as it is, in a dataset."""
  dataset = folder / f"{path.stem}_dataset"
  if not dataset.exists():
    table = folder / f"{path.stem}.csv"
    table.write_text(f"path,caption\n{path.name},a clip\n")
    prepare.prepare(
      table,
      dataset,
      choice=listing.Choice(),
      settings=prepare.Settings(
        seconds=1.0, cut=255, crop=False, motion=0, light=0
      ),
    )
  return dataset


def _tokenize(captions: list[str]) -> tuple[np.ndarray, np.ndarray]:
  shape = len(captions), 1
  return np.zeros(shape, np.int32), np.ones(shape, bool)


def _pyav(path: pathlib.Path, plan: Plan, size) -> Reader:
  import av
  from PIL import Image

  def read_clip(start: float) -> np.ndarray:
    with av.open(str(path)) as container:
      stream = container.streams.video[0]
      stream.thread_count = 1
      container.seek(int(start / stream.time_base), stream=stream)
      times, found = plan.times(start), []
      for frame in container.decode(stream):
        while (
          len(found) < len(times) and frame.time >= times[len(found)] - 0.02
        ):
          image = Image.fromarray(frame.to_ndarray(format="rgb24"))
          found.append(np.asarray(image.resize(size[::-1])))
        if len(found) == len(times):
          break
      return np.stack(found)

  return read_clip


def _decord(path: pathlib.Path, plan: Plan, size) -> Reader:
  import decord

  def read_clip(start: float) -> np.ndarray:
    reader = decord.VideoReader(
      str(path),
      width=size[1],
      height=size[0],
      ctx=decord.cpu(0),
      num_threads=1,
    )
    wanted = (plan.times(start) * reader.get_avg_fps()).astype(int)
    return reader.get_batch(np.minimum(wanted, len(reader) - 1)).asnumpy()

  return read_clip


def _opencv(path: pathlib.Path, plan: Plan, size) -> Reader:
  import cv2

  cv2.setNumThreads(1)

  def read_clip(start: float) -> np.ndarray:
    options = [cv2.CAP_PROP_N_THREADS, 1]
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, options)
    fps = capture.get(cv2.CAP_PROP_FPS)
    wanted = (plan.times(start) * fps).astype(int)
    capture.set(cv2.CAP_PROP_POS_FRAMES, int(wanted[0]))
    found = []
    for k in range(wanted[0], wanted[-1] + 1):
      capture.grab()  # converts nothing yet
      if k in wanted:
        small = cv2.resize(
          capture.retrieve()[1], size[::-1], interpolation=cv2.INTER_AREA
        )
        found.append(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
    capture.release()
    return np.stack(found)

  return read_clip
