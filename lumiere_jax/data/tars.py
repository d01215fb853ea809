"""WebDataset tars: clips and their captions read in place, never unpacked.

Members that share a name up to its first dot belong together:

  000/clip17.mp4  000/clip17.txt  000/clip17.json
"""

from collections.abc import Iterator, Mapping, Sequence
import json
import pathlib
import tarfile
from typing import Any

from lumiere_jax import errors
from lumiere_jax.data import captions
from lumiere_jax.data import tables

_TEXTS = ("txt", "caption")


def find(
  tars: Sequence[pathlib.Path], suffixes: Sequence[str]
) -> Iterator[captions.CaptionedFile]:
  """Yields the clips of tars in order; captions may be empty.

  Args:
    tars: the files.
    suffixes: of what is a clip, such as ".mp4".

  Raises:
    DataError: a tar that cannot be read.
  """
  for tar in tars:
    try:
      with tarfile.open(tar, "r:") as archive:
        yield from _clips(archive, tar, suffixes)
    except (tarfile.TarError, OSError) as error:
      raise errors.DataError(
        f"{tar} cannot be read as a tar without compression ({error}); copy "
        "it again, or gunzip it."
      ) from error


def _clips(archive, tar: pathlib.Path, suffixes) -> Iterator:
  samples: dict[str, dict[str, tarfile.TarInfo]] = {}
  for member in archive:
    if member.isfile():
      folder, _, name = member.name.rpartition("/")
      key, _, suffix = name.partition(".")
      key = f"{folder}/{key}" if folder else key
      samples.setdefault(key, {})[suffix.lower()] = member
  for key, members in samples.items():
    suffix = next((s for s in members if f".{s}" in suffixes), None)
    if suffix is None:
      continue
    member = members[suffix]
    yield captions.CaptionedFile(
      file=tar,
      path=f"{tar.name}/{key}.{suffix}",
      offset=member.offset_data,
      size=member.size,
      **_said(archive, members, f"{tar}: {key}"),
    )


def _said(archive, members: Mapping[str, tarfile.TarInfo], place: str):
  """Caption, licence and so on of one sample."""
  row: dict[str, Any] = {}
  if "json" in members:
    try:
      row = json.loads(archive.extractfile(members["json"]).read())
    except ValueError as error:
      raise errors.DataError(f"{place}.json is not JSON ({error}).") from error
  said = tables.columns_of(row if isinstance(row, dict) else {})
  text = next((members[t] for t in _TEXTS if t in members), None)
  if text is not None:
    data = archive.extractfile(text).read()
    said["caption"] = " ".join(data.decode(errors="replace").split())
  said.pop("path")
  return said
