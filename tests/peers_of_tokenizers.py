"""transformers' tokenizers, and where they misread; needs transformers."""

import io
import pathlib
import warnings

import mixed_scripts
import pytest
import sentencepiece

transformers = pytest.importorskip("transformers")


def train() -> bytes:
  """A small SentencePiece model with T5's ids and normalisation."""
  model = io.BytesIO()
  sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(mixed_scripts.strings(3000, seed=5)),
    model_writer=model,
    vocab_size=1000,
    hard_vocab_limit=False,
    character_coverage=0.999,
    bos_id=-1,
    pad_id=0,
    eos_id=1,
    unk_id=2,
    minloglevel=2,
  )
  return model.getvalue()


def pieces(folder: pathlib.Path, texts, sentinels: int = 100):
  """Ids by T5Tokenizer, and of which texts it loses characters.

  Its normaliser works on clusters of a few bytes, takes the first rule for
  where one begins, and drops the rest of it: a space with a dot below becomes
  a space, and A with two marks is not composed. SentencePiece, by which the
  encoders were trained, does neither.
  """
  theirs = transformers.T5Tokenizer.from_pretrained(folder, extra_ids=sentinels)
  own = sentencepiece.SentencePieceProcessor(
    model_file=str(folder / "spiece.model")
  )
  normal = theirs.backend_tokenizer.normalizer.normalize_str
  words = lambda text: text.replace("▁", " ").replace("\x85", " ").split()
  lost = [words(normal(t)) != words(own.normalize(t)) for t in texts]
  return [theirs(text).input_ids for text in texts], lost


def bytes_(texts):
  """Ids by ByT5Tokenizer."""
  theirs = transformers.ByT5Tokenizer()
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of texts that say where they end
    return [theirs(text).input_ids for text in texts]
