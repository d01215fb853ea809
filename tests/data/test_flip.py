import pytest

from lumiere_jax.data import flip


@pytest.mark.parametrize(
  "caption",
  [
    "a dog runs on the beach",
    "a bright red ball bounces",  # holds "right"
    "don't look down, it's raining",
    "two cats' tails",
    "a designer cuts a worded silhouette",  # holds "sign", "word"
    "",
  ],
)
def test_what_has_no_side_may_be_mirrored(caption):
  assert flip.may_flip(caption)


@pytest.mark.parametrize(
  "caption",
  [
    "a sheep to the RIGHT of a wine glass",
    "a left-handed guitarist",
    "the wheel turns clockwise",
    "counter-clockwise swirl",
    "a neon sign blinks",
    "a man reading a newspaper",
    'a shirt that says "hello"',
    "a cup with \u201cjoe\u201d on it",
    "a cup with 'joe' on it",
    "ein Hund läuft nach links",
    "un perro a la derecha",
    "狗向左跑",
    "wind from the east",
  ],
)
def test_sides_and_writing_are_left_alone(caption):
  assert not flip.may_flip(caption)
