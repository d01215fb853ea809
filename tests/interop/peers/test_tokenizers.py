"""Our tokenizers against transformers' own, on strings of mixed scripts."""

import mixed_scripts
import peers_of_tokenizers as peers
import pytest

from lumiere_jax.text import tokenizers

STRINGS = mixed_scripts.strings()
LONG = 4000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("spiece")
  (folder / "spiece.model").write_bytes(peers.train())
  return folder


def test_bytes_are_theirs():
  found = mixed_scripts.ids(tokenizers.ByteTokenizer(LONG), STRINGS)
  assert found == peers.bytes_(STRINGS)


@pytest.mark.parametrize("sentinels", [100, 300])
def test_pieces_are_theirs(folder, sentinels):
  path = str(folder / "spiece.model")
  ours = tokenizers.SentencePieceTokenizer(path, LONG, sentinels)
  wanted, lost = peers.pieces(folder, STRINGS, sentinels)
  assert len(lost) - sum(lost) >= 10_000
  for text, got, want, is_lost in zip(
    STRINGS, mixed_scripts.ids(ours, STRINGS), wanted, lost, strict=True
  ):
    assert got == want or is_lost, ascii(text)


def test_what_transformers_saves_alone_is_read_as_the_model_was(folder):
  saved = folder / "saved"
  peers.transformers.T5Tokenizer.from_pretrained(folder).save_pretrained(saved)
  assert not (saved / "spiece.model").exists()
  paths = saved / "tokenizer.json", folder / "spiece.model"
  ours, theirs = (
    tokenizers.SentencePieceTokenizer(str(path), LONG) for path in paths
  )
  read = lambda one: mixed_scripts.ids(one, STRINGS)
  assert read(ours) == read(theirs)
