"""Weights that come with the package, by name.

Each folder in here holds the stages of one cascade as `lumiere checkpoint
export` wrote them, trained by this project on data that it renders itself.
"""

import os
import pathlib

DEFAULT = "nano"
_HERE = pathlib.Path(__file__).parent


def names() -> tuple[str, ...]:
  """What there is."""
  return tuple(sorted(path.name for path in _HERE.glob("*") if _holds(path)))


def find(weights: str | os.PathLike) -> pathlib.Path:
  """Where weights are: a folder or file of the person's, or one of `names`.

  What exists at a path comes first, so that a folder of one's own called as
  one of ours is not hidden by it.
  """
  path = pathlib.Path(weights)
  if not path.exists() and str(weights) in names():
    return _HERE / str(weights)
  return path


def _holds(path: pathlib.Path) -> bool:
  return any(path.glob("*.safetensors"))
