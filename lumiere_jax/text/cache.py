"""A cache of text embeddings, for frozen encoders.

A frozen encoder says the same of the same text for ever, and T5-XXL is larger
than the network it serves: run it once a caption.  Entries are keyed by the
encoder's digest and the text, so another encoder never finds them.
"""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
import json
import pathlib
from typing import Self

import numpy as np

from lumiere_jax import errors
from lumiere_jax.video import atomic

# list of texts -> (embedding [B, L, E] float32, mask [B, L] bool)
Encode = Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]]
FILE = "encoder.json"


@dataclasses.dataclass(frozen=True)
class EmbeddingCache:
  """Embeddings on disk, one file a text.

  Attributes:
    directory: where the files are.
    encoder_digest: digest of the encoder's weights and tokenizer.
  """

  directory: str
  encoder_digest: str

  @classmethod
  def open(cls, directory: str) -> Self:
    """Opens what `describe` has described.

    Raises:
      DataError: there is no cache.
    """
    path = pathlib.Path(directory) / FILE
    try:
      digest = json.loads(path.read_text())["encoder_digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
      raise errors.DataError(
        f"{directory} is no cache of embeddings ({error}); make one with: "
        "lumiere embed --weights RUN --dataset DATASET --out CACHE"
      ) from error
    return cls(str(directory), digest)

  def describe(self) -> None:
    """Writes down whose embeddings these are, for `open`."""
    text = json.dumps({"encoder_digest": self.encoder_digest}) + "\n"
    with atomic.replacing(pathlib.Path(self.directory) / FILE) as unfinished:
      unfinished.write_text(text)

  def __call__(
    self, texts: Sequence[str], encode: Encode
  ) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of `texts`; `encode` is called once, on those not yet known.

    Returns:
      Embedding [B, L, E] float32, zero behind each text's end, and mask
      [B, L] bool.
    """
    missing = self.missing(texts)
    if missing:
      for text, *entry in zip(missing, *encode(missing), strict=True):
        self._write(text, *entry)
    entries = [self._read(text) for text in texts]
    embeddings, masks = zip(*entries, strict=True)
    return np.stack(embeddings), np.stack(masks)

  def missing(self, texts: Sequence[str]) -> list[str]:
    """The texts that have no embedding yet, each once."""
    return [t for t in dict.fromkeys(texts) if not self._path(t).exists()]

  def _path(self, text: str) -> pathlib.Path:
    entry = f"{self.encoder_digest}\n{text}".encode(errors="backslashreplace")
    key = hashlib.sha256(entry).hexdigest()
    return pathlib.Path(self.directory) / key[:2] / f"{key}.npz"

  def _read(self, text: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(self._path(text)) as entry:
      mask, rows = entry["mask"], entry["rows"]
    embedding = np.zeros((*mask.shape, rows.shape[-1]), np.float32)
    embedding[mask] = rows
    return embedding, mask

  def _write(self, text: str, embedding: np.ndarray, mask: np.ndarray) -> None:
    mask = np.asarray(mask, bool)
    # Most of an embedding is padding.
    rows = np.asarray(embedding, np.float32)[mask]
    # Another process may be writing the same entry: last rename wins, and
    # both wrote the same numbers.
    with atomic.replacing(self._path(text)) as unfinished:
      np.savez(unfinished, rows=rows, mask=mask)


@dataclasses.dataclass(frozen=True)
class Lookup:
  """Finds embeddings and never makes one; for the pipeline's workers.

  Attributes:
    cache: where to look.
  """

  cache: EmbeddingCache

  def __call__(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """As `EmbeddingCache`; raises `ConfigError` for a text it does not know."""
    return self.cache(texts, self._refuse)

  def _refuse(self, texts: Sequence[str]):
    raise errors.ConfigError(
      f"{self.cache.directory} has no embedding of the caption {texts[0]!r}; "
      "add what is missing with: lumiere embed --weights RUN --dataset "
      f"DATASET --out {self.cache.directory}"
    )
