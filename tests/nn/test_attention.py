"""What attends to what, and what it cannot see."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.nn import attention
from lumiere_jax.nn import initial

HEAD_DIM, GROUPS = 4, 2
MASK = np.array([[True, True, False], [True, False, False]])


def _moved(module, *inputs):
  """Parameters away from their start, so that no zero hides anything."""
  params = initial.materialize(
    jax.eval_shape(module.init, jax.random.key(0), *inputs), seed=0
  )
  leaves, tree = jax.tree.flatten(params)
  return jax.tree.unflatten(
    tree,
    [
      x + np.random.default_rng(i).standard_normal(x.shape, np.float32) / 2
      for i, x in enumerate(leaves)
    ],
  )


def _video(frames=3, side=2, channels=8):
  shape = (2, frames, side, side, channels)
  return jax.random.normal(jax.random.key(1), shape)


def _text(width=8):
  return jax.random.normal(jax.random.key(2), (2, 3, width))


def _frame_attention(kind):
  module = attention.FrameAttention(HEAD_DIM, kind, GROUPS)
  params = _moved(module, _video(), _text(), MASK)
  return lambda x, text, mask=MASK: module.apply(params, x, text, mask)


KINDS = [pytest.param(kind, id=kind) for kind in attention.KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_masked_words_change_nothing(kind):
  apply = _frame_attention(kind)
  noise = jnp.where(MASK[..., None], _text(), 100.0)
  chex.assert_trees_all_equal(apply(_video(), noise), apply(_video(), _text()))


@pytest.mark.parametrize(
  ("kind", "sees_words", "sees_pixels"),
  [("joint", True, True), ("cross", True, False), ("self", False, True)],
)
def test_kind_says_what_is_attended_to(kind, sees_words, sees_pixels):
  apply, x, text = _frame_attention(kind), _video(), _text()
  out = apply(x, text)
  told = apply(x, text.at[0, 0].add(1.0))
  assert (float(jnp.abs(told - out)[0].max()) > 1e-3) == sees_words
  chex.assert_trees_all_close(told[1], out[1])  # another clip's words
  assert (_pixel_reach(apply, x, text) > 1e-4) == sees_pixels


def _pixel_reach(apply, x, text):
  """How much the last pixel of a frame changes with its first."""
  # Trading the channels of one group keeps that group's mean and variance, so
  # only attention can carry the change to another pixel.
  changed = x.at[0, 0, 0, 0, :4].set(x[0, 0, 0, 0, 3::-1])
  difference = jnp.abs(apply(changed, text) - apply(x, text))
  return float(difference[0, 0, 1, 1].max())


def test_frames_do_not_see_each_other():
  apply, x = _frame_attention("joint"), _video()
  moved = apply(x.at[:, 1].add(_video()[:, 0]), _text())
  same = np.array([0, 2])
  chex.assert_trees_all_equal(moved[:, same], apply(x, _text())[:, same])


def test_one_softmax_over_pixels_and_words():
  # With every word masked, joint attention is attention among pixels.
  module = lambda kind: attention.FrameAttention(HEAD_DIM, kind, GROUPS)
  x, text, none = _video(), _text(), jnp.zeros_like(MASK)
  params = _moved(module("joint"), x, text, none)
  keep = ("norm", "query", "key", "value", "out")
  alone = {"params": {name: params["params"][name] for name in keep}}
  chex.assert_trees_all_close(
    module("joint").apply(params, x, text, none),
    module("self").apply(alone, x, text, none),
    rtol=1e-6,
    atol=1e-6,
  )


def test_attention_starts_as_the_identity():
  module = attention.FrameAttention(HEAD_DIM, "joint", GROUPS)
  inputs = (_video(), _text(), MASK)
  shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)
  params = initial.materialize(shapes, seed=0)
  np.testing.assert_array_equal(module.apply(params, *inputs), inputs[0])


def test_an_unknown_kind_is_refused():
  module = attention.FrameAttention(HEAD_DIM, "crossed", GROUPS)
  with pytest.raises(errors.ConfigError, match="Did you mean 'cross'"):
    module.init(jax.random.key(0), _video(), _text(), MASK)


def test_heads_are_cut_in_order():
  x = jnp.arange(12).reshape(1, 12)
  heads = attention.split_heads(x, 4)
  np.testing.assert_array_equal(heads[0, 1], [4, 5, 6, 7])
  assert heads.shape == (1, 3, 4)


def test_head_width_must_divide():
  with pytest.raises(errors.ShapeError, match=r"attention width is 8, .* 6 or"):
    attention.split_heads(jnp.zeros((1, 8)), 3)


def _temporal(x):
  module = attention.TemporalAttention(HEAD_DIM, GROUPS)
  shapes = jax.eval_shape(module.init, jax.random.key(0), x)
  return module, initial.materialize(shapes, seed=0)


def test_temporal_attention_starts_at_zero():
  module, params = _temporal(_video())
  np.testing.assert_array_equal(module.apply(params, _video()), 0.0)


def test_temporal_attention_runs_along_time_alone():
  x = _video(frames=4)
  module, _ = _temporal(x)
  params = _moved(module, x)
  # A trade within one group moves no statistic: see `_pixel_reach`.
  changed = x.at[0, 3, 1, 0, :4].set(x[0, 3, 1, 0, 3::-1])
  difference = jnp.abs(module.apply(params, changed) - module.apply(params, x))
  assert float(difference[0, 0, 1, 0].max()) > 1e-4  # same pixel, other frame
  assert float(difference[0, 0, 0, 1].max()) < 1e-5  # other pixel, other frame
  assert float(difference[0, 3, 0, 0].max()) < 1e-5  # other pixel, same frame
  assert float(difference[1].max()) == 0.0


def test_temporal_attention_knows_the_order_of_frames():
  x = _video(frames=4)
  module, _ = _temporal(x)
  params = _moved(module, x)
  backwards = module.apply(params, x[:, ::-1])[:, ::-1]
  assert float(jnp.abs(backwards - module.apply(params, x)).max()) > 1e-3
  # The relative bias is all that it knows it by.
  params["params"]["relative"]["table"][:] = 0.0
  backwards = module.apply(params, x[:, ::-1])[:, ::-1]
  chex.assert_trees_all_close(
    backwards, module.apply(params, x), rtol=1e-5, atol=1e-5
  )


def test_pool_ignores_masked_words_and_padding():
  module = attention.AttentionPool(HEAD_DIM)
  params = _moved(module, _text(), MASK)
  pooled = module.apply(params, _text(), MASK)
  assert pooled.shape == (2, 8)
  noise = jnp.where(MASK[..., None], _text(), 100.0)
  chex.assert_trees_all_equal(module.apply(params, noise, MASK), pooled)
  longer = module.apply(
    params,
    jnp.pad(_text(), ((0, 0), (0, 4), (0, 0)), constant_values=7.0),
    jnp.pad(MASK, ((0, 0), (0, 4))),
  )
  chex.assert_trees_all_close(longer, pooled, rtol=1e-6, atol=1e-6)


def test_pool_of_one_word_by_hand():
  # Softmax weights do not matter when all that is attended to is the same.
  module = attention.AttentionPool(HEAD_DIM)
  text, mask = _text(), jnp.array([[True, False, False]] * 2)
  params = _moved(module, text, mask)
  params["params"]["offset"][:] = 0.0  # then the query is the word itself
  value = params["params"]["value"]
  want = text[:, 0] @ value["kernel"] + value["bias"]
  got = module.apply(params, text, mask)
  chex.assert_trees_all_close(got, want, rtol=1e-5, atol=1e-5)


def test_pool_of_no_words_is_a_number():
  module = attention.AttentionPool(HEAD_DIM)
  params = _moved(module, _text(), MASK)
  pooled = module.apply(params, _text(), jnp.zeros_like(MASK))
  assert bool(jnp.isfinite(pooled).all())
