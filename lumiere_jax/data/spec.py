"""What a recipe's `data.dataset` says: one dataset, or several by weight.

  cache/clips                              a folder made by `lumiere prepare`
  tfds:ucf101@/data/tfds                   a TFDS dataset, in that directory
  tfds:moving_mnist@/data?caption=digits   every clip with the same caption
  toybox:32                                our own world, rendered as it is read
  images:style.png?caption=a+cat           pictures as they lie on a disk
  3 * cache/mine + 1 * cache/theirs        three clips of four from the first

After a `?` come options, as in a web address: split, caption, fps, and video
and text, which name the fields to read where ours is not the right guess.
"""

import dataclasses
import math
import re
from typing import Self
import urllib.parse

from lumiere_jax import errors

PREFIX = "tfds:"
TOYBOX = "toybox:"
IMAGES = "images:"
_OPTIONS = ("split", "caption", "fps", "video", "text")
_WEIGHTED = re.compile(r"\s*([0-9.eE+-]+)\s*\*\s*(\S.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
  """One dataset of a mixture.

  Attributes:
    name: folder, or `tfds:NAME` or `tfds:NAME@DATA_DIR`.
    weight: share of the clips, relative to the other parts'.
    split: name of a split or a slice of one; None for the recipe's.
    caption: of every clip; None to read one of each.
    fps: frames per second of frames that come without a rate; None to take
      them one by one.
    video: field that holds the picture, such as "video/frames"; None to look.
    text: field that holds the caption; None to look.
  """

  name: str
  weight: float = 1.0
  split: str | None = None
  caption: str | None = None
  fps: float | None = None
  video: str | None = None
  text: str | None = None

  @classmethod
  def from_text(cls, text: str) -> Self:
    """Parses one part; raises `ConfigError` where it makes no sense."""
    weighted = _WEIGHTED.fullmatch(text)
    weight, rest = weighted.groups() if weighted else ("1", text.strip())
    name, _, query = rest.partition("?")
    given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    for option in given:
      errors.require_one_of(f"option of {name}", option, _OPTIONS)
    if "fps" in given:
      given["fps"] = _positive(given["fps"], f"fps of {name}")
    return cls(
      name=name.strip(),
      weight=_positive(weight, f"weight of {name.strip()}"),
      **given,
    )


def parse(dataset: str) -> tuple[Part, ...]:
  """Splits `data.dataset` into its parts.

  Raises:
    ConfigError: a part without name, or a weight that is no positive number.
  """
  texts = re.split(r"\s\+\s", str(dataset))
  if not all(text.strip() for text in texts):
    raise errors.ConfigError(
      f"data.dataset is {dataset!r}, where a name is missing; write one "
      "dataset, or several as in '3 * cache/a + 1 * cache/b'."
    )
  return tuple(Part.from_text(text) for text in texts)


def _positive(text: str, what: str) -> float:
  try:
    value = float(text)
  except ValueError:
    value = math.nan
  if not (value > 0 and math.isfinite(value)):
    raise errors.ConfigError(
      f"{what} is {text!r}; it must be a positive number."
    )
  return value
