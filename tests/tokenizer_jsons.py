"""A SentencePiece model as transformers 5 saves it, by this project alone."""

import base64
import json
import pathlib

import sentencepiece

SENTINELS = [f"<extra_id_{k}>" for k in range(100)]
_METASPACE = dict(type="Metaspace", replacement="▁", prepend_scheme="always")


def made(spiece: bytes) -> dict:
  """What a tokenizer.json says; T5's ids, sentinels behind the pieces."""
  model = sentencepiece.SentencePieceProcessor(model_proto=spiece)
  pieces = [model.id_to_piece(k) for k in range(model.vocab_size())]
  scores = [model.get_score(k) for k in range(len(pieces))]
  names = [*pieces, *reversed(SENTINELS)]
  scores += [0.0] * len(SENTINELS)
  special = ("<pad>", "</s>", "<unk>", *SENTINELS)
  table = base64.b64encode(charsmap(spiece)).decode()
  cuts = [dict(type="WhitespaceSplit"), _METASPACE]
  return dict(
    version="1.0",
    added_tokens=[
      dict(id=names.index(one), content=one, special=True) for one in special
    ],
    normalizer=dict(type="Precompiled", precompiled_charsmap=table),
    pre_tokenizer=dict(type="Sequence", pretokenizers=cuts),
    model=dict(
      type="Unigram",
      unk_id=2,
      vocab=[list(pair) for pair in zip(names, scores, strict=True)],
      byte_fallback=False,
    ),
  )


def write(path: pathlib.Path, spiece: bytes, **changes) -> None:
  """Writes it, with parts changed."""
  path.write_text(json.dumps(made(spiece) | changes), encoding="utf-8")


def charsmap(spiece: bytes) -> bytes:
  """The table of characters in a model's file: field 2 of its field 3."""
  return _find(_find(spiece, 3), 2)


def _find(message: bytes, wanted: int) -> bytes:
  """A field of a protocol buffer that has a length."""
  at = 0

  def varint():
    nonlocal at
    value = shift = 0
    while True:
      byte = message[at]
      at += 1
      value |= (byte & 0x7F) << shift
      shift += 7
      if byte < 0x80:
        return value

  while at < len(message):
    number, kind = divmod(varint(), 8)
    if kind == 0:
      varint()
      continue
    length = varint() if kind == 2 else {1: 8, 5: 4}[kind]
    if number == wanted:
      return message[at : at + length]
    at += length
  return b""
