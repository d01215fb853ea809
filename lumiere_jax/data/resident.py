"""A whole dataset as a few arrays, for accelerators to keep and draw from.

A small network on a fast accelerator takes thousands of clips a second, more
than any host can hand over one by one.  Where the dataset fits beside the
network, it is decoded once into tables, and every batch is drawn from them by
the accelerator itself; see `training.drawing`.
"""

from collections.abc import Callable, Iterator, Sequence
import concurrent.futures
import dataclasses
import functools
import multiprocessing
import time

from absl import logging
import numpy as np

from lumiere_jax import errors
from lumiere_jax.data import flip
from lumiere_jax.data import source as source_lib
from lumiere_jax.data import view as view_lib
from lumiere_jax.video import read

# What 32-bit numbers address; larger tables are untried.
_MOST_BYTES = 2**31 - 1
_SAY_EVERY = 10.0  # seconds
_AT_ONCE = 32  # clips that a process is given


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tables:
  """N clips with at most M captions each.

  Attributes:
    video: [N, F, S, S, 3] uint8, all frames that may be shown of each.
    tokens: [N, M, L] int32; None where the truth is told.
    text_mask: [N, M, L] bool; likewise.
    num_captions: [N] int32, of each clip; likewise.
    may_flip: [N, M] bool, whether a caption leaves a clip that is mirrored
      true; likewise.
    labels: [N, K] int32, where the truth is told, else None.
    places: [N, T / 2, C, C] int32; likewise.
    share: [N] float32, probability of each clip; sums to 1.
  """

  video: np.ndarray
  share: np.ndarray
  tokens: np.ndarray | None = None
  text_mask: np.ndarray | None = None
  num_captions: np.ndarray | None = None
  may_flip: np.ndarray | None = None
  labels: np.ndarray | None = None
  places: np.ndarray | None = None


def build(
  sources: Sequence[source_lib.ClipSource],
  weights: Sequence[float],
  view: view_lib.View,
  num_workers: int = 0,
) -> Tables:
  """Decodes everything.

  Args:
    sources: datasets of clips that are equally long.
    weights: shares of their clips in what is drawn.
    view: what is shown of a clip.  Its long side is cropped at the middle.
    num_workers: processes that decode; 0 decodes in this one.

  Raises:
    ConfigError: the tables would be too large, or embeddings are given.
    VideoError: a clip cannot be decoded, or is not as long as the first.
    DataError: a record is damaged.
  """
  if view.embedder:
    raise errors.ConfigError(
      "data.keep is 'device' and data.embeddings is given; what stays on the "
      "device is read by the text encoder there, so leave embeddings out."
    )
  shown = _whole_clips(sources[0][0], view)
  total = sum(map(len, sources))
  require_small(total, shown)
  video = np.empty(
    (total, shown.num_frames, shown.resolution, shown.resolution, 3), np.uint8
  )
  said = []
  places = [
    (k, at) for k in range(len(sources)) for at in range(len(sources[k]))
  ]
  read = functools.partial(_read, sources, shown, view)
  for arrays in _all(read, places, num_workers):
    video[len(said)] = arrays.pop("video")
    said.append(arrays)
  shares = np.concatenate(
    [
      np.full(len(source), weight / sum(weights) / len(source), np.float32)
      for source, weight in zip(sources, weights, strict=True)
    ]
  )
  return Tables(video=video, share=shares, **_stack(said))


