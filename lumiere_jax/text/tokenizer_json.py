"""A `tokenizer.json` as the SentencePiece model that it was made of.

transformers 5 saves T5's tokenizer as this file alone.  It holds what a
`spiece.model` holds, pieces with their scores and the table of characters, so
that SentencePiece itself can go on reading, whose way with rare marks is the
one that T5 was trained by.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
import json
import os
import pathlib
import re
import struct
from typing import Any

from lumiere_jax import errors

NAME = "tokenizer.json"
# Kinds of a piece, sentencepiece_model.proto.
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6
_UNIGRAM = 1
_SENTINEL = re.compile(r"<extra_id_\d+>")
_BYTES = frozenset(f"<0x{byte:02X}>" for byte in range(256))
# Of these, SentencePiece's own rules do the same.
_NORMALIZERS = ("Precompiled", "Replace", "Strip")


def spiece(path: str | os.PathLike) -> bytes:
  """The bytes of a `spiece.model`.

  Args:
    path: of a tokenizer.json whose model is a unigram one.

  Raises:
    ConfigError: it cannot be read, or is of no SentencePiece model.
  """
  said = _read(path)
  model = said.get("model") or {}
  _require(path, model.get("type") == "Unigram", "its model is no unigram one")
  steps = _steps(said.get("normalizer"), "normalizers")
  other = [one["type"] for one in steps if one["type"] not in _NORMALIZERS]
  _require(path, not other, f"it normalises by {', '.join(other)}")
  cuts = _steps(said.get("pre_tokenizer"), "pretokenizers")
  spaces = [one for one in cuts if one["type"] == "Metaspace"]
  _require(path, len(spaces) == 1, "it does not mark spaces as pieces do")
  try:
    pieces = list(_pieces(model, said.get("added_tokens") or ()))
    table = _table(steps)
  except (KeyError, TypeError, ValueError) as error:
    raise _refusal(path, "its pieces are damaged") from error
  is_one = {"WhitespaceSplit", "Replace"} & {x["type"] for x in (*cuts, *steps)}
  return b"".join(
    [
      *(_message(1, *piece) for piece in pieces),
      _message(2, *_trainer(model, pieces)),
      _message(3, *_normalizer(table, spaces[0], bool(is_one))),
    ]
  )


def _read(path: str | os.PathLike) -> Mapping[str, Any]:
  try:
    said = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
  except (OSError, ValueError) as error:
    raise _refusal(path, "it cannot be read") from error
  _require(path, isinstance(said, dict), "it is no JSON object")
  return said


def _require(path: str | os.PathLike, is_so: bool, otherwise: str) -> None:
  if not is_so:
    raise _refusal(path, otherwise)


def _refusal(path: str | os.PathLike, why: str) -> errors.ConfigError:
  return errors.ConfigError(
    f"{path} is not the tokenizer of a T5 encoder: {why}; give text.spiece the "
    "path of the encoder's spiece.model."
  )


def _steps(part: Mapping[str, Any] | None, several: str) -> list[Any]:
  """One step, or those of a sequence."""
  if not part:
    return []
  return part[several] if part["type"] == "Sequence" else [part]


def _table(steps: Sequence[Mapping[str, Any]]) -> bytes:
  """What characters are replaced by, as SentencePiece compiled it."""
  found = [x for x in steps if x["type"] == "Precompiled"]
  return base64.b64decode(found[0]["precompiled_charsmap"]) if found else b""


def _pieces(
  model: Mapping[str, Any], added: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[tuple[int, Any], ...]]:
  """Fields of each piece; sentinels at the end are none."""
  vocabulary = list(model["vocab"])
  while vocabulary and _SENTINEL.fullmatch(vocabulary[-1][0]):
    vocabulary.pop()
  is_special = {one["content"]: one["special"] for one in added}
  has_bytes = _has_bytes(model)
  for number, (piece, score) in enumerate(vocabulary):
    kind = _NORMAL
    if number == model["unk_id"]:
      kind = _UNKNOWN
    elif piece in is_special:
      kind = _CONTROL if is_special[piece] else _USER_DEFINED
    elif has_bytes and piece in _BYTES:
      kind = _BYTE
    yield (1, piece), (2, float(score)), (3, kind)


def _has_bytes(model: Mapping[str, Any]) -> bool:
  """Whether what no piece holds is spelt in bytes."""
  return {piece for piece, _ in model["vocab"]} >= _BYTES


def _trainer(model: Mapping[str, Any], pieces: Sequence[Any]):
  """Fields of how it was trained: which kind, and which pieces are special."""
  numbers = {piece[0][1]: number for number, piece in enumerate(pieces)}
  special = {41: "<s>", 42: "</s>", 43: "<pad>"}
  yield 3, _UNIGRAM
  yield 4, len(pieces)
  yield 35, int(_has_bytes(model))
  yield 40, model["unk_id"]
  yield 45, pieces[model["unk_id"]][0][1]
  for field, piece in special.items():
    yield field, numbers.get(piece, -1)


def _normalizer(table: bytes, spaces: Mapping[str, Any], is_one: bool):
  """Fields of how text is normalised; `is_one`: spaces in a row are one."""
  usual = "always" if spaces.get("add_prefix_space", True) else "never"
  yield 2, table
  yield 3, int(spaces.get("prepend_scheme", usual) != "never")
  yield 4, int(is_one)
  yield 5, 1  # spaces are escaped


def _message(number: int, *fields: tuple[int, Any]) -> bytes:
  """A field that is a message, as protocol buffers are written."""
  return _field(number, b"".join(_field(*field) for field in fields))


def _field(number: int, value: int | float | str | bytes) -> bytes:
  if isinstance(value, int):
    return _varint(number << 3) + _varint(value)
  if isinstance(value, float):
    return _varint(number << 3 | 5) + struct.pack("<f", value)
  data = value.encode() if isinstance(value, str) else value
  return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
  """Seven bits a byte, the lowest first; negative numbers as of 64 bits."""
  value &= (1 << 64) - 1
  out = bytearray()
  while value > 0x7F:
    out.append(value & 0x7F | 0x80)
    value >>= 7
  return bytes((*out, value))
