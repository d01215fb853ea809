"""Proofs that a clip is in a dataset, or that a dataset only grew.

A proof is plain JSON.  Who knows the root, from a checkpoint or a video, checks
it without the dataset, and in ten lines of Python without this package; see
`lumiere prove --help`.
"""

import base64
from collections.abc import Mapping
import difflib
import json
import os
from typing import Any

from lumiere_jax import errors
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import merkle
from lumiere_jax.provenance import seal as seals

VERSION = 1
_SEARCHED = 10_000  # ids among which the nearest is looked for


def prove(folder: os.PathLike | str, clip: str) -> dict[str, Any]:
  """Proof that a clip is in a sealed dataset.

  Args:
    folder: the dataset.
    clip: its id.

  Returns:
    {"version", "kind": "inclusion", "clip": its line of the manifest,
    "proof": {"index", "size", "path": base64 of 32 bytes a level}, "root"}.

  Raises:
    DataError: no such clip, or a manifest that is not what was sealed.
  """
  seal = seals.read(folder)
  index, line = _find(folder, clip, seal)
  path = merkle.prove(seals.lines(folder), index, seal.num_clips)
  return {
    "version": VERSION,
    "kind": "inclusion",
    "clip": line.decode(),
    "proof": {"index": index, "size": seal.num_clips, "path": _packed(path)},
    "root": seal.root,
  }


def prove_growth(folder: os.PathLike | str, old_size: int) -> dict[str, Any]:
  """Proof that a sealed dataset begins with an earlier state of itself.

  Args:
    folder: the dataset.
    old_size: clips it had.

  Returns:
    {"version", "kind": "growth", "proof": {"old_size", "size", "path"},
    "old_root", "root"}.

  Raises:
    DataError: it has fewer clips, or its manifest is not what was sealed.
  """
  seal = seals.read(folder)
  if not 0 < old_size <= seal.num_clips:
    raise errors.DataError(
      f"{os.fspath(folder)} has {seal.num_clips} clips, so it did not grow "
      f"from {old_size}; give a number from 1 to {seal.num_clips}."
    )
  tree, old_root = merkle.Tree(), b""
  for line in seals.lines(folder):
    tree.add(line)
    if tree.size == old_size:
      old_root = tree.root()
  _require_sealed(folder, tree, seal)
  path = merkle.prove_growth(seals.lines(folder), old_size, tree.size)
  return {
    "version": VERSION,
    "kind": "growth",
    "proof": {"old_size": old_size, "size": tree.size, "path": _packed(path)},
    "old_root": old_root.hex(),
    "root": seal.root,
  }


def check(
  entry: Mapping[str, Any], root: str, old_root: str | None = None
) -> bool:
  """Whether a proof leads to the root that is trusted.

  Args:
    entry: as `prove` or `prove_growth` returned it.
    root: 64 hex digits, from somewhere else than the proof.
    old_root: with a proof of growth, the root that was known before.

  Raises:
    DataError: it is no proof.
    ConfigError: a proof of growth without the root known before.
  """
  is_growth = entry.get("kind") == "growth"
  if is_growth and old_root is None:
    raise errors.ConfigError(
      "this proof says that a dataset grew; say from which root: --old-root"
    )
  try:
    if entry["version"] != VERSION:
      raise ValueError(f"version {entry['version']}, not {VERSION}")
    if is_growth:
      return _check_growth(entry["proof"], root, old_root)
    return _check_inclusion(entry["clip"], entry["proof"], root)
  except (KeyError, ValueError, TypeError, AttributeError) as error:
    raise errors.DataError(
      f"this is no proof ({type(error).__name__}: {error}); give the JSON "
      "that `lumiere prove` printed."
    ) from error


def clip_of(entry: Mapping[str, Any]) -> manifest.ClipRecord:
  """The clip that a proof of inclusion is about; raises `DataError`."""
  return manifest.from_line(entry["clip"].encode(), "the clip of the proof")


def _check_inclusion(clip: str, proof: Mapping[str, Any], root: str) -> bool:
  index, size = int(proof["index"]), int(proof["size"])
  found = merkle.root_from(clip.encode(), index, size, _path(proof))
  return found is not None and found.hex() == root.lower()


def _check_growth(proof: Mapping[str, Any], root: str, old_root: str) -> bool:
  return merkle.check_growth(
    int(proof["old_size"]),
    bytes.fromhex(old_root),
    int(proof["size"]),
    bytes.fromhex(root),
    _path(proof),
  )


def _packed(path: list[bytes]) -> str:
  return base64.b64encode(b"".join(path)).decode()


def _path(proof: Mapping[str, Any]) -> list[bytes]:
  data, size = base64.b64decode(proof["path"]), merkle.HASH_SIZE
  return [data[k : k + size] for k in range(0, len(data), size)]


def _find(folder, clip: str, seal: seals.Seal) -> tuple[int, bytes]:
  """Place and line of a clip, once the manifest is what was sealed."""
  tree, found, others = merkle.Tree(), None, []
  told = json.dumps(clip, ensure_ascii=False).encode()
  for index, line in enumerate(seals.lines(folder)):
    tree.add(line)
    # Parsing a million lines takes as long as hashing them ten times.
    if told in line and _id(line) == clip:
      found = index, line
    elif index < _SEARCHED and found is None:
      others.append(line)
  _require_sealed(folder, tree, seal)
  if found is None:
    close = difflib.get_close_matches(clip, map(_id, others), n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise errors.DataError(
      f"{os.fspath(folder)} has no clip {clip!r}; ids are the paths in the "
      f"folder it was made from, with #2 and so on for pieces.{hint}"
    )
  return found


def _id(line: bytes) -> str:
  return manifest.from_line(line, "manifest").id


def _require_sealed(folder, tree: merkle.Tree, seal: seals.Seal) -> None:
  if (tree.root().hex(), tree.size) != (seal.root, seal.num_clips):
    raise errors.DataError(
      f"{seals.LINES} in {os.fspath(folder)} is not what was sealed, so it "
      f"proves nothing; see what changed with: lumiere verify {folder}"
    )