def _whole_clips(clip: source_lib.Clip, view: view_lib.View) -> view_lib.View:
  """A view that shows all that `view` may show of clips like this one."""
  whole = dataclasses.replace(
    view, frames="first", crop=None, place="centre", flip=False
  )
  if view.frames == "first":
    return whole
  duration, fps = clip.duration, clip.fps
  if isinstance(clip.video, bytes) and not (duration and fps):
    found = read.probe(clip.video, name=clip.name)
    duration, fps = found.duration, found.fps
  elif not isinstance(clip.video, bytes):
    fps = fps or view.fps
    duration = len(clip.video) / fps
  fps = view.fps if view.frames == "clip" else fps
  count = round(duration * fps)
  if count < view.num_frames:
    raise errors.VideoError(
      f"{clip.name} has {count} frames at {fps:g} a second, fewer than the "
      f"{view.num_frames} asked for."
    )
  return dataclasses.replace(whole, num_frames=count, fps=fps)


_REMEDY = (
  "Use a part of them, such as --config.data.split='train[:1000]', or "
  "--config.data.keep=host."
)


def require_small(
  num_clips: int, view: view_lib.View, remedy: str = _REMEDY
) -> None:
  """Raises `ConfigError` where that many clips are too large to stay.

  Args:
    num_clips: how many.
    view: what stays of each.
    remedy: what the message advises.
  """
  size = num_clips * view.num_frames * view.resolution**2 * 3
  if size > _MOST_BYTES:
    raise errors.ConfigError(
      f"data.keep is 'device' and {num_clips} clips of {view.num_frames} "
      f"frames of {view.resolution} pixels are {size / 1e9:.1f} GB; at most "
      f"{_MOST_BYTES / 1e9:.1f} GB can stay there. {remedy}"
    )


def _read(
  sources: Sequence[source_lib.ClipSource],
  shown: view_lib.View,
  view: view_lib.View,
  place: tuple[int, int],
) -> dict[str, np.ndarray]:
  """All arrays of one clip: its source's number, and its own there."""
  source, index = place
  clip = sources[source][index]
  # Or the end of a longer one would never be shown, and nobody told.
  if (count := _whole_clips(clip, view).num_frames) != shown.num_frames:
    raise errors.VideoError(
      f"{clip.name} has {count} frames and the first clip {shown.num_frames}; "
      "what stays on the device is equally long. Give --config.data.keep=host, "
      "or clips of one length."
    )
  arrays = shown(clip, np.random.default_rng(0))
  if view.truth:
    return arrays
  return {"video": arrays["video"]} | _captions(clip, view)


def _captions(clip: source_lib.Clip, view: view_lib.View) -> dict:
  tokens, mask = view.tokenizer(list(clip.captions))
  may = [view.flip and flip.may_flip(caption) for caption in clip.captions]
  return {"tokens": tokens, "text_mask": mask, "may_flip": np.array(may)}


def _stack(said: list[dict]) -> dict[str, np.ndarray]:
  """Of each clip some arrays, to tables; lists of captions are filled up."""
  if "labels" in said[0]:
    return {name: np.stack([one[name] for one in said]) for name in said[0]}
  counts = np.array([len(one["tokens"]) for one in said], np.int32)
  most = counts.max()
  fill = lambda x: np.pad(x, [(0, most - len(x))] + [(0, 0)] * (x.ndim - 1))
  tables = {name: np.stack([fill(x[name]) for x in said]) for name in said[0]}
  return tables | {"num_captions": counts}


def _all(
  read: Callable, places: Sequence, num_workers: int
) -> Iterator[dict[str, np.ndarray]]:
  """What `read` makes of each place, in order; says how far it is."""
  said = time.monotonic()
  for done, arrays in enumerate(_mapped(read, places, num_workers), 1):
    yield arrays
    if time.monotonic() - said > _SAY_EVERY:
      said = time.monotonic()
      logging.info("decoded %d of %d clips", done, len(places))


def _mapped(read: Callable, places: Sequence, num_workers: int) -> Iterator:
  if not num_workers:
    yield from map(read, places)
    return
  # Not forked: the accelerator's runtime has threads already.
  with concurrent.futures.ProcessPoolExecutor(
    num_workers, multiprocessing.get_context("spawn")
  ) as pool:
    yield from pool.map(read, places, chunksize=_AT_ONCE)
