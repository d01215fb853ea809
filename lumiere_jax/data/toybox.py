"""The captioned 3-D world as training data: on the fly, or as a dataset.

`toybox:32` as `data.dataset` renders each clip where it is needed; a dataset
made by `build` holds them, losslessly, with a manifest as any other.  Clip k
of a split is the same in both, on any machine.
"""

from collections.abc import Iterator
import dataclasses
import hashlib
import pathlib
import re

import numpy as np

from lumiere_jax import errors
from lumiere_jax.data import examine as examine_lib
from lumiere_jax.data import prepare
from lumiere_jax.data import source
from lumiere_jax.data import spec
from lumiere_jax.data import workers
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import seal
from lumiere_jax.toybox import motion
from lumiere_jax.toybox import render
from lumiere_jax.toybox import world
from lumiere_jax.video import lossless
from lumiere_jax.video import write

NUM_FRAMES, FPS = 80, 16.0
LICENCE, OWNER = "Apache-2.0", "Lumiere for JAX"
# Clips of a split that is rendered as it is read: more than a run sees.
ENDLESS = 1_000_000
_NAME = re.compile(re.escape(spec.TOYBOX) + r"(\d+)")
_SIZES = (16, 512)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Toy:
  """One clip to render.

  Attributes:
    split: see `world.NAMES`.
    index: number within the split.
    size: pixels of a frame's side.
    num_frames: of its five seconds, evenly spread.
    version: of the world.
  """

  split: str
  index: int
  size: int
  num_frames: int = NUM_FRAMES
  version: int = world.VERSION

  @property
  def path(self) -> str:
    """What it is called."""
    return world.name(self.split, self.index)

  @property
  def fps(self) -> float:
    """Frames a second."""
    return self.num_frames / motion.DURATION

  def frames(self) -> np.ndarray:
    """[num_frames, size, size, 3] uint8."""
    scene = world.scene(self.split, self.index)
    return render.footage(
      scene, self.size, num_frames=self.num_frames, fps=self.fps
    ).frames


def build(
  out: pathlib.Path,
  *,
  split: str,
  size: int,
  num_clips: int,
  first: int = 0,
  num_frames: int = NUM_FRAMES,
  work: prepare.Work | None = None,
  on_clip: workers.OnFile | None = None,
  on_bytes: seal.OnBytes | None = None,
) -> prepare.Report:
  """Renders clips of a split into a dataset, in parallel and restartable.

  Args:
    out: folder to make; see `prepare.prepare`.
    split: see `world.NAMES`.
    size: pixels of a frame's side, even.
    num_clips: how many.
    first: number of the first.
    num_frames: of a clip's five seconds; a few do for a network of images.
    work: likewise.
    on_clip: likewise.
    on_bytes: likewise.

  Raises:
    ConfigError: no such split or size, or no clips.
    OutputError: `out` may not be replaced, or the disk is full.
  """
  require_size(size)
  errors.require_one_of("--split", split, world.NAMES)
  if num_clips < 1 or first < 0:
    raise errors.ConfigError(
      f"--num-clips is {num_clips} and --first {first}; render one clip or "
      "more, counted from 0."
    )
  if not 1 <= num_frames <= NUM_FRAMES:
    raise errors.ConfigError(
      f"--num-frames is {num_frames}; a clip is rendered with 1 to "
      f"{NUM_FRAMES}."
    )
  toys = [
    Toy(split=split, index=first + k, size=size, num_frames=num_frames)
    for k in range(num_clips)
  ]
  settings = prepare.Settings(motion=0.0, light=0.0, duplicate=-1)
  work = work or prepare.Work(workers=0)
  return prepare.assemble(toys, out, settings, work, on_clip, on_bytes, examine)


def examine(toy: Toy, settings, excluded) -> Iterator[examine_lib.Outcome]:
  """Yields the clip, rendered; see `examine.examine`."""
  del settings, excluded
  frames = toy.frames()
  data = lossless.mp4_bytes(frames, toy.fps)
  digest = hashlib.sha256(data).hexdigest()
  record = manifest.ClipRecord(
    id=toy.path,
    path=toy.path,
    start=0.0,
    sha256=digest,
    stored_sha256=digest,
    fingerprint="",
    width=toy.size,
    height=toy.size,
    fps=toy.fps,
    num_frames=len(frames),
    duration=motion.DURATION,
    hold=False,
    caption=world.describe(toy.split, toy.index)[0].text,
    caption_origin="grammar",
    licence=LICENCE,
    owner=OWNER,
    source=f"toybox {toy.version}",
  )
  thumb = b"" if toy.index % 200 else write.png_bytes(frames[len(frames) // 2])
  yield examine_lib.Outcome(id=toy.path, record=record, data=data, thumb=thumb)


class ToyboxSource:
  """Random access to clips that are rendered when they are read.

  Attributes:
    dataset: "toybox:SIZE".
    size: pixels of a frame's side.
    split: name of a split.
    root: "", for there are no files to seal.
    digest: identifies the world.
  """

  root = ""

  def __init__(self, part: spec.Part | str, split: str = "train"):
    """Raises `ConfigError` where the size or the split does not exist."""
    if not isinstance(part, spec.Part):
      part = spec.Part.from_text(part)
    self.dataset, self.split = part.name, part.split or split
    errors.require_one_of("split of toybox", self.split, world.NAMES)
    for option in ("caption", "fps", "video", "text"):
      if getattr(part, option) is not None:
        raise errors.ConfigError(
          f"{part.name} was given the option {option!r}, and takes split "
          "alone: its clips have captions and a rate of their own."
        )
    found = _NAME.fullmatch(part.name)
    if not found:
      raise errors.ConfigError(
        f"{part.name} names no size; the world at 32 pixels is toybox:32."
      )
    self.size = int(found[1])
    require_size(self.size)
    self.digest = f"toybox {world.VERSION} at {self.size}"

  def __len__(self) -> int:
    """Number of clips."""
    return ENDLESS

  def __getitem__(self, index: int) -> source.Clip:
    """Renders one clip."""
    if not 0 <= index < ENDLESS:
      raise IndexError(index)
    toy = Toy(split=self.split, index=int(index), size=self.size)
    return source.Clip(
      video=toy.frames(),
      captions=self.captions(index),
      name=f"{toy.path} of {self.dataset}",
      duration=motion.DURATION,
      fps=FPS,
      hold=False,
      id=toy.path,
    )

  def captions(self, index: int) -> tuple[str, ...]:
    """The captions of a clip."""
    return tuple(one.text for one in world.describe(self.split, int(index)))

  def __repr__(self) -> str:
    return f"ToyboxSource({self.dataset!r}, split={self.split!r})"


def require_size(size: int) -> None:
  """Raises `ConfigError` unless frames may be so large."""
  low, high = _SIZES
  if not low <= size <= high or size % 2:
    raise errors.ConfigError(
      f"a frame of toybox is to be {size} pixels wide; use an even number "
      f"from {low} to {high}, such as 32 or 128."
    )
