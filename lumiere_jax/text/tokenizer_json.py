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
_PARTED = "WhitespaceSplit"
_DAMAGE = (
  *(AttributeError, IndexError, KeyError, OverflowError),
  *(TypeError, ValueError),
)


def spiece(path: str | os.PathLike) -> bytes:
  """The bytes of a `spiece.model`.

  Args:
    path: of a tokenizer.json whose model is a unigram one.

  Raises:
    ConfigError: it cannot be read, or does what SentencePiece would not.
  """
  try:
    said = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
  except (OSError, ValueError) as error:
    raise _refusal(path, "it cannot be read") from error
  try:
    why, made = _unlike(said), b""
    if not why:
      made = _model(said)
  except _DAMAGE as error:
    raise _refusal(path, "it is damaged") from error
  if why:
    raise _refusal(path, why)
  return made


def _unlike(said: Mapping[str, Any]) -> str | None:
  """What SentencePiece would not do, if anything."""
  if (said["model"] or {}).get("type") != "Unigram":
    return "its model is no unigram one"
  normal, cuts = _normal(said), _cuts(said)
  is_one = _has_one_space(said)
  for one in normal:
    is_known = one["type"] == "Precompiled" or _joins_spaces(one)
    # Ends are stripped where spaces are made one, and nowhere else.
    if not is_known and not (is_one and one["type"] == "Strip"):
      return f"it normalises by {one['type']}"
  for one in cuts:
    if one["type"] not in (_PARTED, "Metaspace"):
      return f"it parts text by {one['type']}"
  if [x.get("replacement", "▁") for x in cuts if x["type"] != _PARTED] != ["▁"]:
    return "it does not mark spaces as pieces do"
  return None


def _model(said: Mapping[str, Any]) -> bytes:
  model = said["model"]
  pieces = list(_pieces(model, said.get("added_tokens") or ()))
  (spaces,) = [x for x in _cuts(said) if x["type"] != _PARTED]
  normalizer = _normalizer(_table(said), spaces, _has_one_space(said))
  return b"".join(
    [
      *(_message(1, *piece) for piece in pieces),
      _message(2, *_trainer(model, pieces)),
      _message(3, *normalizer),
    ]
  )


def _normal(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
  return _steps(said.get("normalizer"), "normalizers")


def _cuts(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
  return _steps(said.get("pre_tokenizer"), "pretokenizers")


def _has_one_space(said: Mapping[str, Any]) -> bool:
  """Whether spaces in a row are one."""
  is_parted = any(one["type"] == _PARTED for one in _cuts(said))
  return is_parted or any(_joins_spaces(one) for one in _normal(said))


def _joins_spaces(step: Mapping[str, Any]) -> bool:
  is_rule = step["type"] == "Replace" and step["content"] in (" ", "▁")
  return is_rule and step["pattern"] == {"Regex": " {2,}"}


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


def _table(said: Mapping[str, Any]) -> bytes:
  """What characters are replaced by, as SentencePiece compiled it."""
  found = [x for x in _normal(said) if x["type"] == "Precompiled"]
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
