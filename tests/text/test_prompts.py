"""Prompts that say nothing, or too much, are refused in one sentence."""

import pytest

from lumiere_jax import errors
from lumiere_jax.text import prompts


def test_a_prompt_loses_the_space_around_it():
  assert prompts.check("  a red ball\n") == "a red ball"


@pytest.mark.parametrize(
  "prompt", ["", "  \t\n", "\u3000"], ids=["empty", "blank", "wide blank"]
)
def test_a_prompt_that_says_nothing_is_refused(prompt):
  with pytest.raises(errors.ConfigError, match="prompt is empty; say what"):
    prompts.check(prompt)


def test_a_prompt_of_exactly_the_limit_passes():
  prompt = "a" * prompts.MAX_CHARACTERS
  assert prompts.check(prompt) == prompt


def test_ten_thousand_characters_are_refused_with_the_limit():
  with pytest.raises(
    errors.ConfigError, match=r"has 10,000 characters; the limit is 2,000"
  ):
    prompts.check("a" * 10_000)
