"""A trained judge, asked about clips in memory; see `models.judge`."""

from collections.abc import Sequence
import dataclasses
import os

import jax
import numpy as np

from lumiere_jax import errors
from lumiere_jax.stages import judging
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import truth
from lumiere_jax.video import resize

# Clips that are looked at together.
BATCH = 8
# Judges of upsampled clips, by name: the one that sees more comes first.
FINE = ("judge128", "judge")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seen:
  """What a judge saw.

  Attributes:
    scenes: one for each clip.
    features: [B, F] float32, for distances between sets of clips.
  """

  scenes: Sequence[scenes.Scene]
  features: np.ndarray


class Judge:
  """Looks at clips as its training did.

  Attributes:
    digest: of its weights.
    size: pixels of the side of frames that it reads; larger ones are shrunk.
  """

  def __init__(self, path: str | os.PathLike):
    """Loads the run or the exported weights of a stage "judge".

    Raises:
      WeightsError: there are none, or they are of another stage.
    """
    stage, self._params, self.digest = weights.load(path)
    if stage.name != stages.JUDGE:
      raise errors.WeightsError(
        f"{path} holds stage {stage.name!r}; clips are judged by one of "
        f"{stages.JUDGE!r}, such as configs/nano.py:judge trains."
      )
    data = stage.recipe["data"]
    self.size, self._fps = data["resolution"], data["fps"]
    self._num_frames = data["num_frames"]
    self._predict = jax.jit(
      lambda params, video: judging.predict(stage, params, video)
    )

  def __call__(self, clips: np.ndarray, fps: float) -> Seen:
    """Says what clips show.

    Args:
      clips: [B, T, S, S, 3] uint8; all of each clip that the judge needs.
      fps: frames a second, a multiple of the judge's.

    Raises:
      ShapeError: the clips are too short, too small, or of another rate.
    """
    shown = np.stack([self._fit(clip, fps) for clip in clips])
    answers = [
      self._ask(shown[k : k + BATCH]) for k in range(0, len(shown), BATCH)
    ]
    answers = jax.tree.map(lambda *parts: np.concatenate(parts), *answers)
    one = lambda k: {name: value[k] for name, value in answers.items()}
    return Seen(
      scenes=[truth.from_logits(one(k)) for k in range(len(clips))],
      features=answers["features"],
    )

  def _ask(self, shown: np.ndarray) -> dict[str, np.ndarray]:
    """Of at most `BATCH` clips; the last batch is padded, to compile once."""
    missing = BATCH - len(shown)
    padded = np.pad(shown, [(0, missing)] + [(0, 0)] * 4)
    found = jax.device_get(self._predict(self._params, padded))
    return {name: value[: len(shown)] for name, value in found.items()}

  def _fit(self, clip: np.ndarray, fps: float) -> np.ndarray:
    every, rest = divmod(fps, self._fps)
    frames = clip[:: int(every) or 1][: self._num_frames]
    if rest or len(frames) < self._num_frames or clip.shape[1] < self.size:
      raise errors.ShapeError(
        f"a clip of {len(clip)} frames of {clip.shape[2]}x{clip.shape[1]} at "
        f"{fps:g} a second; this judge reads {self._num_frames} at "
        f"{self._fps} a second, of {self.size} pixels or more."
      )
    return resize.resize(frames, self.size, self.size)
