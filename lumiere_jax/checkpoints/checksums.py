"""What the files of a folder were when it was written.

Nothing between memory and disk notices a flipped bit of an array: it is read
as another number.  So each checkpoint has a list of its files with their sizes
and checksums, which has a checksum itself, and is read against it.  XXH3 is
not cryptographic: it is against accidents, and reads files as fast as they
come.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
import json
import mmap
import os
import pathlib
from typing import Any

import xxhash

from lumiere_jax import errors

FILE = "checksums.json"
FORMAT = 2
_CHUNK = 2**20
# Files are read in pieces, several at a time: reading and hashing both let
# other threads run.  The checksum of a file is that of its pieces' checksums.
_PIECE = 2**26
_THREADS = 4

# (bytes done, bytes in all, name of the file)
OnFile = Callable[[int, int, str], None]


def write(folder: str | os.PathLike) -> int:
  """Lists all files below a folder in `checksums.json`, and flushes it.

  Returns:
    Bytes in all.
  """
  folder = pathlib.Path(folder)
  with futures.ThreadPoolExecutor(_THREADS) as pool:
    begun = {
      name: _begin(folder / name, pool, _of_fresh) for name in _names(folder)
    }
    files = {name: finish() for name, finish in begun.items()}
  body = {"format": FORMAT, "files": files}
  text = json.dumps(body | {"checksum": _of_list(body)}, indent=1)
  with open(folder / FILE, "w", encoding="utf-8") as file:
    file.write(f"{text}\n")
    file.flush()
    os.fsync(file.fileno())
  return sum(size for size, _ in files.values())


def read(folder: str | os.PathLike) -> dict[str, tuple[int, str]]:
  """Name -> (bytes, checksum), as written.

  Raises:
    WeightsError: there is no list, or it is damaged.
  """
  path = pathlib.Path(folder) / FILE
  try:
    body = json.loads(path.read_bytes())
    said = body.pop("checksum")
    if said != _of_list(body):
      raise ValueError("its own checksum is another")
    if body["format"] != FORMAT:
      raise ValueError(
        f"it is of format {body['format']} and this version reads {FORMAT}"
      )
    return {name: tuple(entry) for name, entry in body["files"].items()}
  except FileNotFoundError as error:
    raise errors.WeightsError(f"{path} is missing") from error
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise errors.WeightsError(f"{path} is damaged: {error}") from error


def problems(
  folder: str | os.PathLike, on_file: OnFile | None = None
) -> list[str]:
  """What is wrong with a folder, a sentence each; empty if nothing is.

  Args:
    folder: what `write` was called with.
    on_file: told after each file; a progress bar.
  """
  folder = pathlib.Path(folder)
  try:
    listed = read(folder)
  except errors.WeightsError as error:
    return [str(error)]
  except OSError as error:
    return [f"{folder / FILE} cannot be read: {error.strerror}"]
  done, total = 0, sum(size for size, _ in listed.values())
  found = []
  with futures.ThreadPoolExecutor(_THREADS) as pool:
    begun = {name: _begin(folder / name, pool, _of) for name in listed}
    for name, finish in begun.items():
      if problem := _problem(finish, *listed[name]):
        found.append(f"{name} {problem}")
      done += listed[name][0]
      if on_file:
        on_file(done, total, name)
  found += [
    f"{name} was added" for name in _names(folder) if name not in listed
  ]
  return found


def _problem(finish, size: int, checksum: str) -> str | None:
  try:
    is_size, is_checksum = finish()
  except FileNotFoundError:
    return "is missing"
  except OSError as error:
    return f"cannot be read: {error.strerror}"
  if is_size != size:
    return f"has {is_size:,} bytes instead of {size:,}"
  return None if is_checksum == checksum else "has other content"


def _begin(path: pathlib.Path, pool, of_piece) -> Callable[[], tuple[int, str]]:
  """Begins to read a file; the function waits for its size and checksum."""
  try:
    size = path.stat().st_size
  except OSError:
    return path.stat  # raises it again when asked
  pieces = [
    pool.submit(of_piece, path, start) for start in range(0, size, _PIECE)
  ]

  def finish() -> tuple[int, str]:
    whole = b"".join(piece.result() for piece in pieces)
    return size, xxhash.xxh3_128_hexdigest(whole)

  return finish


def _of(path: pathlib.Path, start: int) -> bytes:
  """Checksum of the piece of a file that begins at `start`."""
  total, left = xxhash.xxh3_128(), _PIECE
  buffer = bytearray(_CHUNK)
  view = memoryview(buffer)
  with open(path, "rb", buffering=0) as file:
    file.seek(start)
    while left and (count := file.readinto(view[: min(left, _CHUNK)])):
      total.update(view[:count])
      left -= count
  return total.digest()


def _of_fresh(path: pathlib.Path, start: int) -> bytes:
  """As `_of` in half the time, for what was written just now.

  A page that the disk cannot give back would kill the process, so that what
  may be damaged is read by `_of`.
  """
  with open(path, "rb") as file:
    size = min(_PIECE, os.fstat(file.fileno()).st_size - start)
    with mmap.mmap(
      file.fileno(), size, access=mmap.ACCESS_READ, offset=start
    ) as pages:
      pages.madvise(mmap.MADV_SEQUENTIAL)
      with memoryview(pages) as view:
        return xxhash.xxh3_128_digest(view)


def _of_list(body: Mapping[str, Any]) -> str:
  plain = json.dumps(body, sort_keys=True)
  return xxhash.xxh3_128_hexdigest(plain.encode())


def _names(folder: pathlib.Path) -> Iterator[str]:
  """All files below a folder but the list itself, sorted."""
  files = (path for path in sorted(folder.rglob("*")) if path.is_file())
  names = (path.relative_to(folder).as_posix() for path in files)
  return (name for name in names if name != FILE)
