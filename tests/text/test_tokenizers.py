"""Captions become ids that end, fit and can be read back."""

import pickle

import golden_peers
import mixed_scripts
import numpy as np
import pytest
import sentencepiece

from lumiere_jax import errors
from lumiere_jax.text import tokenizers

# Longer than one byte each in UTF-8: 2, 3 and 4.
TEXTS = ["a cat", "", "é日🎈"]


@pytest.fixture(scope="module")
def spiece(tmp_path_factory):
  """A model of T5's ids (0 pads, 1 ends, 2 is unknown), from a few lines."""
  return _train(tmp_path_factory.mktemp("spiece"), pad_id=0, eos_id=1, unk_id=2)


def _train(folder, **ids):
  sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(["a cat sat on the mat", "the dog ran to a tree"]),
    model_prefix=str(folder / "spiece"),
    vocab_size=30,
    hard_vocab_limit=False,
    bos_id=-1,
    minloglevel=2,
    **ids,
  )
  return str(folder / "spiece.model")


def test_bytes_are_shifted_by_the_three_special_ids():
  tokens, mask = tokenizers.ByteTokenizer(8)(["Hé"])
  assert tokens.dtype == np.int32
  assert mask.dtype == bool
  np.testing.assert_array_equal(
    tokens, [[ord("H") + 3, 0xC3 + 3, 0xA9 + 3, 1, 0, 0, 0, 0]]
  )
  np.testing.assert_array_equal(mask, [[True] * 4 + [False] * 4])


def test_bytes_read_back_as_the_text():
  tokens, mask = tokenizers.ByteTokenizer(16)(TEXTS)
  for text, row, real in zip(TEXTS, tokens, mask, strict=True):
    *ids, end = row[real]
    assert end == tokenizers.END
    assert bytes(i - 3 for i in ids).decode() == text


def test_every_byte_has_a_row_in_the_table():
  tokenizer = tokenizers.ByteTokenizer(4)
  assert tokenizer.vocab_size == 384
  assert max(tokenizer.ids("\U0010ffff")) < tokenizer.vocab_size


def test_what_no_utf8_can_say_is_a_question_mark():
  tokenizer = tokenizers.ByteTokenizer(4)
  assert tokenizer.ids("\udcff") == tokenizer.ids("?")


@pytest.mark.parametrize(
  ("text", "ids", "is_cut"),
  [("abc", [100, 101, 102, 1], False), ("abcd", [100, 101, 102, 1], True)],
  ids=["fits exactly", "one too many"],
)
def test_too_long_text_keeps_its_end_token_and_is_flagged(text, ids, is_cut):
  tokenizer = tokenizers.ByteTokenizer(4)
  np.testing.assert_array_equal(tokenizer([text])[0], [ids])
  np.testing.assert_array_equal(
    tokenizer.truncates([text, ""]), [is_cut, False]
  )


def test_sentencepiece_ends_its_pieces_and_reads_back(spiece):
  processor = sentencepiece.SentencePieceProcessor(model_file=spiece)
  tokenizer = tokenizers.SentencePieceTokenizer(spiece, 32)
  tokens, mask = tokenizer(["the cat ran"])
  *ids, end = tokens[0][mask[0]].tolist()
  assert end == tokenizers.END
  assert processor.decode(ids) == "the cat ran"
  assert (tokens[~mask] == tokenizers.PAD).all()


def test_sentencepiece_cuts_before_its_end_token(spiece):
  tokenizer = tokenizers.SentencePieceTokenizer(spiece, 3)
  tokens, mask = tokenizer(["the cat ran"])
  assert tokens[0, -1] == tokenizers.END
  assert mask.all()
  assert tokenizer.truncates(["the cat ran"]).all()


@pytest.mark.parametrize(
  ("pieces", "sentinels", "rows"),
  [(32_000, 100, 32_128), (250_000, 100, 250_112), (256_000, 300, 256_384)],
  ids=["T5", "mT5", "UMT5"],
)
def test_tables_are_as_large_as_the_published_ones(
  pieces, sentinels, rows, spiece, monkeypatch
):
  class _Processor:
    def vocab_size(self):
      return pieces

  monkeypatch.setattr(tokenizers, "_processor", lambda path: _Processor())
  tokenizer = tokenizers.SentencePieceTokenizer(spiece, 8, sentinels)
  assert tokenizer.vocab_size == rows


