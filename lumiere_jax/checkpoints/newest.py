"""The newest checkpoint that is what it was when it was written.

One that is damaged is set aside with a report, and the one before it is
looked at: a run goes on by itself, with a warning, a few steps back.
"""

import os

from absl import logging
import jax

from lumiere_jax import errors
from lumiere_jax.checkpoints import checksums
from lumiere_jax.checkpoints import folder
from lumiere_jax.parallel import agree

_NONE, _ALL_DAMAGED = -1, -2
_SHOWN = 3


def good(workdir: str | os.PathLike) -> int | None:
  """Finds it; every process of the job must call this.

  Returns:
    Its step, or None where the run has no checkpoint yet.

  Raises:
    WeightsError: there are checkpoints, all of them damaged.
  """
  found = _NONE
  if jax.process_index() == 0:
    found = _search(workdir)
  found = agree.first(found)
  if found == _ALL_DAMAGED:
    raise errors.WeightsError(
      f"every checkpoint of {os.fspath(workdir)} is damaged; they were moved "
      f"to {folder.root(workdir) / folder.DAMAGED}. Copy a good one back from "
      "elsewhere, or give another --workdir to begin anew."
    )
  return None if found == _NONE else found


def readable(workdir: str | os.PathLike) -> int | None:
  """As `good`, for whoever only reads: moves nothing, asks nobody.

  Raises:
    WeightsError: there are checkpoints, all of them damaged.
  """
  steps = folder.steps(workdir)
  for step in reversed(steps):
    problems = checksums.problems(folder.of(workdir, step))
    if not problems:
      return step
    logging.warning(
      "checkpoint %d of %s is damaged (%s); taking the one before it",
      *(step, workdir, said(problems)),
    )
  if steps:
    raise errors.WeightsError(
      f"every checkpoint of {os.fspath(workdir)} is damaged: "
      f"{said(problems)}; copy the run again from where it was trained."
    )
  return None


def _search(workdir: str | os.PathLike) -> int:
  steps = folder.steps(workdir)
  for step in reversed(steps):
    problems = checksums.problems(folder.of(workdir, step))
    if not problems:
      return step
    to = folder.set_aside(workdir, step, problems)
    logging.warning(
      "checkpoint %d is damaged (%s) and was moved to %s; going back to the "
      "one before it",
      step,
      said(problems),
      to,
    )
  return _ALL_DAMAGED if steps else _NONE


def said(problems: list[str]) -> str:
  """The first few of many problems, in a line."""
  more = len(problems) - _SHOWN
  tail = f" and {more} more" if more > 0 else ""
  return "; ".join(problems[:_SHOWN]) + tail
