"""A cache of text embeddings, for frozen encoders.

A frozen encoder says the same of the same text for ever, and T5-XXL is larger
than the network it serves: run it once a caption.  Entries are keyed by the
encoder's digest and the text, so another encoder never finds them.
"""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
import pathlib

import numpy as np

from lumiere_jax.video import atomic

# list of texts -> (embedding [B, L, E] float32, mask [B, L] bool)
Encode = Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class EmbeddingCache:
  """Embeddings on disk, one file a text.

  Attributes:
    directory: where the files are.
    encoder_digest: digest of the encoder's weights and tokenizer.
  """

  directory: str
  encoder_digest: str

  def __call__(
    self, texts: Sequence[str], encode: Encode
  ) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of `texts`; `encode` is called once, on those not yet known.

    Returns:
      Embedding [B, L, E] float32 and mask [B, L] bool.
    """
    missing = [t for t in dict.fromkeys(texts) if not self._path(t).exists()]
    if missing:
      for text, *entry in zip(missing, *encode(missing), strict=True):
        self._write(text, *entry)
    entries = [self._read(text) for text in texts]
    embeddings, masks = zip(*entries, strict=True)
    return np.stack(embeddings), np.stack(masks)

  def _path(self, text: str) -> pathlib.Path:
    entry = f"{self.encoder_digest}\n{text}".encode(errors="backslashreplace")
    key = hashlib.sha256(entry).hexdigest()
    return pathlib.Path(self.directory) / key[:2] / f"{key}.npz"

  def _read(self, text: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(self._path(text)) as entry:
      return entry["embedding"], entry["mask"]

  def _write(self, text: str, embedding: np.ndarray, mask: np.ndarray) -> None:
    # Another process may be writing the same entry: last rename wins, and
    # both wrote the same numbers.
    with atomic.replacing(self._path(text)) as unfinished:
      np.savez(
        unfinished,
        embedding=np.asarray(embedding, np.float32),
        mask=np.asarray(mask, bool),
      )