def test_digest_tells_models_apart(spiece, tmp_path):
  other = tmp_path / "other.model"
  other.write_bytes(b"other")
  digest = lambda path: tokenizers.SentencePieceTokenizer(str(path), 8).digest
  assert digest(spiece) == digest(spiece) != digest(other)


def test_tokenizers_travel_to_worker_processes(spiece):
  for tokenizer in (
    tokenizers.build("bytes", 8),
    tokenizers.build("sentencepiece", 8, spiece),
  ):
    tokenizer(["warm"])
    copy = pickle.loads(pickle.dumps(tokenizer))
    np.testing.assert_array_equal(copy(["a cat"])[0], tokenizer(["a cat"])[0])


@pytest.mark.parametrize(
  ("kwargs", "match"),
  [
    (dict(kind="byte", max_length=8), "Did you mean 'bytes'"),
    (dict(kind="bytes", max_length=1), "no room .* use 2 or more"),
    (
      dict(kind="sentencepiece", max_length=8, spiece="absent.model"),
      "no SentencePiece model at absent.model",
    ),
  ],
  ids=["kind", "length", "no file"],
)
def test_nonsense_is_refused(kwargs, match):
  with pytest.raises(errors.ConfigError, match=match):
    tokenizers.build(**kwargs)


def test_without_a_file_there_is_only_something_to_plan_with():
  tokenizer = tokenizers.build("sentencepiece", 8)
  assert tokenizer.vocab_size > 0
  with pytest.raises(errors.ConfigError, match=r"needs text\.spiece"):
    tokenizer.require_ready()
  with pytest.raises(errors.ConfigError, match=r"needs text\.spiece"):
    tokenizer(["a"])


def test_a_file_that_is_no_model_is_refused(tmp_path):
  path = tmp_path / "spiece.model"
  path.write_bytes(b"not a model")
  with pytest.raises(errors.ConfigError, match="is not a SentencePiece model"):
    tokenizers.build("sentencepiece", 8, str(path))(["a"])


def test_a_model_with_other_special_ids_is_refused(tmp_path):
  path = _train(tmp_path, pad_id=-1, eos_id=2, unk_id=0)
  with pytest.raises(errors.ConfigError, match="pads with -1 and ends with 2"):
    tokenizers.build("sentencepiece", 8, path)(["a"])


@pytest.fixture(scope="module")
def peer():
  """What transformers made of strings of mixed scripts."""
  golden = golden_peers.load("tokens")
  texts = mixed_scripts.strings()
  assert mixed_scripts.digest(texts) == golden["texts"]
  return golden, texts


def test_bytes_are_those_of_transformers(peer):
  golden, texts = peer
  found = mixed_scripts.ids(tokenizers.ByteTokenizer(4000), texts)
  assert mixed_scripts.digest(found) == golden["bytes"]


def test_pieces_are_those_of_transformers(peer, tmp_path):
  golden, texts = peer
  path = tmp_path / "spiece.model"
  path.write_bytes(golden["spiece"].tobytes())
  tokenizer = tokenizers.SentencePieceTokenizer(str(path), 4000)
  lost = set(golden["lost"].tolist())  # what they misread
  kept = [text for k, text in enumerate(texts) if k not in lost]
  assert len(kept) >= 10_000
  found = mixed_scripts.ids(tokenizer, kept)
  assert mixed_scripts.digest(found) == golden["pieces"]


def test_names_of_tokens_are_tokens(spiece):
  pieces = sentencepiece.SentencePieceProcessor(model_file=spiece).vocab_size()
  tokenizer = tokenizers.SentencePieceTokenizer(spiece, 8, 300)
  assert tokenizer.ids("<extra_id_0><extra_id_299>") == [pieces + 299, pieces]
  assert tokenizer.ids("<pad></s><unk>") == [0, 1, 2]
  assert tokenizers.ByteTokenizer(8).ids("<extra_id_124> <pad> ") == [383, 0]
  assert len(tokenizers.ByteTokenizer(8).ids("<extra_id_125>")) == 14


def test_tokens_beyond_the_table_are_plain_text(spiece):
  small = tokenizers.build("sentencepiece", 8, spiece, sentinels=100, rows=20)
  assert small.vocab_size == 20
  assert max(small.ids("a <extra_id_0> b")) < 20


def test_more_pieces_than_rows_are_refused(spiece):
  tokenizer = tokenizers.build("sentencepiece", 8, spiece, rows=9)
  with pytest.raises(errors.ConfigError, match="table has 9 rows"):
    _ = tokenizer.vocab_size
  assert tokenizers.build("sentencepiece", 8, rows=9).vocab_size == 9
