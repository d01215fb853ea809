"""Weights that come with the package, by name.

Each folder in here holds the stages of one cascade as `lumiere checkpoint
export` wrote them, trained by this project on data that it renders itself.
"""

import os
import pathlib

DEFAULT = "nano"
_SUFFIX, _STYLES = ".safetensors", "styles"
_HERE = pathlib.Path(__file__).parent


def names() -> tuple[str, ...]:
  """What there is."""
  return tuple(sorted(path.name for path in _HERE.glob("*") if _holds(path)))


def find(weights: str | os.PathLike) -> pathlib.Path:
  """Where weights are: a folder or file of the person's, or one of `names`.

  Of those, "nano/base" is a single stage.

  What exists at a path comes first, so that a folder of one's own called as
  one of ours is not hidden by it.
  """
  path = pathlib.Path(weights)
  if path.exists() or not path.parts or path.parts[0] not in names():
    return path
  inside = _HERE / path
  # "nano/base" is one of its stages.
  return inside if inside.exists() else inside.with_suffix(_SUFFIX)


def styles(weights: str | os.PathLike) -> tuple[str, ...]:
  """Names of the styles that stand beside weights."""
  folder = find(weights) / _STYLES
  return tuple(sorted(path.stem for path in folder.glob(f"*{_SUFFIX}")))


def find_style(
  name: str | os.PathLike, weights: str | os.PathLike
) -> pathlib.Path:
  """Where a style is: a folder or file of the person's, or one of `styles`."""
  path = pathlib.Path(name)
  if not path.exists() and str(name) in styles(weights):
    return find(weights) / _STYLES / f"{name}{_SUFFIX}"
  return path


def _holds(path: pathlib.Path) -> bool:
  return any(path.glob(f"*{_SUFFIX}"))
