import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.nn import initial
from lumiere_jax.text import reader
from lumiere_jax.text import t5

# The first two are of one group.
SIZES = ((3, 1), (5,))
NETWORK = reader.Reader(sizes=SIZES)
EXISTS = np.arange(6) <= np.array([3, 1, 5])[:, None]


@pytest.fixture(scope="module")
def params():
  text, mask = jnp.zeros((2, 7, 8)), jnp.ones((2, 7), bool)
  shapes = jax.eval_shape(NETWORK.init, jax.random.key(0), text, mask)
  return initial.materialize(shapes["params"], seed=0)


@jax.jit
def _logits(params, text, mask):
  return NETWORK.apply({"params": params}, text, mask)


@pytest.fixture
def read(params):
  """Text and mask -> logits, of a reader that knows nothing yet."""
  return lambda *said: np.asarray(_logits(params, *said))


@pytest.fixture
def text():
  rng = np.random.default_rng(1)
  return rng.normal(size=(2, 7, 8)).astype(np.float32)


@pytest.fixture
def mask():
  return np.arange(7) < np.array([[4], [7]])


def test_logits_are_of_all_values_of_each_attribute_and_of_none(
  read, text, mask
):
  logits = read(text, mask)
  chex.assert_shape(logits, (2, 3, 6))
  assert logits.dtype == jnp.float32
  assert (logits[:, ~EXISTS] == -1e9).all()
  assert (np.abs(logits[:, EXISTS]) < 100).all()


def test_what_is_masked_does_not_matter_and_what_is_not_does(read, text, mask):
  first = read(text, mask)
  changed = np.where(mask[..., None], text, np.float32(7))
  np.testing.assert_allclose(read(changed, mask), first, atol=1e-6)
  text[0, 3] = 7.0
  other = read(text, mask)
  assert np.abs(other - first)[0].max() > 1e-3
  np.testing.assert_allclose(other[1], first[1], atol=1e-6)


def test_padding_changes_nothing(read, text, mask):
  first = read(text, mask)
  longer = np.pad(text, ((0, 0), (0, 3), (0, 0)), constant_values=2.0)
  found = read(longer, np.pad(mask, ((0, 0), (0, 3))))
  np.testing.assert_allclose(found, first, atol=1e-6)


def test_each_group_asks_for_itself(params, read, text, mask):
  first = read(text, mask)
  assert params["questions"].shape == (2, 8)
  other = params | {
    "questions": jnp.asarray(params["questions"]).at[0].add(1.0)
  }
  moved = np.abs(_logits(other, text, mask) - first).max((0, 2))
  assert (moved[:2] > 1e-3).all()
  assert moved[2] == 0


def test_what_is_none_is_never_learned(params, text, mask):
  grads = jax.grad(
    lambda params: jax.nn.logsumexp(_logits(params, text, mask), -1).sum()
  )(params)["values"]
  values = np.abs(np.asarray(grads)).max(1)
  assert (values[~EXISTS] == 0).all()
  assert (values[EXISTS] > 0).all()


ANSWERS = reader.Answers(sizes=SIZES, width=8)


@pytest.fixture(scope="module")
def vectors():
  shapes = jax.eval_shape(ANSWERS.init, jax.random.key(0), jnp.zeros((1, 3, 6)))
  return initial.materialize(shapes["params"], seed=0)


def _sure(*answers):
  """Logits of a reader that is sure."""
  return jnp.where(jnp.arange(6) == jnp.array(answers)[:, None], 0.0, -1e9)[
    None
  ]


def test_a_place_is_the_sum_of_the_vectors_of_its_answers(vectors):
  found = ANSWERS.apply({"params": vectors}, _sure(2, 1, 5))
  chex.assert_shape(found, (1, 2, 8))
  answers, places = vectors["answers"], vectors["places"]
  chex.assert_shape(answers, (2, 6, 8))
  # Questions of one rank share vectors, whatever they are about.
  want = [
    answers[0, 2] + answers[1, 1] + places[0],
    answers[0, 5] + places[1],
  ]
  np.testing.assert_allclose(found[0], np.stack(want), rtol=1e-6)


def test_who_hesitates_says_both(vectors):
  run = lambda logits: ANSWERS.apply({"params": vectors}, logits)
  one, other = _sure(2, 1, 5), _sure(0, 1, 5)
  np.testing.assert_allclose(
    run(jnp.maximum(one, other)), (run(one) + run(other)) / 2, rtol=1e-5
  )


SMALL = dict(
  vocab_size=16, width=8, num_layers=1, num_heads=1, head_dim=8, mlp_width=8
)


@pytest.mark.parametrize(("sizes", "length"), [((), 7), (SIZES, 2)])
def test_an_encoder_hands_on_its_tokens_or_what_it_read(sizes, length, mask):
  encoder = t5.T5Encoder(**SMALL, questions=sizes)
  tokens = np.arange(14).reshape(2, 7)
  params = encoder.init(jax.random.key(0), tokens, mask)
  found, seen = encoder.apply(params, tokens, mask), encoder.seen(mask)
  chex.assert_shape(found, (2, length, 8))
  np.testing.assert_array_equal(seen, np.ones((2, 2), bool) if sizes else mask)
  if sizes:
    said = encoder.apply(params, tokens, mask, answers=True)
    chex.assert_shape(said, (2, 3, 6))


def test_groups_of_the_same_several_questions_may_share_answers():
  sizes = ((3, 1), (5,), (3, 1), (5,))
  apart, alike = (reader._kernels(sizes, shared) for shared in (False, True))
  assert apart.tolist() == [0, 1, 2, 3, 4, 5]
  # One question alone is not said to be the same as another.
  assert alike.tolist() == [0, 1, 2, 0, 1, 3]


def test_what_is_shared_answers_alike_where_it_reads_alike(text, mask):
  network = reader.Reader(((3, 1), (3, 1)), shared=True)
  shapes = jax.eval_shape(network.init, jax.random.key(0), text, mask)
  params = initial.materialize(shapes["params"], seed=0)
  assert params["values"].shape == (2, 8, 4)
  same = np.repeat(np.asarray(params["questions"])[:1], 2, axis=0)
  logits = network.apply({"params": params | {"questions": same}}, text, mask)
  np.testing.assert_allclose(logits[:, :2], logits[:, 2:], atol=1e-6)


def test_what_is_not_there_has_nothing_said_of_it(text, mask):
  network = reader.Reader(((1, 3),), shared=True)
  shapes = jax.eval_shape(network.init, jax.random.key(0), text, mask)
  params = initial.materialize(shapes["params"], seed=0)
  yes = np.random.default_rng(0).normal(size=8)
  signs = set()
  for way in (yes, -yes):
    values = np.zeros((2, 8, 4), np.float32)
    values[0, :, 1] = way
    logits = network.apply({"params": params | {"values": values}}, text, mask)
    lacks = logits[:, 0, 0] - logits[:, 0, 1]
    np.testing.assert_allclose(logits[:, 1, 0], np.maximum(lacks, 0), atol=1e-6)
    assert not np.asarray(logits[:, 1, 1:]).any()
    signs |= set(np.sign(np.asarray(lacks)))
  assert signs == {-1.0, 1.0}
