"""A tokenizer.json reads captions as the spiece.model that it was made of."""

import golden_peers
import mixed_scripts
import pytest
import sentencepiece
import tokenizer_jsons

from lumiere_jax import errors
from lumiere_jax.text import tokenizer_json
from lumiere_jax.text import tokenizers


@pytest.fixture(scope="module")
def spiece():
  """A thousand pieces of mixed scripts, T5's ids and its normalisation."""
  return golden_peers.load("tokens")["spiece"].tobytes()


def _load(spiece):
  return sentencepiece.SentencePieceProcessor(model_proto=spiece)


def test_ids_of_mixed_scripts_are_the_same(spiece, tmp_path):
  path = tmp_path / "tokenizer.json"
  tokenizer_jsons.write(path, spiece)
  assert len(tokenizer_jsons.charsmap(spiece)) > 100_000
  (tmp_path / "spiece.model").write_bytes(spiece)
  ours, theirs = (
    tokenizers.SentencePieceTokenizer(str(tmp_path / name), 4000)
    for name in ("tokenizer.json", "spiece.model")
  )
  texts = [*mixed_scripts.strings(2000), "  two  spaces ", "<extra_id_0> a"]
  assert [ours.ids(x) for x in texts] == [theirs.ids(x) for x in texts]
  assert ours.vocab_size == theirs.vocab_size


def test_special_pieces_are_special(spiece, tmp_path):
  path = tmp_path / "tokenizer.json"
  tokenizer_jsons.write(path, spiece)
  made, kept = _load(tokenizer_json.spiece(path)), _load(spiece)
  assert made.vocab_size() == kept.vocab_size()
  for number in range(made.vocab_size()):
    for ask in ("id_to_piece", "get_score", "is_control", "is_unknown"):
      assert getattr(made, ask)(number) == getattr(kept, ask)(number)
  ids = lambda one: (one.pad_id(), one.eos_id(), one.unk_id(), one.bos_id())
  assert ids(made) == ids(kept) == (0, 1, 2, -1)


@pytest.mark.parametrize("scheme", ["always", "never"])
def test_spaces_are_as_it_says(spiece, tmp_path, scheme):
  path = tmp_path / "tokenizer.json"
  # The older form, in which a rule of replacement makes spaces one.
  said = tokenizer_jsons.made(spiece)
  replaced = dict(type="Replace", pattern={"Regex": " {2,}"}, content="▁")
  steps = [said["normalizer"], dict(type="Strip"), replaced]
  tokenizer_jsons.write(
    *(path, spiece),
    normalizer=dict(type="Sequence", normalizers=steps),
    pre_tokenizer=dict(type="Metaspace", prepend_scheme=scheme),
  )
  first = "▁" if scheme == "always" else ""
  made = _load(tokenizer_json.spiece(path))
  assert "".join(made.encode(" a  e ", out_type=str)) == f"{first}a▁e"
  tokenizer_jsons.write(
    *(path, spiece),
    normalizer=None,
    pre_tokenizer=dict(type="Metaspace", add_prefix_space=scheme == "always"),
  )
  made = _load(tokenizer_json.spiece(path))
  # Nothing makes them one, and nothing is done to characters.
  assert "".join(made.encode("a  e", out_type=str)) == f"{first}a▁▁e"


def test_what_no_piece_holds_is_spelt_in_bytes_if_they_are_there(
  spiece, tmp_path
):
  names = ["<pad>", "</s>", "<unk>", *(f"<0x{k:02X}>" for k in range(256)), "a"]
  model = dict(type="Unigram", unk_id=2, vocab=[[one, -1.0] for one in names])
  path = tmp_path / "tokenizer.json"
  spaces = dict(type="Metaspace", prepend_scheme="never")
  added = [dict(content=one, special=True) for one in names[:3]]
  tokenizer_jsons.write(
    *(path, spiece),
    normalizer=None,
    pre_tokenizer=spaces,
    model=model,
    added_tokens=added,
  )
  made = _load(tokenizer_json.spiece(path))
  assert made.encode("aé") == [259, 3 + 0xC3, 3 + 0xA9]


METASPACE = dict(type="Metaspace", replacement="▁")
REPLACED = dict(type="Replace", pattern={"String": "_"}, content=" ")
DOTTED = dict(type="Replace", pattern={"Regex": " {2,}"}, content=".")


def _pieces(**changes):
  vocabulary = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["a", -1.0]]
  return dict(model=dict(type="Unigram", unk_id=2, vocab=vocabulary) | changes)


@pytest.mark.parametrize(
  ("changes", "words"),
  [
    (dict(model=dict(type="BPE")), "its model is no unigram one"),
    (dict(model=None), "its model is no unigram one"),
    (dict(normalizer=dict(type="Lowercase")), "it normalises by Lowercase"),
    (dict(normalizer=REPLACED), "it normalises by Replace"),
    (dict(normalizer=DOTTED), "it normalises by Replace"),
    (
      dict(normalizer=dict(type="Strip"), pre_tokenizer=METASPACE),
      "it normalises by Strip",
    ),
    (dict(pre_tokenizer=None), "it does not mark spaces"),
    (
      dict(pre_tokenizer=METASPACE | dict(replacement="_")),
      "it does not mark spaces",
    ),
    (dict(pre_tokenizer=dict(type="Digits")), "it parts text by Digits"),
    (dict(pre_tokenizer=dict(split=True)), "it is damaged"),
    (dict(model=[]), "its model is no unigram one"),
    (dict(model=["Unigram"]), "it is damaged"),
    (_pieces(vocab=[["a"]]), "it is damaged"),
    (_pieces(unk_id=4), "it is damaged"),
    (_pieces(unk_id=None), "it is damaged"),
  ],
)
def test_others_are_refused(spiece, tmp_path, changes, words):
  path = tmp_path / "tokenizer.json"
  tokenizer_jsons.write(path, spiece, **changes)
  with pytest.raises(errors.ConfigError, match=words):
    tokenizer_json.spiece(path)


@pytest.mark.parametrize(
  ("text", "words"),
  [("{", "cannot be read"), ("[1]", "is damaged"), ("{}", "is damaged")],
)
def test_what_is_no_json_of_that_kind_is_refused(tmp_path, text, words):
  path = tmp_path / "tokenizer.json"
  path.write_text(text)
  with pytest.raises(errors.ConfigError, match=f"a T5 encoder: it {words}"):
    tokenizer_json.spiece(path)
