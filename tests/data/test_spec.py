import pytest

from lumiere_jax import errors
from lumiere_jax.data import spec


def test_a_plain_name_is_one_part():
  assert spec.parse("cache/clips") == (spec.Part(name="cache/clips"),)


def test_names_may_hold_plus_signs_and_stars():
  (part,) = spec.parse("c++/a*b")
  assert part.name == "c++/a*b"


def test_a_mixture_has_weights():
  parts = spec.parse("3 * cache/a + 0.5*tfds:b@/data")
  assert [(part.weight, part.name) for part in parts] == [
    (3.0, "cache/a"),
    (0.5, "tfds:b@/data"),
  ]


def test_options_come_after_a_question_mark():
  (part,) = spec.parse("tfds:b@/d?caption=two+digits&fps=12.5&split=test[:9]")
  assert part == spec.Part(
    name="tfds:b@/d", caption="two digits", fps=12.5, split="test[:9]"
  )


@pytest.mark.parametrize(
  ("dataset", "match"),
  [
    ("a + ", "a name is missing"),
    ("", "a name is missing"),
    ("0 * a", "weight of a is '0'; it must be a positive number"),
    ("1e * a", "weight of a is '1e'"),
    ("a?fps=fast", "fps of a is 'fast'"),
    ("a?captoin=x", "option of a"),
  ],
)
def test_nonsense_is_refused(dataset, match):
  with pytest.raises(errors.ConfigError, match=match):
    spec.parse(dataset)
