"""One run at a time in a folder."""

import contextlib
import fcntl
import json
import os
import pathlib
import socket
import time

from absl import logging
import jax

from lumiere_jax import errors

FILE = ".lock"


@contextlib.contextmanager
def held(workdir: str | os.PathLike):
  """Holds the folder while the block runs; process 0 does, for all.

  The lock goes with the process, however it ends.

  Raises:
    ConfigError: another run has it; says which.
  """
  if jax.process_index() != 0:
    yield
    return
  path = pathlib.Path(workdir) / FILE
  with _open(path) as file:
    _lock(file, path)
    said = {"host": socket.gethostname(), "pid": os.getpid()}
    file.seek(0)
    file.truncate()
    file.write(json.dumps(said | {"since": time.strftime("%F %T %Z")}))
    file.flush()
    yield


def _open(path: pathlib.Path):
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    return open(path, "a+", encoding="utf-8")
  except OSError as error:
    raise errors.OutputError(
      f"{path.parent} cannot be written to: {error.strerror}; give another "
      "--workdir, or make it writable."
    ) from error


def _lock(file, path: pathlib.Path) -> None:
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError as error:
    file.seek(0)
    raise errors.ConfigError(
      f"{path.parent} is in use by another run ({_who(file.read())}); wait for "
      "it or stop it, or give another --workdir."
    ) from error
  except OSError as error:  # mounted buckets have no locks
    logging.warning("%s cannot be locked: %s", path, error.strerror)


def _who(text: str) -> str:
  try:
    said = json.loads(text)
    return f"process {said['pid']} on {said['host']} since {said['since']}"
  except (ValueError, KeyError, TypeError):
    return "which has not said more"
