"""A frozen encoder runs once for each text."""

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.text import cache


class _Encoder:
  """Embeds a text as its length; remembers what it was asked."""

  def __init__(self):
    self.asked = []

  def __call__(self, texts):
    self.asked.append(list(texts))
    embedding = np.array([np.full((3, 2), len(t), np.float32) for t in texts])
    mask = np.array([np.arange(3) < len(t) for t in texts])
    return embedding, mask


def test_each_text_is_encoded_once_and_comes_back_in_order(tmp_path):
  encode, known = _Encoder(), cache.EmbeddingCache(str(tmp_path), "digest")
  known(["a", "bb"], encode)
  embedding, mask = known(["bb", "ccc", "a", "ccc"], encode)
  assert encode.asked == [["a", "bb"], ["ccc"]]
  np.testing.assert_array_equal(embedding[:, 0, 0], [2, 3, 1, 3])
  np.testing.assert_array_equal(mask.sum(1), [2, 3, 1, 3])
  assert (embedding.dtype, mask.dtype) == (np.float32, bool)


def test_known_texts_need_no_encoder_in_another_process(tmp_path):
  first = cache.EmbeddingCache(str(tmp_path), "digest")
  want = first(["a"], _Encoder())
  second = cache.EmbeddingCache(str(tmp_path), "digest")
  found = second(["a"], lambda texts: pytest.fail(f"encodes {texts} again"))
  np.testing.assert_array_equal(found[0], want[0])


def test_another_encoder_finds_nothing(tmp_path):
  encode = _Encoder()
  cache.EmbeddingCache(str(tmp_path), "one")(["a"], encode)
  cache.EmbeddingCache(str(tmp_path), "two")(["a"], encode)
  assert encode.asked == [["a"], ["a"]]


def test_texts_that_no_utf8_can_say_are_kept_apart(tmp_path):
  encode, known = _Encoder(), cache.EmbeddingCache(str(tmp_path), "digest")
  known(["\udcff", "\udcfe"], encode)
  assert len(list(tmp_path.rglob("*.npz"))) == 2


def test_an_entry_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
  def full(path, **arrays):
    path.write_bytes(b"half")
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(cache.np, "savez", full)
  known = cache.EmbeddingCache(str(tmp_path), "digest")
  with pytest.raises(errors.OutputError, match="the disk is full"):
    known(["a"], _Encoder())
  assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_padding_comes_back_as_zeros(tmp_path):
  embedding, mask = cache.EmbeddingCache(str(tmp_path), "d")(["a"], _Encoder())
  np.testing.assert_array_equal(embedding[~mask], 0)
  np.testing.assert_array_equal(embedding[mask], 1)


def test_a_cache_says_whose_it_is(tmp_path):
  made = cache.EmbeddingCache(str(tmp_path), "digest")
  made.describe()
  assert cache.EmbeddingCache.open(str(tmp_path)) == made


def test_a_folder_that_is_no_cache_is_refused(tmp_path):
  with pytest.raises(errors.DataError, match="is no cache of embeddings"):
    cache.EmbeddingCache.open(str(tmp_path))


def test_a_lookup_makes_nothing(tmp_path):
  made = cache.EmbeddingCache(str(tmp_path), "digest")
  want = made(["a"], _Encoder())
  found = cache.Lookup(made)
  np.testing.assert_array_equal(found(["a"])[0], want[0])
  with pytest.raises(
    errors.ConfigError, match="no embedding of the caption 'b'"
  ):
    found(["a", "b"])
