"""Croissant metadata: what a dataset is, in the words that others read.

croissant.json follows MLCommons Croissant 1.0 (JSON-LD in schema.org terms):
search engines index it, and `mlcroissant` reads the clips' records through it
from manifest.jsonl.
"""

import collections
from collections.abc import Iterable
import dataclasses
import json
import os
import pathlib
from typing import Any

from lumiere_jax import errors
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import seal

FILE = "croissant.json"
VERSION = "http://mlcommons.org/croissant/1.0"
_RAI_VERSION = "http://mlcommons.org/croissant/RAI/1.0"
_TYPES = {
  str: "sc:Text",
  float: "sc:Float",
  int: "sc:Integer",
  bool: "sc:Boolean",
}
# All terms of the specification's context, used here or not: validators
# compare it with theirs.
_CR = [
  *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject"),
  *("fileProperty", "fileSet", "format", "includes", "isLiveDataset", "key"),
  *("jsonPath", "md5", "parentField", "path", "recordSet", "references"),
  *("regex", "repeated", "replace", "samplingRate", "separator", "source"),
  *("subField", "transform"),
]
_CONTEXT = {
  "@language": "en",
  "@vocab": "https://schema.org/",
  "sc": "https://schema.org/",
  "cr": "http://mlcommons.org/croissant/",
  "rai": "http://mlcommons.org/croissant/RAI/",
  "dct": "http://purl.org/dc/terms/",
  "conformsTo": "dct:conformsTo",
  "data": {"@id": "cr:data", "@type": "@json"},
  "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
  "examples": {"@id": "cr:examples", "@type": "@json"},
  **{term: f"cr:{term}" for term in _CR},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class About:
  """What only a person can say of a dataset; all of it may be left out.

  Attributes:
    description: what it shows, in a sentence or more.
    version: three numbers with points between.
    url: page about it.
    cite_as: BibTeX or a sentence.
    date: when it was published, as 2025-12-31.
  """

  description: str = ""
  version: str = "1.0.0"
  url: str = ""
  cite_as: str = ""
  date: str = ""


def write(
  folder: os.PathLike | str,
  records: Iterable[manifest.ClipRecord],
  name: str,
  *,
  about: About | None = None,
) -> None:
  """Writes croissant.json into a dataset that is not sealed yet.

  Args:
    folder: holds manifest.jsonl and the shards.
    records: of all clips, once; only sums are kept of them.
    name: of the dataset.
    about: what else is known.

  Raises:
    DataError: there is no manifest.jsonl.
  """
  folder, about = pathlib.Path(folder), about or About()
  if not (folder / seal.LINES).is_file():
    raise errors.DataError(
      f"{folder} has no {seal.LINES}, which {FILE} describes; write it first."
    )
  entry = {
    "@context": _CONTEXT,
    "@type": "sc:Dataset",
    "conformsTo": [VERSION, _RAI_VERSION],
    "name": name,
    **_said(about),
    **_summed_up(records, about),
    "distribution": _files(folder),
    "recordSet": [_clips()],
  }
  text = json.dumps(entry, indent=2, ensure_ascii=False) + "\n"
  (folder / FILE).write_text(text, encoding="utf-8")


def _said(about: About) -> dict[str, str]:
  found = {
    "version": about.version,
    "url": about.url,
    "citeAs": about.cite_as,
    "datePublished": about.date,
  }
  return {key: value for key, value in found.items() if value}


def _summed_up(records, about: About) -> dict[str, Any]:
  """Licences, origin of the captions, and a description in numbers."""
  count, seconds = 0, 0.0
  licences, origins = set(), collections.Counter()
  for record in records:
    count, seconds = count + 1, seconds + record.duration
    licences.add(record.licence)
    origins[record.caption_origin] += 1
  numbers = f"{count} captioned video clips, {seconds / 3600:.2f} hours."
  captions = ", ".join(f"{origin}: {n}" for origin, n in origins.most_common())
  return {
    "description": f"{about.description} {numbers}".strip(),
    "license": sorted(licences),
    "rai:dataAnnotationProtocol": f"Origin of the captions: {captions}.",
  }


def _files(folder: pathlib.Path) -> list[dict[str, Any]]:
  described = seal.describe(folder, [seal.LINES])[seal.LINES]
  return [
    {
      "@type": "cr:FileObject",
      "@id": seal.LINES,
      "name": seal.LINES,
      "description": "One JSON object a line for each clip, in the order of "
      "the shards; its Merkle root is in manifest.json.",
      "contentUrl": seal.LINES,
      "contentSize": f"{described['size']} B",
      "encodingFormat": "application/jsonlines",
      "sha256": described["sha256"],
    },
    {
      "@type": "cr:FileSet",
      "@id": "shards",
      "name": "shards",
      "description": "ArrayRecord files of TFDS examples: the bytes of each "
      "clip's file, and the fields of its line.",
      "encodingFormat": "application/x-arrayrecord",
      "includes": "*.array_record-*",
    },
  ]


def _clips() -> dict[str, Any]:
  fields = [
    {
      "@type": "cr:Field",
      "@id": f"clips/{field.name}",
      "name": field.name,
      "dataType": _TYPES[field.type],
      "source": {
        "fileObject": {"@id": seal.LINES},
        "extract": {"column": field.name},
      },
    }
    for field in dataclasses.fields(manifest.ClipRecord)
  ]
  return {
    "@type": "cr:RecordSet",
    "@id": "clips",
    "name": "clips",
    "key": {"@id": "clips/id"},
    "field": fields,
  }
