"""The JSON beside each video: all that is needed to make it again."""

from collections.abc import Mapping, Sequence
import dataclasses
import hashlib
from importlib import metadata
import json
import os
import pathlib
from typing import Any

import numpy as np

import lumiere_jax
from lumiere_jax import errors
from lumiere_jax.generation import request as requests
from lumiere_jax.provenance import run_record

VERSION = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
  """What a replay needs to know.

  Attributes:
    request: the completed request.
    index: which of the request's clips the file holds.
    weights: where the weights were, as the person wrote it.
    digests: stage name -> digest of its weights.
    pixels: hex SHA-256 of the uint8 frames before they were encoded.
    versions: package -> version.
    told: of an application, what it was told beside the request: its name
      ("app"), its own "flags", and the SHA-256 of the "files" they name.
    settings: stage name -> how it was sampled; see `plans.Plan.as_dict`.
    trained_on: stage name -> [{"dataset", "root"}] that its weights saw; empty
      in records of older versions of this code.
  """

  request: requests.Request
  index: int
  weights: str
  digests: Mapping[str, str]
  pixels: str
  versions: Mapping[str, str]
  told: Mapping[str, Any] | None = None
  settings: Mapping[str, Mapping[str, Any]] = dataclasses.field(
    default_factory=dict
  )
  trained_on: Mapping[str, Sequence[Mapping[str, str]]] = dataclasses.field(
    default_factory=dict
  )


def versions() -> dict[str, str]:
  """Returns the versions that can change pixels."""
  return {
    "lumiere_jax": lumiere_jax.__version__,
    "av": metadata.version("av"),
  } | run_record.versions()


def pixels_digest(frames: np.ndarray) -> str:
  """Returns the hex SHA-256 of [T, H, W, 3] uint8 frames and their shape."""
  shape = json.dumps(list(frames.shape)).encode()
  return hashlib.sha256(shape + np.ascontiguousarray(frames).data).hexdigest()


def read(path: str | os.PathLike) -> Record:
  """Reads the JSON that `Result.write` left beside a video.

  Raises:
    ConfigError: the file is missing, or is not such a record.
  """
  try:
    entry = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
  except (OSError, ValueError) as error:
    raise errors.ConfigError(
      f"{path} is no record of a generated clip ({error}); give the .json "
      "that stands beside the mp4."
    ) from error
  try:
    return _parse(entry)
  except (KeyError, TypeError) as error:
    raise errors.ConfigError(
      f"{path} is no record of a generated clip (it lacks {error}); give the "
      ".json that stands beside the mp4."
    ) from error


def _parse(entry: Mapping[str, Any]) -> Record:
  if entry["version"] != VERSION:
    raise errors.ConfigError(
      f"record version is {entry['version']!r}; this code reads version "
      f"{VERSION}."
    )
  return Record(
    request=requests.Request.from_dict(entry["request"]),
    index=entry["index"],
    weights=entry["weights"],
    digests={stage["name"]: stage["digest"] for stage in entry["stages"]},
    pixels=entry["pixels_sha256"],
    versions=entry["versions"],
    told=entry.get("told"),
    settings={
      stage["name"]: stage.get("settings", {}) for stage in entry["stages"]
    },
    trained_on=entry.get("trained_on", {}),
  )


def require_same_weights(
  record: Record, digests: Mapping[str, str], where: str
) -> None:
  """Raises `WeightsError` unless the weights are those of the record."""
  for stage, digest in record.digests.items():
    found = digests.get(stage)
    if found != digest:
      has = f"{found[:12]}" if found else "no such stage"
      raise errors.WeightsError(
        f"{where} has {has} for stage {stage!r}, and the clip was made with "
        f"{digest[:12]}: other weights paint other pixels. Give the original "
        "weights with --weights, or sample its prompt anew."
      )
