"""Files that appear whole and together, or not at all.

A clip and what describes it are worth little without each other, and half an
mp4 on a full disk is worth less than none: everything is written aside, in the
same folder and so on the same disk, and renamed once all of it is there.
"""

from collections.abc import Callable, Mapping
import os
import pathlib
import tempfile

from lumiere_jax import errors
from lumiere_jax.video import atomic

Writer = Callable[[pathlib.Path], None]  # writes one file at the path given


def publish(
  writers: Mapping[pathlib.Path, Writer], *, overwrite: bool = False
) -> None:
  """Writes all files, or none.

  Args:
    writers: final path -> what writes it, all in one folder, which is created
      when missing.
    overwrite: whether files that exist may be replaced.

  Raises:
    OutputError: a file exists, or one could not be written; then nothing
      stands at any final name that did not stand there before.
  """
  refuse_existing(writers, overwrite=overwrite)
  folder = next(iter(writers)).parent
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
      prefix=".unfinished-", dir=folder
    ) as aside:
      for final, write in writers.items():
        write(pathlib.Path(aside, final.name))
      _rename(pathlib.Path(aside), list(writers))
  except OSError as error:
    # A writer's own OutputError names the file aside; say the final name.
    reason = error.__cause__ if isinstance(error, errors.OutputError) else error
    raise atomic.output_error(next(iter(writers)), reason or error) from error


def refuse_existing(
  finals: Mapping[pathlib.Path, Writer] | list[pathlib.Path],
  *,
  overwrite: bool = False,
) -> None:
  """Raises `OutputError` where a file exists that may not be replaced."""
  if overwrite:
    return
  for final in finals:
    if final.exists():
      raise errors.OutputError(
        f"{final} exists and is not overwritten; choose another --out or say "
        "--overwrite."
      )


def _rename(aside: pathlib.Path, finals: list[pathlib.Path]) -> None:
  """Moves all to their final names; takes new ones back if one fails."""
  new = [final for final in finals if not final.exists()]
  try:
    for final in finals:
      os.replace(aside / final.name, final)
  except OSError:
    for final in new:
      final.unlink(missing_ok=True)
    raise
