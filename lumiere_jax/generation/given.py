"""What a person gives of a clip, brought to each stage's size.

Given pixels are kept (Lumiere, section 4); a clip to start from is noised and
painted over (SDEdit, Meng et al. 2022).
"""

import dataclasses

import numpy as np

from lumiere_jax import errors
from lumiere_jax.types import Array, FrameCondition
from lumiere_jax.video import resize


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given:
  """A part of the clip that is to be made, at the size of the result.

  Attributes:
    video: [T, H, W, 3] uint8; what stands where nothing is known is ignored.
    known: [T, H, W] bool, True where a pixel is to be kept.
  """

  video: np.ndarray
  known: np.ndarray

  def __post_init__(self):
    if self.video.shape != (*self.known.shape, 3):
      raise errors.ShapeError(
        f"what is given is {self.video.shape} and its mask "
        f"{self.known.shape}; give [T, H, W, 3] pixels and a [T, H, W] mask."
      )

  def at(self, shape: tuple[int, int, int]) -> FrameCondition:
    """What a stage is told whose clips are `shape` (T, H, W).

    A pixel of a smaller clip is known where all that it covers is.

    Returns:
      [T, H, W, ...] float32, without the axis of clips.

    Raises:
      ShapeError: another length, or sides that are no multiple.
    """
    frames, height, width = self.known.shape
    factor = height // shape[1]
    if (frames, height, width) != (shape[0], *(factor * s for s in shape[1:])):
      raise errors.ShapeError(
        f"{frames} frames of {width}x{height} are given, and the clip has "
        f"{shape[0]} of {shape[2]}x{shape[1]}; give as many, of that size or a "
        "whole multiple of it."
      )
    blocks = self.known.reshape(frames, shape[1], factor, shape[2], factor)
    known = blocks.all((2, 4))[..., None].astype(np.float32)
    video = resize.resize(self.video, *shape[1:]).astype(np.float32)
    return FrameCondition(video=(video / 127.5 - 1) * known, known=known)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
  """A clip to start from instead of from noise.

  Attributes:
    video: [T, H, W, 3] uint8, at the size of the result.
    strength: diffusion time to which it is noised, in (0, 1]; at 1 little but
      the brightness of the whole is left of it.
  """

  video: np.ndarray
  strength: float

  def __post_init__(self):
    if not 0 < self.strength <= 1:
      raise errors.ConfigError(
        f"strength is {self.strength}; it lies above 0, where nothing is "
        "changed, and at most at 1, where little is kept. Edits usually take "
        "0.5 to 0.9."
      )

  def at(self, shape: tuple[int, int, int]) -> Array:
    """The clip as a stage of clips `shape` (T, H, W) sees it, float32."""
    known = np.ones(self.video.shape[:3], bool)
    return Given(video=self.video, known=known).at(shape).video
