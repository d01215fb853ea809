"""A cache of text embeddings, for frozen encoders.

A frozen encoder says the same of the same text for ever, and T5-XXL is larger
than the network it serves: run it once a caption.  Entries are keyed by the
encoder's digest and the text, so another encoder never finds them.
"""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
import os
import pathlib
import tempfile

import numpy as np

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
    key = hashlib.sha256(f"{self.encoder_digest}\n{text}".encode()).hexdigest()
    return pathlib.Path(self.directory) / key[:2] / f"{key}.npz"

  def _read(self, text: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(self._path(text)) as entry:
      return entry["embedding"], entry["mask"]

  def _write(self, text: str, embedding: np.ndarray, mask: np.ndarray) -> None:
    path = self._path(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another process may be writing the same entry: last rename wins, and
    # both wrote the same bytes.
    part, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(part, "wb") as file:
      np.savez(file, embedding=np.asarray(embedding, np.float32), mask=mask)
    os.replace(name, path)
