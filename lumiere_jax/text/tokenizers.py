"""Captions to token ids: bytes, or a SentencePiece model the user gives.

Both pad with 0, end with 1 and cut what is too long before its end token.
"""

from collections.abc import Sequence
import dataclasses
import functools
import hashlib
import pathlib
from typing import Protocol

import numpy as np

from lumiere_jax import errors

PAD, END = 0, 1
KINDS = ("bytes", "sentencepiece")


class Tokenizer(Protocol):
  """List of captions -> (tokens [B, L] int32, mask [B, L] bool)."""

  max_length: int

  @property
  def vocab_size(self) -> int:
    """Rows an embedding table needs."""

  def __call__(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Tokenises."""


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
class ByteTokenizer:
  """ByT5's scheme: UTF-8 bytes plus 3; 0 pads, 1 ends, 2 is unknown.

  Attributes:
    max_length: L.
  """

  max_length: int

  @property
  def vocab_size(self) -> int:
    """256 bytes, 3 special ids and ByT5's 125 sentinels."""
    return 384

  def __call__(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Tokenises; see `Tokenizer`."""
    return pad([[b + 3 for b in t.encode()] for t in texts], self.max_length)


@dataclasses.dataclass(frozen=True)
class SentencePieceTokenizer:
  """T5's scheme, from a `spiece.model` file.

  Attributes:
    path: the file.
    max_length: L.
  """

  path: str
  max_length: int

  def __post_init__(self):
    if not pathlib.Path(self.path).is_file():
      raise errors.ConfigError(
        f"there is no SentencePiece model at {self.path}; give text.spiece "
        "the path of the encoder's spiece.model."
      )

  @property
  def vocab_size(self) -> int:
    """Pieces, rounded up to a multiple of 128 as T5's tables are."""
    return -(-_processor(self.path).vocab_size() // 128) * 128

  @property
  def digest(self) -> str:
    """SHA-256 of the model file, hex."""
    return hashlib.sha256(pathlib.Path(self.path).read_bytes()).hexdigest()

  def __call__(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Tokenises; see `Tokenizer`."""
    encode = _processor(self.path).encode
    return pad([encode(t) for t in texts], self.max_length)


@functools.cache
def _processor(path: str):
  # Loaded at first use, in each worker process, so that the tokenizer pickles.
  import sentencepiece

  try:
    return sentencepiece.SentencePieceProcessor(model_file=path)
  except (OSError, RuntimeError) as error:
    raise errors.ConfigError(
      f"{path} is not a SentencePiece model; give text.spiece the path of the "
      "encoder's spiece.model."
    ) from error


def build(kind: str, max_length: int, spiece: str | None = None) -> Tokenizer:
  """Builds a tokenizer.

  Args:
    kind: "bytes" or "sentencepiece".
    max_length: L, end token included.
    spiece: path of the model, for "sentencepiece".
  """
  errors.require_one_of("tokenizer", kind, KINDS)
  if kind == "bytes":
    return ByteTokenizer(max_length)
  if not spiece:
    raise errors.ConfigError(
      "the sentencepiece tokenizer needs text.spiece, the path of the "
      "encoder's spiece.model; tokenizer='bytes' needs no file."
    )
  return SentencePieceTokenizer(spiece, max_length)
