"""Steps are compiled for batches of the shapes that the data has."""

import importlib
import json

import jax

from lumiere_jax.aot import train_step
from lumiere_jax.data import pipeline
from lumiere_jax.data import reading
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.text import tokenizers


def test_a_text_step_takes_what_captions_come_as():
  config = importlib.import_module("configs.nano").get_config("text")
  recipe = json.loads(config.to_json_best_effort())
  found = train_step.abstract_batch(
    recipe, meshes.make({"data": 1}, jax.devices()[:1])
  )
  with pipeline.build(
    reading.NAME,
    batch_size=recipe["data"]["global_batch"],
    seed=0,
    frames="none",
    tokenizer=tokenizers.ByteTokenizer(recipe["text"]["max_length"]),
  ) as iterator:
    batch = next(iterator)
  shapes = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)
  assert shapes(found) == shapes(batch)


def test_embeddings_of_summaries_are_as_long_as_these():
  config = importlib.import_module("configs.nano").get_config("t2i")
  config.data.embeddings = "cache/words"
  recipe = json.loads(config.to_json_best_effort())
  found = train_step.abstract_batch(
    recipe, meshes.make({"data": 1}, jax.devices()[:1])
  )
  assert found.tokens.shape == (24, 192)
  assert found.embedding.shape == (24, 12, 128)
  assert found.text_mask.shape == (24, 12)
