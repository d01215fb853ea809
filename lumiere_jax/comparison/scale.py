"""What a large dataset costs before its first batch.

`lumiere compare scale` makes datasets of many tiny records, opens each in a
process of its own as training would, and measures what grows with the number
of records: seconds to open, to the first batch, and to go on from the middle;
memory once open and once every shard has been touched.  Then it reckons what
more clips would need.
"""

from collections.abc import Iterator
import dataclasses
import json
import math
import multiprocessing
import pathlib
import resource
import time

import numpy as np
import tensorflow_datasets as tfds

from lumiere_jax.data import pipeline


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What to measure.

  Attributes:
    records: sizes to measure.
    per_shard: records in a shard; 3,500 clips of 300 kB are a gigabyte.
    clips: size to reckon for.
    clip_bytes: mean size of a stored clip, for the reckoning.
  """

  records: tuple[int, ...] = (10_000, 100_000, 1_000_000)
  per_shard: int = 3500
  clips: int = 30_000_000
  clip_bytes: int = 300_000


class _Tiny(tfds.core.GeneratorBasedBuilder):
  """Clip k is one frame of one pixel, whose colour and caption say k."""

  name = "tiny_records"
  VERSION = tfds.core.Version("1.0.0")

  def __init__(self, count: int, **kwargs):
    self._count = count
    super().__init__(**kwargs)

  def _info(self):
    features = {
      "video": tfds.features.Tensor(shape=(1, 1, 1, 3), dtype=np.uint8),
      "caption": tfds.features.Text(),
    }
    return tfds.core.DatasetInfo(
      builder=self,
      features=tfds.features.FeaturesDict(features),
      disable_shuffling=True,
    )

  def _split_generators(self, dl_manager):
    return {"train": self._generate_examples()}

  def _generate_examples(self) -> Iterator:
    for k in range(self._count):
      pixel = np.array([k // 65536, k // 256 % 256, k % 256], np.uint8)
      yield k, {"video": pixel.reshape(1, 1, 1, 3), "caption": f"clip {k}"}


def write(folder: pathlib.Path, count: int, num_shards: int) -> str:
  """Builds a dataset of tiny clips, unless it is there; returns its folder."""
  builder = _Tiny(count, data_dir=folder, file_format="array_record")
  config = tfds.download.DownloadConfig(num_shards=num_shards)
  builder.download_and_prepare(download_config=config)
  return str(builder.data_dir)


def tokenize(captions: list[str]) -> tuple[np.ndarray, np.ndarray]:
  """One token a caption: text is not what is measured."""
  shape = len(captions), 1
  return np.zeros(shape, np.int32), np.ones(shape, bool)


def _open(dataset: str) -> pipeline.ClipIterator:
  return pipeline.build(
    dataset,
    num_frames=1,
    fps=16,
    resolution=1,
    batch_size=64,
    seed=0,
    tokenizer=tokenize,
    flip=False,
  )


def measure(dataset: str, per_shard: int, results) -> None:
  """Puts one dataset's figures into `results`, a queue."""
  before = _memory()
  began = time.perf_counter()
  iterator = _open(dataset)
  opened = time.perf_counter() - began
  size = len(iterator.sources[0])
  next(iterator)
  first = time.perf_counter() - began
  state = iterator.get_state()
  iterator.close()
  just_open = _memory() - before
  began = time.perf_counter()
  iterator.set_state(state | {"step": size // 128})
  next(iterator)
  resumed = time.perf_counter() - began
  iterator.close()
  began = time.perf_counter()
  for index in range(0, size, per_shard):
    iterator.sources[0][index]
  touched = time.perf_counter() - began
  results.put(
    {
      "records": size,
      "shards": math.ceil(size / per_shard),
      "open_s": opened,
      "first_batch_s": first,
      "resume_s": resumed,
      "touch_all_shards_s": touched,
      "memory_open_mib": just_open,
      "memory_all_shards_mib": _memory() - before,
    }
  )


def _memory() -> float:
  """MiB this process holds now; its peak would be that of its imports."""
  pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
  return pages * resource.getpagesize() / 2**20


def reckon(rows: list[dict], plan: Plan) -> dict[str, float]:
  """What `plan.clips` clips need, extended in a line from the largest two."""
  small, large = rows[-2:] if len(rows) > 1 else rows * 2
  shards = math.ceil(plan.clips / plan.per_shard)

  def extend(name: str) -> float:
    grown = large["shards"] - small["shards"]
    slope = (large[name] - small[name]) / grown if grown else 0.0
    return large[name] + max(slope, 0.0) * (shards - large["shards"])

  names = ("open_s", "resume_s", "touch_all_shards_s", "memory_all_shards_mib")
  return {
    "clips": plan.clips,
    "terabytes": plan.clips * plan.clip_bytes / 1e12,
    "shards": shards,
    **{name: extend(name) for name in names},
  }


def run(out: pathlib.Path, plan: Plan) -> None:
  """Measures and reckons; writes scale.json.

  Args:
    out: folder for results and for the datasets, which are kept.
    plan: what to measure.
  """
  out.mkdir(parents=True, exist_ok=True)
  fresh = multiprocessing.get_context("spawn")
  rows = []
  for count in plan.records:
    shards = math.ceil(count / plan.per_shard)
    dataset = write(out / f"{count}", count, shards)
    results = fresh.Queue()
    process = fresh.Process(
      target=measure, args=(dataset, plan.per_shard, results)
    )
    process.start()
    rows.append(results.get())
    process.join()
    print(json.dumps(rows[-1]))
  reckoned = reckon(rows, plan)
  print("reckoned:", json.dumps(reckoned))
  text = json.dumps({"measured": rows, "reckoned": reckoned}, indent=2)
  (out / "scale.json").write_text(text + "\n")
