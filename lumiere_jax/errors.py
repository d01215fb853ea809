"""Errors a person can act on.

A message says, in this order: what was found, what rule it breaks, where the
rule comes from, and the nearest thing that would work.  The command line
prints it bare and leaves with exit code 2; any other exception is a bug and
keeps its traceback.
"""

from collections.abc import Iterable
import difflib


class LumiereError(Exception):
  """Base of every error we raise on purpose; the CLI prints it bare."""


class ConfigError(LumiereError, ValueError):
  """A recipe or flag that contradicts itself or names what is not there."""


class ShapeError(LumiereError, ValueError):
  """An array, a clip or a mesh has a size the computation cannot take."""


class VideoError(LumiereError, ValueError):
  """A video file that cannot be read, or frames that cannot be written."""


class DataError(LumiereError, ValueError):
  """A dataset, caption table or record that we refuse to use."""


class WeightsError(LumiereError, ValueError):
  """Weights that are missing, damaged or made for something else."""


class TrainingError(LumiereError, ArithmeticError):
  """A run that must not go on: a loss or gradient is no longer a number."""


class OutputError(LumiereError, OSError):
  """A result that could not be written; nothing stands at its final name."""


class QualityError(LumiereError, ValueError):
  """A stage produced NaN, flat or pure-noise frames."""


def require_divisible(what: str, size: int, by: int, *, because: str) -> None:
  """Raises `ShapeError` unless `size` is a positive multiple of `by`."""
  if size > 0 and size % by == 0:
    return
  below, above = size // by * by, -(-size // by) * by
  nearest = f"{above or by}" if below <= 0 else f"{below} or {above}"
  raise ShapeError(
    f"{what} is {size}, which is not a positive multiple of {by}: {because}. "
    f"Nearest sizes that work: {nearest}."
  )


def require_one_of(what: str, name: str, choices: Iterable[str]) -> None:
  """Raises `ConfigError` unless `name` is a choice; suggests the nearest."""
  choices = list(choices)
  if name in choices:
    return
  close = difflib.get_close_matches(str(name), choices, n=1)
  hint = f" Did you mean {close[0]!r}?" if close else ""
  raise ConfigError(
    f"{what} is {name!r}; it must be one of {', '.join(choices)}.{hint}"
  )
