"""The fields of a request as flags, of which any may be left unsaid."""

import dataclasses
from typing import Any

import tyro

from lumiere_jax.generation import request as requests


def _as_flag(field: dataclasses.Field) -> tuple[str, Any, Any]:
  """A request's field as one that may also be left unsaid."""
  if field.type is bool:  # None would make it --ssr True, not --ssr
    return field.name, bool, dataclasses.field(default=field.default)
  return field.name, field.type | None, dataclasses.field(default=None)


RequestFlags = dataclasses.make_dataclass(
  "RequestFlags",
  [_as_flag(field) for field in dataclasses.fields(requests.Request)],
  namespace={"__doc__": requests.Request.__doc__},
  kw_only=True,
  frozen=True,
)


# --seed, not --request.seed
Here = tyro.conf.OmitArgPrefixes[RequestFlags]


def said(request: RequestFlags) -> dict[str, Any]:
  """Returns the fields that were given on the command line."""
  unsaid = RequestFlags()
  return {
    name: value
    for name, value in vars(request).items()
    if value != getattr(unsaid, name)
  }
