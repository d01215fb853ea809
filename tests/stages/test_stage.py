"""What imported text encoders want of a stage."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import recipes

from lumiere_jax import errors
from lumiere_jax.generation import conditions
from lumiere_jax.nn import initial
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Guided


def _stage(**text):
  recipe = recipes.smallest("t2i")
  return stages.build(recipe | {"text": recipe["text"] | text})


def _params(stage):
  return initial.materialize(stage.abstract_params(), 0, None)


def test_padding_is_hidden_unless_it_is_to_be_seen():
  hidden, seen = _stage(), _stage(padding="seen")
  tokens, mask = hidden.tokenizer(["a cat"])
  params = _params(hidden)
  embedding, shown = hidden.encode(params, tokens, mask)
  np.testing.assert_array_equal(shown, mask)
  same, all_shown = seen.encode(params, tokens, mask)
  np.testing.assert_array_equal(same, embedding)
  assert all_shown.all()


def test_no_text_is_nothing_or_the_empty_caption():
  quiet, heard = _stage(), _stage(null="empty")
  params = _params(quiet)
  assert quiet.unsaid(params) is None
  tokens, mask = heard.tokenizer([""])
  want = heard.encode(params, tokens, mask)
  for got, wanted in zip(heard.unsaid(params), want, strict=True):
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("null", ["zeros", "empty"])
def test_guidance_steers_away_from_what_stands_for_no_text(null):
  stage = _stage(null=null)
  params = _params(stage)
  encode = jax.jit(lambda tokens, mask: stage.encode(params, tokens, mask))
  told = conditions.build(
    stage.tokenizer,
    encode,
    prompt="a cat",
    negative_prompt="",
    num_clips=1,
    is_guided=True,
    hears_silence=stage.hears_silence,
  )
  assert isinstance(told, Guided)
  assert bool(jnp.any(told.negative.text)) == (null == "empty")
  assert told.positive.text.any()


def test_tables_may_have_more_rows_than_the_tokenizer_needs():
  assert _stage(vocab_size=500).text_encoder.vocab_size == 500
  assert _stage().text_encoder.vocab_size == 384


@pytest.mark.parametrize("field", ["null", "padding"])
def test_what_is_neither_is_refused(field):
  with pytest.raises(errors.ConfigError, match=rf"text\.{field} is 'none'"):
    _stage(**{field: "none"})


def test_a_clip_is_added_to_clean_ones_alone():
  recipe = recipes.smallest("ssr")
  recipe["model"] |= {"low_res_skip": True}
  recipe["diffusion"] |= {"prediction": "clean"}
  stages.build(recipe)
  recipe["diffusion"] |= {"prediction": "v"}
  with pytest.raises(errors.ConfigError, match=r"low_res_skip is set.*'v'"):
    stages.build(recipe)
