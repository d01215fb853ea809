"""Captions to token ids: bytes, or a SentencePiece model the user gives.

Both pad with 0, end with 1 and cut what is too long before its end token.  Both
give what transformers' tokenizers of the same encoders give: names of special
tokens in a text, such as "<extra_id_0>", are those tokens.
"""

import abc
from collections.abc import Sequence
import dataclasses
import functools
import hashlib
import pathlib
import re

import numpy as np

from lumiere_jax import errors
from lumiere_jax.text import tokenizer_json

PAD, END = 0, 1
KINDS = ("bytes", "sentencepiece")
_SPECIAL = {"<pad>": PAD, "</s>": END, "<unk>": 2}
_BYTES, _BYTE_SENTINELS = 256, 125
SENTINELS = 100
# Unicode's White_Space, at all of which transformers parts words.
_SPACES = (
  *map(chr, (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B))),
  *("\u2028", "\u2029", "\u202f", "\u205f", "\u3000"),
)

# T5 v1.1's pieces and sentinels, up to a multiple of 128.
T5_VOCABULARY = 32_128


class Tokenizer(abc.ABC):
  """List of captions -> (tokens [B, L] int32, mask [B, L] bool); pickles.

  Attributes:
    max_length: L, end token included.
  """

  max_length: int

  @property
  @abc.abstractmethod
  def vocab_size(self) -> int:
    """Rows an embedding table needs."""

  @abc.abstractmethod
  def ids(self, text: str) -> list[int]:
    """Token ids of the whole text, without an end token."""

  def __call__(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Tokenises; texts that are too long lose their end, see `truncates`."""
    return pad([self.ids(text) for text in texts], self.max_length)

  def require_ready(self) -> None:  # noqa: B027
    """Raises ConfigError where a file is still to be named."""

  def truncates(self, texts: Sequence[str]) -> np.ndarray:
    """[B] bool, True where a text does not fit and will be cut."""
    return np.array(
      [len(self.ids(text)) > self.max_length - 1 for text in texts], bool
    )


def pad(
  sequences: Sequence[Sequence[int]], max_length: int
) -> tuple[np.ndarray, np.ndarray]:
  """Ids without end token -> (tokens [B, L] int32, mask [B, L] bool)."""
  tokens = np.full((len(sequences), max_length), PAD, np.int32)
  mask = np.zeros(tokens.shape, bool)
  for row, ids in enumerate(sequences):
    ids = [*ids[: max_length - 1], END]
    tokens[row, : len(ids)], mask[row, : len(ids)] = ids, True
  return tokens, mask


@dataclasses.dataclass(frozen=True)
class ByteTokenizer(Tokenizer):
  """ByT5's scheme: UTF-8 bytes plus 3; 0 pads, 1 ends, 2 is unknown.

  Attributes:
    max_length: L, end token included.
  """

  max_length: int

  @property
  def vocab_size(self) -> int:
    """256 bytes, 3 special ids and ByT5's 125 sentinels."""
    return len(_SPECIAL) + _BYTES + _BYTE_SENTINELS

  def ids(self, text: str) -> list[int]:
    """See `Tokenizer`; a surrogate without its pair counts as a "?"."""
    plain = lambda part: [
      byte + len(_SPECIAL) for byte in part.encode(errors="replace")
    ]
    if "<" not in text:
      return plain(text)
    names, pattern = _byte_names()
    ids = _ids_between(text, names, pattern, plain)
    # A text that says where it ends is not ended twice.
    return ids[:-1] if ids[-1:] == [END] else ids


@dataclasses.dataclass(frozen=True)
class SentencePieceTokenizer(Tokenizer):
  """T5's scheme, from a `spiece.model` file, or a `tokenizer.json` made of one.

  Attributes:
    path: the file; empty where a network is only planned, not run.
    max_length: L, end token included.
    sentinels: ids that pretraining added behind the pieces: 100 in T5 and mT5,
      300 in UMT5.
    rows: of the encoder's table; None for as many as T5's would have.
  """

  path: str
  max_length: int
  sentinels: int = SENTINELS
  rows: int | None = None

  def __post_init__(self):
    if self.path and not pathlib.Path(self.path).is_file():
      raise errors.ConfigError(
        f"there is no SentencePiece model at {self.path}; give text.spiece "
        "the path of the encoder's spiece.model."
      )

  @property
  def vocab_size(self) -> int:
    """Pieces and sentinels, rounded up to a multiple of 128 as T5's tables."""
    if not self.path:
      return self.rows or T5_VOCABULARY
    pieces = _processor(self.path).vocab_size()
    if self.rows is None:
      return -(-(pieces + self.sentinels) // 128) * 128
    if pieces > self.rows:
      raise errors.ConfigError(
        f"{self.path} has {pieces} pieces and the encoder's table has "
        f"{self.rows} rows; give text.spiece the spiece.model that the encoder "
        "was trained with."
      )
    return self.rows

  @property
  def digest(self) -> str:
    """SHA-256 of the model file, hex."""
    return hashlib.sha256(pathlib.Path(self.path).read_bytes()).hexdigest()

  def ids(self, text: str) -> list[int]:
    """See `Tokenizer`."""
    self.require_ready()
    processor, spaces = _processor(self.path), _kept_spaces(self.path)
    plain = lambda part: processor.encode(part.translate(spaces))
    if "<" not in text:
      return plain(text)
    names, pattern = _piece_names(
      processor.vocab_size(), self.sentinels, self.vocab_size
    )
    return _ids_between(text, names, pattern, plain)

  def require_ready(self) -> None:
    """See `Tokenizer`."""
    if not self.path:
      raise errors.ConfigError(
        "the sentencepiece tokenizer needs text.spiece, the path of the "
        "encoder's spiece.model; tokenizer='bytes' needs no file."
      )


def _ids_between(text: str, names, pattern, plain) -> list[int]:
  """Ids of a text in which names of tokens stand; `plain` does the rest."""
  ids = []
  for index, part in enumerate(pattern.split(text)):
    # What is split at is every other part.
    ids += [names[part.strip()]] if index % 2 else plain(part)
  return ids


@functools.cache
def _byte_names():
  """ByT5's tokens by name; the special ones take the space around them."""
  first = len(_SPECIAL) + _BYTES
  sentinels = _sentinels(range(first, first + _BYTE_SENTINELS))
  special = rf"\s*(?:{_any_of(_SPECIAL)})\s*"
  pattern = re.compile(f"({special}|{_any_of(sentinels)})")
  return _SPECIAL | sentinels, pattern


@functools.cache
def _piece_names(pieces: int, sentinels: int, rows: int):
  """T5's tokens by name; sentinels are counted from the end."""
  found = _sentinels(reversed(range(pieces, pieces + sentinels)))
  names = _SPECIAL | {k: v for k, v in found.items() if v < rows}
  return names, re.compile(f"({_any_of(names)})")


def _sentinels(ids) -> dict[str, int]:
  return {f"<extra_id_{k}>": token for k, token in enumerate(ids)}


def _any_of(names) -> str:
  return "|".join(map(re.escape, names))


@functools.cache
def _kept_spaces(path: str) -> dict[int, str]:
  """White space that the model's own rules leave, all of which is a space."""
  normal = _processor(path).normalize
  kept = (one for one in _SPACES if one in normal(f"a{one}a"))
  return {ord(one): " " for one in kept}


@functools.cache
def _processor(path: str):
  # Loaded at first use, in each worker process, so that the tokenizer pickles.
  import sentencepiece

  source = dict(model_file=path)
  if path.endswith(".json"):
    source = dict(model_proto=tokenizer_json.spiece(path))
  try:
    processor = sentencepiece.SentencePieceProcessor(**source)
  except (OSError, RuntimeError) as error:
    raise errors.ConfigError(
      f"{path} is not a SentencePiece model; give text.spiece the path of the "
      "encoder's spiece.model."
    ) from error
  if (found := (processor.pad_id(), processor.eos_id())) != (PAD, END):
    raise errors.ConfigError(
      f"{path} pads with {found[0]} and ends with {found[1]}, where T5's "
      f"models use {PAD} and {END}; give text.spiece the spiece.model that the "
      "encoder was trained with."
    )
  return processor


def build(
  kind: str,
  max_length: int,
  spiece: str | None = None,
  sentinels: int | None = None,
  rows: int | None = None,
) -> Tokenizer:
  """Builds a tokenizer.

  Args:
    kind: "bytes" or "sentencepiece".
    max_length: L, end token included.
    spiece: path of the model, for "sentencepiece".
    sentinels: see `SentencePieceTokenizer`; None for T5's.
    rows: likewise.

  Raises:
    ConfigError: an unknown kind, no room for a token, or no model file.
  """
  errors.require_one_of("tokenizer", kind, KINDS)
  if max_length < 2:
    raise errors.ConfigError(
      f"text.max_length is {max_length}, which has no room for a token beside "
      "the end token; use 2 or more (T5 was trained on up to 512)."
    )
  if kind == "bytes":
    return ByteTokenizer(max_length)
  if sentinels is None:
    sentinels = SENTINELS
  return SentencePieceTokenizer(spiece or "", max_length, sentinels, rows)
