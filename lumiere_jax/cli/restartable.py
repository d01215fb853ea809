"""Datasets in the making: a bar, and what is said when they are stopped."""

from collections.abc import Callable
import pathlib
import sys

from lumiere_jax import errors
from lumiere_jax.cli import progress
from lumiere_jax.data import prepare
from lumiere_jax.data import report as reports


def run(
  out: pathlib.Path, unit: str, make: Callable[..., reports.Report]
) -> reports.Report:
  """Makes a dataset, or goes on with it.

  Args:
    out: where it appears.
    unit: what is gone through, such as "files".
    make: takes `on_clip` and `on_bytes`; see `data.prepare`.

  Raises:
    LumiereError: as `make`, with what is kept of the work.
    SystemExit: stopped by Ctrl-C.
  """
  done = prepare.unfinished(out)
  if done:
    print(f"going on where it was stopped; shards that are there: {done}")
  try:
    return make(
      on_clip=_amounts(unit, 1), on_bytes=_amounts("MB sealed", 1_000_000)
    )
  except KeyboardInterrupt:
    if sys.stderr.isatty():
      print(file=sys.stderr)  # below the bar
    kept = prepare.unfinished(out)
    print(
      f"stopped; shards that are whole: {kept}; the same command goes on",
      file=sys.stderr,
    )
    raise SystemExit(130) from None
  except errors.LumiereError as error:
    kept = prepare.unfinished(out)
    if kept and kept != done:
      raise type(error)(
        f"{error} What is whole is kept ({kept} of the shards), and the next "
        "command goes on."
      ) from error
    raise


def _amounts(unit: str, per: int) -> Callable[[int, int, str], None]:
  """A bar whose clock starts when the work that it shows does."""
  shown = None

  def on_amount(done: int, total: int, name: str) -> None:
    nonlocal shown
    shown = shown or progress.amounts(unit, per)
    shown(done, total, name)

  return on_amount
