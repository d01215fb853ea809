"""The seal of a dataset: manifest.json, written last, covers every other byte.

  root       Merkle root over the lines of manifest.jsonl, see `merkle`
  num_clips  how many lines there are
  files      size and SHA-256 of every other file of the folder
  signature  of all of the above, or null; see `signature`
  checksum   SHA-256 of all of the above as canonical JSON

The file has one form only (keys sorted, indented by one, a newline at the
end), so that no byte of it can change unseen either.
"""

from collections.abc import Callable, Iterator, Mapping
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any

from lumiere_jax import errors
from lumiere_jax.provenance import merkle
from lumiere_jax.provenance import signature as signatures

VERSION = 1
FILE = "manifest.json"
LINES = "manifest.jsonl"
_CHUNK = 1 << 20  # bytes read at once
_THREADS = min(8, os.cpu_count() or 1)

# (bytes done, bytes in all, name of a file) now and then.
OnBytes = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seal:
  """What a dataset consists of.

  Attributes:
    root: Merkle root of the manifest, 64 hex digits.
    num_clips: lines of the manifest.
    files: name within the folder -> {"sha256": hex, "size": bytes}, of every
      file but manifest.json.
    signature: as `signature.sign` made it; None if no one signed.
    version: of this format.
  """

  root: str
  num_clips: int
  files: Mapping[str, Mapping[str, Any]]
  signature: Mapping[str, Any] | None = None
  version: int = VERSION

  def statement(self) -> bytes:
    """What is signed: canonical JSON of all but the signature."""
    entry = dataclasses.asdict(self)
    del entry["signature"]
    return _canonical(entry)

  def to_bytes(self) -> bytes:
    """What manifest.json holds."""
    entry = dataclasses.asdict(self)
    checksum = hashlib.sha256(_canonical(entry)).hexdigest()
    return _canonical(entry | {"checksum": checksum})


def write(
  folder: os.PathLike | str,
  *,
  key: os.PathLike | str | None = None,
  on_bytes: OnBytes | None = None,
) -> Seal:
  """Seals a dataset; nothing in its folder may change afterwards.

  Args:
    folder: holds manifest.jsonl and whatever else belongs to the dataset.
    key: PEM file of an elliptic-curve private key to sign with.
    on_bytes: told how far it is.

  Raises:
    DataError: there is no manifest.jsonl.
    ConfigError: the key cannot be used; see `signature.sign`.
  """
  folder = pathlib.Path(folder)
  tree = merkle.Tree()
  for line in lines(folder):
    tree.add(line)
  seal = Seal(
    root=tree.root().hex(),
    num_clips=tree.size,
    files=describe(folder, names(folder), on_bytes),
  )
  if key is not None:
    signed = signatures.sign(seal.statement(), key)
    seal = dataclasses.replace(seal, signature=signed)
  part = folder / f".{FILE}.part"
  part.write_bytes(seal.to_bytes())
  part.replace(folder / FILE)
  return seal


def read(folder: os.PathLike | str) -> Seal:
  """Reads the seal of a dataset, without looking at anything else.

  Raises:
    DataError: there is none, or a byte of it changed.
  """
  path = pathlib.Path(folder) / FILE
  if not path.is_file():
    raise errors.DataError(
      f"{os.fspath(folder)} has no {FILE}, so nothing says what it held; make "
      "the dataset again with `lumiere prepare`."
    )
  try:
    data = path.read_bytes()
    entry = json.loads(data)
    del entry["checksum"]
    seal = Seal(**entry)
    is_whole = seal.to_bytes() == data
  except (ValueError, TypeError, KeyError) as error:
    raise errors.DataError(
      f"{path} is damaged ({error}); get it again from where it was made."
    ) from error
  if not is_whole:
    raise errors.DataError(
      f"{path} was changed after it was written: its checksum is of other "
      "bytes; get it again from where it was made."
    )
  if seal.version != VERSION:
    raise errors.DataError(
      f"{path} has version {seal.version}; this code reads version {VERSION}."
    )
  return seal


def check_signature(
  folder: os.PathLike | str, public_key: os.PathLike | str
) -> None:
  """Raises `DataError` unless the owner of a key signed the seal.

  Args:
    folder: the dataset.
    public_key: PEM file of the elliptic-curve public key.
  """
  seal = read(folder)
  if seal.signature is None:
    raise errors.DataError(
      f"{os.fspath(folder)} is not signed; it could be by: lumiere prepare "
      "--key PRIVATE_KEY.pem"
    )
  signatures.check(seal.statement(), seal.signature, public_key)


def lines(folder: os.PathLike | str) -> Iterator[bytes]:
  """Yields the leaves: lines of manifest.jsonl as bytes, without their ends.

  Raises:
    DataError: there is no manifest.jsonl.
  """
  path = pathlib.Path(folder) / LINES
  if not path.is_file():
    raise errors.DataError(
      f"{os.fspath(folder)} has no {LINES}, which lists the clips of a "
      "dataset; make the dataset again with `lumiere prepare`."
    )
  with path.open("rb") as file:
    for line in file:
      yield line.removesuffix(b"\n")


def names(folder: os.PathLike | str) -> list[str]:
  """All files of a folder and its subfolders but the seal itself, sorted."""
  folder = pathlib.Path(folder)
  found = (
    path.relative_to(folder).as_posix()
    for path in folder.rglob("*")
    if path.is_file() or path.is_symlink()
  )
  return sorted(name for name in found if name != FILE)


def describe(
  folder: os.PathLike | str,
  names: list[str],
  on_bytes: OnBytes | None = None,
) -> dict[str, dict[str, Any]]:
  """Name -> {"sha256", "size"} of files, several read at a time."""
  folder = pathlib.Path(folder)
  total = sum((folder / name).stat().st_size for name in names)
  found, done = {}, 0
  # Hashing releases the interpreter's lock, so threads do.
  with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
    entries = pool.map(lambda name: _describe(folder / name), names)
    for name, entry in zip(names, entries, strict=True):
      found[name] = entry
      done += entry["size"]
      if on_bytes:
        on_bytes(done, total, name)
  return found


def _describe(path: pathlib.Path) -> dict[str, Any]:
  total, size = hashlib.sha256(), 0
  with path.open("rb", buffering=0) as file:
    while chunk := file.read(_CHUNK):
      total.update(chunk)
      size += len(chunk)
  return {"sha256": total.hexdigest(), "size": size}


def _canonical(entry: Mapping[str, Any]) -> bytes:
  return (json.dumps(entry, indent=1, sort_keys=True) + "\n").encode()
