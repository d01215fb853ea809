"""Embeddings made ahead of training are those that the run would make."""

import types

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import feed
from lumiere_jax.stages import weights
from lumiere_jax.text import cache

TEXT = {"tokenizer": "bytes", "max_length": 8, "encoder": {"width": 4}}


def _stage(text):
  computes = types.SimpleNamespace(dtype="float32")
  return types.SimpleNamespace(
    recipe={"text": text}, network=computes, text_encoder=computes
  )


STAGE = _stage(TEXT)
PARAMS = {"kernel": np.ones((2, 2), np.float32)}


@pytest.fixture
def embeddings(tmp_path):
  digest = weights.text_digest(STAGE, PARAMS)
  cache.EmbeddingCache(str(tmp_path), digest).describe()
  return str(tmp_path)


def _recipe(embeddings, trainable="temporal"):
  return {"data": {"embeddings": embeddings}, "trainable": trainable}


def test_embeddings_of_the_same_encoder_are_taken(embeddings):
  feed.check_embeddings(STAGE, _recipe(embeddings), PARAMS)


def test_without_embeddings_anything_goes():
  feed.check_embeddings(STAGE, {"data": {}, "trainable": "all"}, PARAMS)


def test_embeddings_of_another_encoder_are_refused(embeddings):
  other = {"kernel": np.zeros((2, 2), np.float32)}
  with pytest.raises(errors.ConfigError, match="make them from the run named"):
    feed.check_embeddings(STAGE, _recipe(embeddings), other)


def test_embeddings_cut_at_another_length_are_refused(embeddings):
  stage = _stage(TEXT | {"max_length": 9})
  with pytest.raises(errors.ConfigError, match="are of the encoder"):
    feed.check_embeddings(stage, _recipe(embeddings), PARAMS)


def test_an_encoder_in_training_takes_none(embeddings):
  with pytest.raises(errors.ConfigError, match="out of date after one step"):
    feed.check_embeddings(STAGE, _recipe(embeddings, "all"), PARAMS)
