"""What a network is shown of a clip: which seconds, which pixels.

Runs in grain's workers, so it is picklable and never imports jax.  All its
randomness comes from the generator that grain derives from the seed and the
clip's place in the global order; that is why a batch does not depend on how
many hosts and workers made it.
"""

from collections.abc import Callable
import dataclasses
import functools

import numpy as np

from lumiere_jax import errors
from lumiere_jax.data import flip as flip_lib
from lumiere_jax.data import source
from lumiere_jax.toybox import truth
from lumiere_jax.toybox import world
from lumiere_jax.video import crop as crop_lib
from lumiere_jax.video import read
from lumiere_jax.video import resize
from lumiere_jax.video import still

Tokenizer = Callable[[list[str]], tuple[np.ndarray, np.ndarray]]
# list of n captions -> ([n, L, E] float32, [n, L] bool), from a cache
Embedder = Callable[[list[str]], tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
  """Turns a `source.Clip` into arrays.

  Attributes:
    num_frames: frames to show.
    fps: frames per second to show them at.
    resolution: pixels; the short side is brought to it and the long side is
      cropped to it.
    crop: pixels of a second crop, square and at random, for super-resolution
      trained on patches; None to keep the whole square.
    tokenizer: list of n captions -> ([n, L] int32, [n, L] bool).
    flip: whether to mirror half of the clips whose caption allows it.
    frames: "clip" for consecutive frames from a random start, "first" for
      consecutive frames from the clip's first, "random" for distinct frames
      anywhere, in order (a text-to-image network sees each alone).
    place: "random" or "centre", of the crop along the long side.
    embedder: text embeddings made ahead of training; None where the text
      encoder runs in the step.
    truth: whether to tell what a clip of the toybox shows instead of what its
      caption says.
  """

  num_frames: int
  fps: float
  resolution: int
  tokenizer: Tokenizer
  crop: int | None = None
  flip: bool = True
  frames: str = "clip"
  place: str = "random"
  embedder: Embedder | None = None
  truth: bool = False

  def __post_init__(self):
    errors.require_one_of(
      "data.frames", self.frames, ("clip", "first", "random")
    )
    errors.require_one_of("data.place", self.place, ("random", "centre"))
    if self.num_frames < 1 or self.fps <= 0 or self.resolution < 1:
      raise errors.ConfigError(
        f"num_frames={self.num_frames}, fps={self.fps}, "
        f"resolution={self.resolution}: all must be positive."
      )
    if self.truth and self.flip:
      raise errors.ConfigError(
        "data.truth tells which way things go and data.flip mirrors them; give "
        "--config.data.flip=false with it."
      )
    if self.truth and self.frames != "first":
      raise errors.ConfigError(
        f"data.truth tells where things are from a clip's beginning, and "
        f"data.frames is {self.frames!r}; give --config.data.frames=first."
      )
    if self.crop is not None and not 1 <= self.crop <= self.resolution:
      raise errors.ConfigError(
        f"data.crop is {self.crop}, which must lie between 1 and "
        f"data.resolution, {self.resolution}; use None for no second crop."
      )

  @property
  def side(self) -> int:
    """Height and width of what comes out, in pixels."""
    return self.crop or self.resolution

  def __call__(
    self, clip: source.Clip, rng: np.random.Generator
  ) -> dict[str, np.ndarray]:
    """Returns video [T, H, W, 3] uint8, tokens [L] int32, text_mask [L].

    With an embedder also embedding [L, E] float32; with `truth` video and
    labels [K] int32 and places [T / 2, C, C] int32 alone.

    Raises:
      VideoError: the clip cannot be decoded.
      ConfigError: its caption has no embedding in the cache, or it is no clip
        of the toybox and `truth` is asked for.
    """
    caption = clip.captions[int(rng.integers(len(clip.captions)))]
    cut = self._cut(rng)
    mirrored = rng.random() < 0.5
    video = self._video(clip, cut, rng)
    if self.flip and mirrored and flip_lib.may_flip(caption):
      video = video[:, :, ::-1]
    shown = {"video": np.ascontiguousarray(video)}
    if self.truth:
      return shown | truth_of(clip.id, self.num_frames, self.fps)
    return shown | self._text(caption)

  def _text(self, caption: str) -> dict[str, np.ndarray]:
    tokens, mask = self.tokenizer([caption])
    arrays = {"tokens": tokens[0], "text_mask": mask[0]}
    if self.embedder:
      embedding, mask = self.embedder([caption])
      arrays |= {"embedding": embedding[0], "text_mask": mask[0]}
    return arrays

  def _cut(self, rng) -> Callable[[np.ndarray], np.ndarray]:
    """Draws the crops of a clip; the function cuts [..., H, W, 3]."""
    first, second = rng.random(2), rng.random(2)

    def cut(frames):
      square = self.resolution, self.resolution
      if self.place == "centre":
        frames = crop_lib.centre(frames, *square)
      else:
        frames = crop_lib.placed(frames, *square, *first)
      if self.crop is None:
        return frames
      return crop_lib.placed(frames, self.crop, self.crop, *second)

    return cut

  def _video(self, clip: source.Clip, cut, rng) -> np.ndarray:
    if isinstance(clip.video, bytes):
      duration, fps = clip.duration, clip.fps
      if not (duration and fps):
        found = read.probe(clip.video, name=clip.name)
        duration, fps = found.duration, found.fps
      return read.decode_at(
        clip.video,
        self._times(duration, fps, rng),
        short_side=self.resolution,
        hold=clip.hold,
        cut=cut,
        name=clip.name,
      )
    return self._from_frames(clip, cut, rng)

  def _from_frames(self, clip: source.Clip, cut, rng) -> np.ndarray:
    """Of frames in memory, or of one encoded picture a frame."""
    total = len(clip.video)
    # Frames without a rate are taken one by one.
    fps = clip.fps or self.fps
    ticks = np.floor(self._times(total / fps, fps, rng) * fps + 1e-6)
    if ticks[-1] >= total and not clip.hold:
      raise errors.VideoError(
        f"{clip.name} has {total} frames, fewer than the "
        f"{int(ticks[-1]) + 1} asked for."
      )
    wanted, order = np.unique(
      np.minimum(ticks, total - 1).astype(int), return_inverse=True
    )
    frames = [_pixels(clip.video[k], clip.name) for k in wanted]
    size = resize.with_short_side(*frames[0].shape[:2], self.resolution)
    shown = [cut(resize.resize(frame[None], *size))[0] for frame in frames]
    return np.stack(shown)[order]

  def _times(self, duration: float, fps: float, rng) -> np.ndarray:
    """[T] ascending seconds at which to look at a clip."""
    if self.frames == "random":
      # The middles of frames, so that two times are never one frame.
      total = max(1, round(duration * fps))
      chosen = rng.choice(
        total, self.num_frames, replace=total < self.num_frames
      )
      return (np.sort(chosen) + 0.5) * duration / total
    ticks = np.arange(self.num_frames) / self.fps
    # The last tick may fall anywhere in the last frame.
    slack = max(0.0, duration - ticks[-1])
    start = rng.uniform(0, slack)
    return ticks + (start if self.frames == "clip" else 0.0)


def _pixels(frame: bytes | np.ndarray, name: str) -> np.ndarray:
  return still.decode(frame, name=name) if isinstance(frame, bytes) else frame


# Of a small dataset all; a clip's is 6 kB, and takes 10 ms to find.
@functools.lru_cache(maxsize=16384)
def truth_of(
  clip_id: str, num_frames: int, fps: float
) -> dict[str, np.ndarray]:
  """Labels [K] and places [T / 2, C, C], both int32; see `toybox.truth`.

  Args:
    clip_id: what `world.name` calls the clip; else a `ConfigError`.
    num_frames: T.
    fps: frames a second.
  """
  scene = world.find(clip_id)
  # Of each two frames one answer, at the time between them.
  pairs = np.arange(num_frames // 2) * 2 + 0.5
  return {
    "labels": truth.to_array(scene),
    "places": truth.to_places(scene, pairs / fps),
  }
