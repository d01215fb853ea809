"""Generated clips, and the files they become."""

from collections.abc import Mapping, Sequence
import dataclasses
import functools
import json
import os
import pathlib
from typing import Any

import numpy as np

from lumiere_jax import errors
from lumiere_jax.generation import motion
from lumiere_jax.generation import publish
from lumiere_jax.generation import record
from lumiere_jax.generation import request as requests
from lumiere_jax.video import pixels
from lumiere_jax.video import sheet
from lumiere_jax.video import sound as sounds
from lumiere_jax.video import write

SHEET_COLUMNS = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageRun:
  """One stage's part in a result.

  Attributes:
    name: "t2i", "base" or "ssr".
    digest: digest of its weights.
    settings: its sampler's settings, ready for JSON.
    seconds: wall time; "total", of which "first_step" covers compilation and
      the first step where steps were watched.
    clips: [B, T, H, W, 3] float32 in [-1, 1].
    trained_on: datasets its weights saw, as in `run_record.RunRecord`.
  """

  name: str
  digest: str
  settings: Mapping[str, Any]
  seconds: Mapping[str, float]
  clips: np.ndarray
  trained_on: Sequence[Mapping[str, Any]] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
  """Clips of one request, in memory.

  Attributes:
    request: the completed request.
    indices: which of the request's clips these are.
    fps: frames a second of what is shown.
    stages: what each stage painted, in order; the last is the result.
    weights: where the weights were, as the person wrote it.
    device: kind and number of devices, e.g. "cpu x 8".
    warnings: what the person should know, a sentence each.
    placed: [B, T, H, W, 3] uint8, frames to show in place of the last stage's,
      such as a source into which they were put; None for those themselves.
    told: what the clips were made from beside the prompt, ready for JSON.
    sound: to be heard with the clips; None for silence.
  """

  request: requests.Request
  indices: tuple[int, ...]
  fps: float
  stages: tuple[StageRun, ...]
  weights: str
  device: str
  warnings: tuple[str, ...] = ()
  placed: np.ndarray | None = None
  told: Mapping[str, Any] | None = None
  sound: sounds.Sound | None = None

  @functools.cached_property
  def frames(self) -> np.ndarray:
    """[B, T, H, W, 3] uint8: what was made, before any encoding."""
    if self.placed is not None:
      return self.placed
    return pixels.to_uint8(self.stages[-1].clips)

  @property
  def num_frames(self) -> int:
    """Frames of each clip."""
    return self.frames.shape[1]

  @functools.cached_property
  def motion(self) -> tuple[float, ...]:
    """Motion score of each clip; see `motion.score`."""
    return tuple(motion.score(frames) for frames in self.frames)

  def describe(self, position: int) -> dict[str, Any]:
    """Returns the record of one clip, ready for JSON."""
    frames = self.frames[position]
    return {
      "version": record.VERSION,
      "request": self.request.as_dict(),
      "index": self.indices[position],
      "seed": self.request.seed,
      "weights": self.weights,
      "stages": [_describe_stage(run) for run in self.stages],
      "trained_on": {run.name: _describe_data(run) for run in self.stages},
      "versions": record.versions(),
      "device": self.device,
      "fps": self.fps,
      "frames_height_width": list(frames.shape[:3]),
      "motion": self.motion[position],
      "pixels_sha256": record.pixels_digest(frames),
      "warnings": list(self.warnings),
    } | ({"told": dict(self.told)} if self.told else {})

  def write(
    self,
    out: str | os.PathLike,
    *,
    overwrite: bool = False,
    save_frames: bool = False,
  ) -> list[pathlib.Path]:
    """Writes mp4, JSON and a sheet of stills for each clip.

    Args:
      out: the mp4; with more than one clip, NAME_0.mp4, NAME_1.mp4, ...
      overwrite: whether files that exist may be replaced.
      save_frames: whether to write the frames losslessly too, as NAME.npy
        (uint8), for measurements that an mp4 would blur.

    Returns:
      The mp4s' paths.

    Raises:
      OutputError: a file exists, or could not be written; then nothing new
        stands at any of the names.
    """
    mp4s = output_paths(out, len(self.indices))
    writers = {}
    for position, mp4 in enumerate(mp4s):
      writers |= self._writers(position, mp4, save_frames)
    publish.publish(writers, overwrite=overwrite)
    return mp4s

  def _writers(
    self, position: int, mp4: pathlib.Path, save_frames: bool
  ) -> dict[pathlib.Path, publish.Writer]:
    frames = self.frames[position]
    text = json.dumps(self.describe(position), indent=2, ensure_ascii=False)
    writers = {
      mp4: lambda path: write.write_mp4(
        path, frames, self.fps, crf=18, sound=self.sound
      ),
      mp4.with_suffix(".json"): lambda path: path.write_text(
        text + "\n", encoding="utf-8"
      ),
      mp4.with_suffix(".png"): lambda path: write.write_png(
        path, stills(frames)
      ),
    }
    if save_frames:
      writers[mp4.with_suffix(".npy")] = lambda path: np.save(path, frames)
    return writers


def output_paths(out: str | os.PathLike, num_clips: int) -> list[pathlib.Path]:
  """Returns the mp4 of each clip.

  Raises:
    OutputError: `out` does not end in .mp4.
  """
  out = pathlib.Path(out)
  if out.suffix.lower() != ".mp4":
    raise errors.OutputError(
      f"{out} does not end in .mp4, and we write mp4 only; say "
      f"{out.with_suffix('.mp4')}."
    )
  if num_clips == 1:
    return [out]
  return [out.with_stem(f"{out.stem}_{i}") for i in range(num_clips)]


def sidecars(mp4: pathlib.Path) -> list[pathlib.Path]:
  """Returns every name that writing `mp4` may take, itself first."""
  return [mp4.with_suffix(end) for end in (".mp4", ".json", ".png", ".npy")]


def stills(frames: np.ndarray) -> np.ndarray:
  """Lays a clip out on one page: its frames, and below, time as an axis.

  Args:
    frames: [T, H, W, 3] uint8.

  Returns:
    [h, w, 3] uint8: a contact sheet above the X-T slice of the middle row, in
    which vertical streaks are stillness and slanted ones motion.
  """
  shown = frames[:: max(1, len(frames) // (2 * SHEET_COLUMNS))]
  page = sheet.contact_sheet(shown, SHEET_COLUMNS)
  slice_ = sheet.xt_slice(frames, frames.shape[1] // 2)
  width = max(page.shape[1], slice_.shape[1])
  pad = lambda x: np.pad(x, ((0, 4), (0, width - x.shape[1]), (0, 0)))
  return np.concatenate([pad(page), pad(slice_)])


def _describe_stage(run: StageRun) -> dict[str, Any]:
  return {
    "name": run.name,
    "digest": run.digest,
    "settings": dict(run.settings),
    "seconds": dict(run.seconds),
  }


def _describe_data(run: StageRun) -> list[dict[str, Any]]:
  """{"dataset", "root"} of all that the weights saw, and through which run."""
  found = []
  for one in run.trained_on:
    said = {"dataset": one["name"], "root": one.get("root", "")}
    if one.get("through"):
      said["through"] = one["through"]
    if said not in found:
      found.append(said)
  return found
