"""Captions to token ids: bytes, or a SentencePiece model the user gives.

Both pad with 0, end with 1 and cut what is too long before its end token.
"""

import abc
from collections.abc import Sequence
import dataclasses
import functools
import hashlib
import pathlib

import numpy as np

from lumiere_jax import errors

PAD, END = 0, 1
KINDS = ("bytes", "sentencepiece")


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
    return 384

  def ids(self, text: str) -> list[int]:
    """See `Tokenizer`; a surrogate without its pair counts as a "?"."""
    return [byte + 3 for byte in text.encode(errors="replace")]


@dataclasses.dataclass(frozen=True)
class SentencePieceTokenizer(Tokenizer):
  """T5's scheme, from a `spiece.model` file.

  Attributes:
    path: the file; empty where a network is only planned, not run.
    max_length: L, end token included.
    sentinels: ids that pretraining added behind the pieces: 100 in T5 and mT5,
      300 in UMT5.
  """

  path: str
  max_length: int
  sentinels: int = 100

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
      return T5_VOCABULARY
    known = _processor(self.path).vocab_size() + self.sentinels
    return -(-known // 128) * 128

  @property
  def digest(self) -> str:
    """SHA-256 of the model file, hex."""
    return hashlib.sha256(pathlib.Path(self.path).read_bytes()).hexdigest()

  def ids(self, text: str) -> list[int]:
    """See `Tokenizer`."""
    self.require_ready()
    return _processor(self.path).encode(text)

  def require_ready(self) -> None:
    """See `Tokenizer`."""
    if not self.path:
      raise errors.ConfigError(
        "the sentencepiece tokenizer needs text.spiece, the path of the "
        "encoder's spiece.model; tokenizer='bytes' needs no file."
      )


@functools.cache
def _processor(path: str):
  # Loaded at first use, in each worker process, so that the tokenizer pickles.
  import sentencepiece

  try:
    processor = sentencepiece.SentencePieceProcessor(model_file=path)
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


def build(kind: str, max_length: int, spiece: str | None = None) -> Tokenizer:
  """Builds a tokenizer.

  Args:
    kind: "bytes" or "sentencepiece".
    max_length: L, end token included.
    spiece: path of the model, for "sentencepiece".

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
  return SentencePieceTokenizer(spiece or "", max_length)
