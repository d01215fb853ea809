"""Captions whose meaning is known, to train a text encoder on.

Only the toybox knows what its captions say; of those it has as many as are
asked for, without rendering a clip.
"""

import dataclasses

import numpy as np

from lumiere_jax import errors
from lumiere_jax.data import spec
from lumiere_jax.data import toybox
from lumiere_jax.data import view as view_lib
from lumiere_jax.toybox import caption
from lumiere_jax.toybox import world

NO_FRAMES = "none"
NAME = f"{spec.TOYBOX}captions"
# One scene in so many may be of any number of things; the others look for one
# of several so far away, which leaves them what they are.
_ANY, _STRIDE = 4, 4 * 61_657


class CaptionSource:
  """Random access to the captions of the toybox.

  Attributes:
    dataset: "toybox:captions".
    split: name of a split.
    root: "", for there are no files to seal.
    digest: identifies the world.
  """

  root, dataset, digest = "", NAME, f"toybox {world.VERSION} in words"

  def __init__(self, part: spec.Part, split: str):
    """Raises `ConfigError` for anything but the captions of the toybox."""
    if part.name != NAME:
      raise errors.ConfigError(
        f"a text encoder is trained on captions whose meaning is known, and "
        f"{part.name} is not known to have them; use "
        f"--config.data.dataset={NAME}."
      )
    self.split = part.split or split
    errors.require_one_of("split of toybox", self.split, world.NAMES)

  def __len__(self) -> int:
    """Number of scenes; each has several captions."""
    return toybox.ENDLESS

  def __getitem__(self, index: int) -> tuple[caption.Caption, ...]:
    """The captions of one scene.

    Of three scenes in four several things: where there is one alone, any
    colour that is named is its colour, and whoever learns that first is slow
    to look whose it is.
    """
    index = int(index)
    while index % _ANY and len(world.scene(self.split, index).things) < 2:
      index = (index + _STRIDE) % toybox.ENDLESS
    return world.describe(self.split, index)


@dataclasses.dataclass(frozen=True)
class View:
  """Turns the captions of a scene into arrays: one of them, and its meaning.

  Attributes:
    tokenizer: list of n captions -> ([n, L] int32, [n, L] bool).
  """

  tokenizer: view_lib.Tokenizer

  def __call__(
    self, captions: tuple[caption.Caption, ...], rng: np.random.Generator
  ) -> dict[str, np.ndarray]:
    """Returns tokens [L] int32, text_mask [L] and labels [K] int32."""
    one = captions[int(rng.integers(len(captions)))]
    tokens, mask = self.tokenizer([one.text])
    return {
      "tokens": tokens[0],
      "text_mask": mask[0],
      "labels": one.array(),
    }
