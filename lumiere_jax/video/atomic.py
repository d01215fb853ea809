"""Files that are whole or not there.

What is being written stands under a hidden name in the same folder (renaming
across file systems copies) and takes its final name in one step at the end.
A full disk, a stop or a bug leaves nothing at the final name, or leaves what
stood there before.
"""

from collections.abc import Iterator
import contextlib
import errno
import os
import pathlib
import shutil
import uuid

from lumiere_jax import errors

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_disk_full(error: BaseException) -> bool:
  """Whether the disk or its quota ran out, whoever noticed it.

  ArrayRecord and FFmpeg report it as a message, without the number.
  """
  return getattr(error, "errno", None) in _FULL or any(
    os.strerror(number) in str(error) for number in _FULL
  )


def output_error(path: os.PathLike | str, error: BaseException):
  """The `OutputError` that says why nothing stands at `path`."""
  if is_disk_full(error):
    return errors.OutputError(
      f"{path} was not written: the disk is full. Free some space or choose "
      "a folder on another disk; nothing was left behind."
    )
  reason = getattr(error, "strerror", None) or error
  return errors.OutputError(
    f"{path} was not written: {str(reason).lower()}. Choose a folder that "
    "can be written to; nothing was left behind."
  )


@contextlib.contextmanager
def replacing(path: os.PathLike | str) -> Iterator[pathlib.Path]:
  """Gives a name to write to, which becomes `path` if the block succeeds.

  Missing parents are made.  Any `OSError` in the block becomes `OutputError`;
  other exceptions pass.  Either way the unfinished file is removed.
  """
  path = pathlib.Path(path)
  unfinished = _unfinished(path)
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    yield unfinished
    _flush(unfinished)
    os.replace(unfinished, path)
  except errors.LumiereError:
    raise
  except OSError as error:
    raise output_error(path, error) from error
  finally:
    with contextlib.suppress(OSError):
      unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: os.PathLike | str) -> Iterator[pathlib.Path]:
  """As `replacing`, for a folder; what stood at `path` is removed at the end.

  Whether it may be removed is for the caller to decide, before.
  """
  path = pathlib.Path(path)
  unfinished, former = _unfinished(path), _unfinished(path)
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.mkdir()
    yield unfinished
    if path.exists():
      os.rename(path, former)
    os.rename(unfinished, path)
  except errors.LumiereError:
    raise
  except Exception as error:
    if isinstance(error, OSError) or is_disk_full(error):
      raise output_error(path, error) from error
    raise
  finally:
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(former, ignore_errors=True)


def write_bytes(path: os.PathLike | str, data: bytes) -> None:
  """Writes a whole file or none; raises `OutputError`."""
  with replacing(path) as unfinished:
    unfinished.write_bytes(data)


def write_text(path: os.PathLike | str, text: str) -> None:
  """Writes a whole UTF-8 file or none; raises `OutputError`."""
  write_bytes(path, text.encode())


def _unfinished(path: pathlib.Path) -> pathlib.Path:
  # The suffix stays: FFmpeg reads the container format from it.
  return path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")


def _flush(path: pathlib.Path) -> None:
  # Network file systems tell of a full disk only here.
  with open(path, "rb") as file:
    os.fsync(file.fileno())
