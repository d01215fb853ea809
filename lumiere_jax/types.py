"""The nouns that pass between rooms, and the letters that name their axes.

  B batch   T frames   H height   W width   C channels   L text tokens
  E text embedding   N windows   F frames per window   K temporal factor

Video is always [B, T, H, W, C].  Inside the package pixels are float32 in
[-1, 1]; uint8 in [0, 255] exists only where a file is read or written
(`lumiere_jax.video`) and in the batches on their way to the device.
Diffusion time t runs from 0 (clean) to 1 (noise).
"""

from collections.abc import Callable
import dataclasses
from typing import Any, NamedTuple, Protocol, Self

import jax

Array = jax.Array
Params = Any
Metrics = dict[str, Array]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoBatch:
  """One global batch of captioned clips, sharded along B.

  Attributes:
    video: [B, T, H, W, 3] uint8 in [0, 255]; it becomes float32 in [-1, 1] on
      the device, so that a quarter of the bytes crosses the host's bus.
    tokens: [B, L] int32 token ids of the captions.
    text_mask: [B, L] bool, True on real tokens.
    embedding: [B, L, E] float32 from a frozen text encoder that ran ahead of
      training, or None where the encoder is part of the step.
  """

  video: Array
  tokens: Array
  text_mask: Array
  embedding: Array | None = None


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionBatch:
  """One global batch of captions whose meaning is known, sharded along B.

  Attributes:
    tokens: [B, L] int32 token ids.
    text_mask: [B, L] bool, True on real tokens.
    labels: [B, K] int32, each caption's answers to K questions: 0 for
      nothing is said, else the number of the answer, from 1; negative for not
      to be asked.
  """

  tokens: Array
  text_mask: Array
  labels: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class TruthBatch:
  """One global batch of clips of which all is known, sharded along B.

  Attributes:
    video: [B, T, H, W, 3] uint8 in [0, 255].
    labels: [B, K] int32; see `toybox.truth`.
    places: [B, T / 2, C, C] int32, which thing is where; see `toybox.truth`.
  """

  video: Array
  labels: Array
  places: Array


Batch = VideoBatch | CaptionBatch | TruthBatch


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameCondition:
  """Pixels that are given: C and M of Lumiere's conditional model, section 4.

  Attributes:
    video: [B, T, H, W, 3] float32 in [-1, 1]; exactly 0 where nothing is known.
    known: [B, T, H, W, 1] float32; 1 where `video` is to be kept, else 0.
  """

  video: Array
  known: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class Condition:
  """All that a network is told about a clip beside the noisy clip and t.

  Leaves are either one per clip (leading axis B) or one per frame (leading
  axes B, T); cutting a clip into windows repeats the first and slices the
  second, which is why `map` takes two functions.

  Attributes:
    text: [B, L, E] float32 output of the text encoder.
    text_mask: [B, L] bool, True where a token may be attended to.
    low_res: [B, T, h, w, 3] float32 in [-1, 1], the clip to upsample; None
      for a network that starts a cascade.  Per frame.
    noise_level: [B] float32 in [0, 1], diffusion time to which `low_res` was
      noised; None where `low_res` is.
    given: pixels of the clip itself that are given; None for none.  Per frame.
  """

  text: Array
  text_mask: Array
  low_res: Array | None = None
  noise_level: Array | None = None
  given: FrameCondition | None = None

  def map(
    self,
    per_clip: Callable[[Array], Array],
    per_frame: Callable[[Array], Array],
  ) -> Self:
    """Applies one function to leaves per clip, another to those per frame."""
    on = lambda f, x: None if x is None else jax.tree.map(f, x)
    return dataclasses.replace(
      self,
      text=per_clip(self.text),
      text_mask=per_clip(self.text_mask),
      low_res=on(per_frame, self.low_res),
      noise_level=on(per_clip, self.noise_level),
      given=on(per_frame, self.given),
    )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, kw_only=True)
class Guided:
  """A condition and what guidance steers away from; both of equal shapes.

  Attributes:
    positive: what the user asked for.
    negative: the null prompt, or the user's negative prompt.
  """

  positive: Condition
  negative: Condition

  def map(
    self,
    per_clip: Callable[[Array], Array],
    per_frame: Callable[[Array], Array],
  ) -> Self:
    """Maps both conditions; see `Condition.map`."""
    return type(self)(
      positive=self.positive.map(per_clip, per_frame),
      negative=self.negative.map(per_clip, per_frame),
    )


class Estimate(NamedTuple):
  """What a denoiser believes about the clean clip.

  Attributes:
    clean: [B, T, H, W, 3] float32, nominally in [-1, 1].
    variance_mix: [B, T, H, W, 3] float32 in [0, 1] from a network with learned
      variance: where its reverse step lies between the smallest (0) and the
      largest (1) variance, in logarithm; None for a network without.
  """

  clean: Array
  variance_mix: Array | None = None


# (noisy [B, T, H, W, 3], t [B], condition) -> Estimate
Denoiser = Callable[[Array, Array, Any], Estimate]
# The same with the weights as first argument, so that it can be jitted once.
ParametricDenoiser = Callable[[Params, Array, Array, Any], Estimate]


class Timeline(Protocol):
  """Where the frames of a clip live; told to each layer that looks along time.

  `nn.timeline.Whole` has all of them on one device; `parallel.timeline.Split`
  has them cut over devices, each of which sees its own T of them.

  Attributes:
    num_frames: frames of the whole clip, wherever they live.
  """

  num_frames: int

  def margins(self, x: Array, count: int) -> tuple[Array, int]:
    """Brings `count` frames of either neighbour: [B, T, ...] to be convolved.

    Returns:
      The array, and how many frames of zeros a convolution must still add at
      either end.
    """
    ...

  def thin(self, x: Array, factor: int) -> Array:
    """Keeps frames 0, factor, 2 factor..., which live as `divided` says."""
    ...

  def divided(self, factor: int) -> "Timeline":
    """The timeline of every factor-th frame."""
    ...

  def repeat(self, x: Array, factor: int) -> Array:
    """Shows each frame `factor` times, which live as `multiplied` says."""
    ...

  def multiplied(self, factor: int) -> "Timeline":
    """The timeline of `factor` times as many frames."""
    ...

  def gather(self, x: Array, axis: int) -> Array:
    """All frames, where `axis` holds this device's; some may be padding."""
    ...

  def own(self, whole: Array) -> Array:
    """This device's T frames of all: [B, num_frames, ...] -> [B, T, ...]."""
    ...

  def rows(self, table: Array) -> tuple[Array, Array | None]:
    """This device's part of a table of frames by frames.

    Args:
      table: [..., N, N] for the N frames of the clip.

    Returns:
      [..., T, all that `gather` returns], and [that] bool, True on frames that
      are no padding; None where all are.
    """
    ...
